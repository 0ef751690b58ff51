"""
Several processes that serve one port (docs/scaling.md).
"""
