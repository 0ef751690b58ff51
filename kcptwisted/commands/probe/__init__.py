"""
C{kcptwisted probe}: what a path to a KCP server is like, and which options suit it.
"""
