"""
The commands of C{python -m kcptwisted}.
"""
