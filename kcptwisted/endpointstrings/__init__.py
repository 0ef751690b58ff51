"""
Endpoint strings, as Twisted hands them to a plugin: C{kcp:host:port:option=value…}.
"""
