"""
The benchmark: loads for any Twisted endpoint, and C{kcptwisted bench}.
"""
