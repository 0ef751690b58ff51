"""
From a configuration to the options of KCP and of smux.
"""

from __future__ import annotations

from typing import Any

from kcptwisted.crypt.keys import deriveKey
from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.options import KCPOptions
from kcptwisted.services.kcptun.commandline import ConfigurationError
from kcptwisted.services.kcptun.configuration import Configuration
from kcptwisted.smux.options import SmuxOptions

#: Seconds without a frame after which a peer is taken for dead.  No flag of kcptun's changes it.
DEAD_AFTER = 30.0


def kcpOptions(configuration: Configuration, **more: Any) -> KCPOptions:
    """
    Returns KCP's options.  The presets of C{--mode} say how eagerly ACKs are sent; what limits the
    bytes in flight is C{congestion=bbr}.  C{--mode manual} is as kcptun has it.

    @param more: options that are no flags.
    @raise ConfigurationError: if they do not go together.
    """
    number, text = configuration.number, configuration.text
    data, parity = number("datashard"), number("parityshard")
    values: dict[str, Any] = {
        "crypt": text("crypt"),
        "dataShards": data if parity else 0,
        "parityShards": parity if data else 0,
        "mtu": number("mtu"),
        "ackNoDelay": bool(number("acknodelay")),
        "dscp": number("dscp"),
        "socketBuffer": number("sockbuf"),
        "rateLimit": number("ratelimit"),
        "keepAlive": float(number("keepalive")),
        "deadAfter": DEAD_AFTER,
        # KCPTUN_KEY has been looked up; KCP_KEY is not kcptun's.
        "environ": {},
        **more,
    }
    cipher = CIPHERS[text("crypt")]
    if cipher.keyBytes:
        values["rawKey"] = deriveKey(text("key"), cipher.keyBytes).hex()
    if configuration.manual:
        values |= {
            "nodelay": bool(number("nodelay")),
            "interval": number("interval"),
            "resend": number("resend"),
            "nc": bool(number("nc")),
        }
    else:
        values["mode"] = text("mode")
    for flag, option in (("sndwnd", "sendWindow"), ("rcvwnd", "receiveWindow")):
        if configuration.manual or flag in configuration.given:
            values[option] = number(flag)
    try:
        return KCPOptions(**values)
    except ValueError as problem:
        raise ConfigurationError(f"--{problem}") from None


def smuxOptions(configuration: Configuration) -> SmuxOptions:
    """
    Returns smux's options.
    """
    number = configuration.number
    return SmuxOptions(
        version=number("smuxver"),
        keepAliveInterval=float(number("keepalive")),
        keepAliveTimeout=DEAD_AFTER,
        frameSize=number("framesize"),
        sessionBuffer=number("smuxbuf"),
        streamBuffer=number("streambuf"),
    )
