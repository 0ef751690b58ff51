"""
Congestion control: how much may be in flight, and how fast it leaves.
"""
