"""
Tests for L{kcptwisted.services.systemd}.
"""
