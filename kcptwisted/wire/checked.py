"""
The header of packets with a checksum (docs/wire.md, "Ciphers"): a nonce, then the CRC-32 of the
datagram that follows.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

_CRC = struct.Struct("<I")

#: Bytes of the nonce.
NONCE = 16

#: Bytes before the datagram.
CHECKED_OVERHEAD = NONCE + _CRC.size

#: Encodes a CRC-32.
packChecksum: Callable[[int], bytes] = _CRC.pack
