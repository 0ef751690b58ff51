"""
Tests for L{kcptwisted.metrics}.
"""
