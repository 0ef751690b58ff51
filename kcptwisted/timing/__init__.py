"""
What calls sessions when they are due.
"""
