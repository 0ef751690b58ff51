"""
Tests for L{kcptwisted.commands.top}.
"""
