"""
What a process's ports and sessions count, for Prometheus: see docs/metrics.md.
"""
