"""
The end that calls.
"""
