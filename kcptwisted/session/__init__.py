"""
A connection as Twisted sees it: its transport, its protocol and what drives both.
"""
