"""Verification of Ed25519 signatures (RFC 8032, section 5.1), in Python alone.

Only verification is here. It works with public values, so its time may depend on them. It is imported only when a shop
has a public key in its settings (docs/decisions/0023-standard-webhooks.md says why no library does it).
"""

import hashlib
from functools import lru_cache

KEY_BYTES = 32
SIGNATURE_BYTES = 64

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_D2 = 2 * _D % _P
_SQRT_OF_MINUS_1 = pow(2, (_P - 1) // 4, _P)
_SIGN = 1 << 255

Point = tuple[int, int, int, int]
"""Extended homogeneous coordinates (X, Y, Z, T): x = X/Z, y = Y/Z, x*y = T/Z (RFC 8032, 5.1.4)."""
_NEUTRAL: Point = (0, 1, 1, 0)


def is_valid(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether the signature is the key's signature of the message. Keys and signatures may be any bytes."""
    if len(public_key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    key, s = _decoded(public_key), int.from_bytes(signature[32:], "little")
    if key is None or s >= _ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    k = int.from_bytes(digest, "little") % _ORDER
    x, y, z, t = key
    # R must be s*B - k*A. It is compared as bytes, so that a second spelling of the same point is none.
    return _encoded(_sum_of_multiples(s, _BASE, k, (-x % _P, y, z, -t % _P))) == signature[:32]


@lru_cache(maxsize=64)
def _decoded(text: bytes) -> Point | None:
    """Return the point that the bytes stand for; None if they stand for none (RFC 8032, 5.1.3)."""
    number = int.from_bytes(text, "little")
    y, is_odd = number & ~_SIGN, number >> 255
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    square = v * x * x % _P
    if square == -u % _P:
        x = x * _SQRT_OF_MINUS_1 % _P
    elif square != u:
        return None
    if x == 0 and is_odd:
        return None
    if x & 1 != is_odd:
        x = _P - x
    return x, y, 1, x * y % _P


def _encoded(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, _P)
    x, y = x * inverse % _P, y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _added(one: Point, other: Point) -> Point:
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a, b = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    c, d = t1 * _D2 * t2 % _P, 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _doubled(point: Point) -> Point:
    x, y, z, _ = point
    a, b = x * x % _P, y * y % _P
    h = a + b
    e, g = h - (x + y) * (x + y), a - b
    f = 2 * z * z + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _sum_of_multiples(m: int, one: Point, n: int, other: Point) -> Point:
    """Return m*one + n*other. Both share their doublings, which halves the time."""
    both, result = _added(one, other), _NEUTRAL
    for bit in range(max(m.bit_length(), n.bit_length()) - 1, -1, -1):
        result = _doubled(result)
        match m >> bit & 1, n >> bit & 1:
            case 1, 1:
                result = _added(result, both)
            case 1, 0:
                result = _added(result, one)
            case 0, 1:
                result = _added(result, other)
    return result


_BASE = _decoded((4 * pow(5, -1, _P) % _P).to_bytes(32, "little")) or _NEUTRAL
