"""
What connections do, in files for plotting (C{qlog=}): JSON text sequences as in
draft-ietf-quic-qlog-main-schema, with events named for KCP (docs/qlog.md).
"""
