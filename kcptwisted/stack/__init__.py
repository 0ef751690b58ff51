"""
What lies between a socket and its sessions: cipher, the layers of the user.
"""
