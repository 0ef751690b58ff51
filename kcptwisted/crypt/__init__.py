"""
Packet encryption, as kcp-go does it: each datagram on its own, the same key in both directions.
"""
