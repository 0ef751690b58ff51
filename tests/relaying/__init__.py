"""
Tests for L{kcptwisted.relaying}.
"""
