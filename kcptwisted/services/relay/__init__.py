"""
Joining connections so that neither end takes a failure for the end of the data (docs/relay.md).
"""
