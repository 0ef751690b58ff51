"""
Forward error correction: Reed-Solomon parity over groups of datagrams, as in kcp-go.
"""
