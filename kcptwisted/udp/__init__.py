"""
UDP in batches: many datagrams for each call into the kernel, where the kernel can.
"""
