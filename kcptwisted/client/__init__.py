"""
The client's end.
"""
