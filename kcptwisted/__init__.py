"""
KCP for Twisted: reliable, low-latency streams over UDP, wire-compatible with kcp-go.

Most programs only need an endpoint string, which Twisted passes to this package::

    clientFromString(reactor, "kcp:example.com:4000:crypt=aes:key=secret").connect(factory)
    serverFromString(reactor, "kcp:4000:crypt=aes:key=secret").listen(factory)

In code, use L{kcptwisted.endpoints.KCPClientEndpoint} and
L{kcptwisted.endpoints.KCPServerEndpoint} with L{kcptwisted.options.KCPOptions}.
"""

from kcptwisted import moved

__version__ = "0.1.0"

moved.install()
