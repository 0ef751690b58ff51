"""
The layers between a socket and its sessions: the cipher, and the user's own.
"""
