"""
The end that is called: newcomers, listening ports, peers that move.
"""
