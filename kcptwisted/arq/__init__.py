"""
The ARQ core: KCP's automatic repeat request, without I/O and without a clock.

Datagrams and the time in milliseconds go in, datagrams and the time of the next deadline come
out.  L{kcptwisted.arq.conversation.Conversation} is the whole of it for a caller.
"""
