"""
Tests for L{kcptwisted.status}.
"""
