"""
Forward error correction: Reed-Solomon parity over groups of datagrams, as kcp-go does it.
"""
