"""
The server's end: newcomers, listening ports, peers that move.
"""
