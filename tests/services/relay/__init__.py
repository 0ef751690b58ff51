"""
Tests for L{kcptwisted.services.relay}.
"""
