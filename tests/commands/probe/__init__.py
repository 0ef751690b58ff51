"""
Tests for L{kcptwisted.commands.probe}.
"""
