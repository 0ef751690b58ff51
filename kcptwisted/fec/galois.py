"""
The field GF(2^8) of the Reed-Solomon code (docs/wire.md, "FEC"), based on reedsolo's
multiplication.
"""

from __future__ import annotations

from functools import lru_cache

FIELD_POLYNOMIAL = 0x11D


@lru_cache(maxsize=1)
def logarithms() -> tuple[list[int], list[int]]:
    """
    Returns the powers of the generator and the logarithms.  The list of powers is repeated once, so
    that a sum of two exponents is an index in it.
    """
    # Imported here, because sessions without FEC do not need it.
    import reedsolo

    # Not reedsolo.init_tables: it changes the field for all users in the process.
    powers = [1]
    for _ in range(254):
        powers.append(reedsolo.gf_mult_noLUT(powers[-1], 2, FIELD_POLYNOMIAL, 256))
    logarithms = [0] * 256
    for exponent, value in enumerate(powers):
        logarithms[value] = exponent
    return powers * 2, logarithms


def products(factor: int) -> bytes:
    """
    Returns a table for C{bytes.translate} that multiplies each byte by C{factor}.
    """
    if not factor:
        return bytes(256)
    powers, logs = logarithms()
    log = logs[factor]
    return bytes([0, *[powers[log + other] for other in logs[1:]]])
