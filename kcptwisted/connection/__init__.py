"""
A connection without I/O and clock: its states, control frames and timers above the ARQ core.
"""
