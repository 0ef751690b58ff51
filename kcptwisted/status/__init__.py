"""
A look at a running program: a page that shows its ports and sessions.  See docs/status.md.
"""
