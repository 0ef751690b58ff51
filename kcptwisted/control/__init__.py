"""
What KCP has no segment for: opening, closing, resetting and moving a connection, in control frames
that other implementations skip (docs/control.md).
"""
