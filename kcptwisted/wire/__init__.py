"""
Every byte layout: KCP segments, control frames, FEC packets, and what opens a session.
"""
