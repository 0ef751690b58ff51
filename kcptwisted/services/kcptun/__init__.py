"""
The services C{kcptun-client} and C{kcptun-server}: they take kcptun's flags and talk to kcptun
(docs/kcptun.md).
"""
