"""
The sizes of datagrams between which the search for a path's MTU chooses: bytes of UDP payload.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

#: Where a search begins: each link carries IPv6 packets of 1280 bytes (RFC 8200, section 5), of
#: which the headers of IPv6 and UDP take 48.
BASE_MTU: Final = 1232

#: The largest size: no KCP peer takes more.
LARGEST_MTU: Final = 1500

#: The largest size for peers without control frames: kcp-go drops what does not fit into a frame
#: of Ethernet beside the headers of IPv4 and UDP.
LARGEST_PLAIN_MTU: Final = 1472

#: The sizes that are probed.  Usual links are met exactly: Ethernet by IPv4 (1472) and by IPv6
#: (1452), PPPoE (1464, 1444), tunnels of 1420 bytes (1392, 1372).
SIZES: Final[Sequence[int]] = [
    *(1252, 1272, 1292, 1312, 1332, 1352, 1372, 1392, 1412, 1424, 1432, 1444, 1452, 1464, 1472),
    LARGEST_MTU,
]

#: Sizes that are tried from the largest down, before the search halves what is left: most paths
#: carry what their first link does.
FROM_THE_TOP: Final = 2


def candidate(size: int, most: int, isExact: bool, failures: int) -> int:
    """
    Returns the size that is to be probed next; 0 if there is none.

    @param size: the largest that is known to pass.
    @param most: no larger one can pass.
    @param isExact: whether C{most} itself may pass though it is no usual size.
    @param failures: how many sizes have been found too large.
    """
    candidates = [each for each in SIZES if size < each <= most]
    if isExact and size < most and most not in candidates:
        candidates.append(most)
    if not candidates:
        return 0
    return candidates[-1 if failures < FROM_THE_TOP else len(candidates) // 2]
