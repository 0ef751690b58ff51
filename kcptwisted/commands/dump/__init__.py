"""
C{kcptwisted dump}: what two KCP ends say to each other, from a capture.
"""
