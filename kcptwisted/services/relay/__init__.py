"""
The service C{kcp-relay}: it joins connections so that neither end takes a failure for the end of
the data (docs/relay.md).
"""
