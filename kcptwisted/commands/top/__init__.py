"""
C{kcptwisted top}: the table of the status page in a terminal.
"""
