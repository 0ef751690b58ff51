"""
The ARQ core: KCP's automatic repeat request, without I/O and without a clock.

Datagrams and the time in milliseconds go in, datagrams and the time of the next deadline come
out.  Callers use L{kcptwisted.arq.conversation.Conversation}.
"""
