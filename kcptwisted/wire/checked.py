"""
The header of packets with a checksum (docs/wire.md, "Ciphers"): a nonce, then the CRC-32 of the
datagram that follows.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

_CRC = struct.Struct("<I")

#: Bytes of the nonce.
NONCE: Final = 16

#: Bytes before the datagram.
CHECKED_OVERHEAD: Final[int] = NONCE + _CRC.size

#: Encodes a CRC-32.
packChecksum: Final[Callable[[int], bytes]] = _CRC.pack
