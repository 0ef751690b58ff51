"""
Tests for L{kcptwisted.congestion}.
"""
