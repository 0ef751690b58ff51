"""
Packet encryption as in kcp-go: each datagram is encrypted for itself, with the same key in both
directions.
"""
