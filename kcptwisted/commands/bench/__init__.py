"""
The benchmark: loads for any Twisted endpoint, and C{python -m kcptwisted bench}.
"""
