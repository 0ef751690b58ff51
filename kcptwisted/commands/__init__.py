"""
The commands of C{kcptwisted}.
"""
