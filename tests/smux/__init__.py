"""
Tests of L{kcptwisted.smux}.
"""
