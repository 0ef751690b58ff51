"""
Services for C{twistd}.
"""
