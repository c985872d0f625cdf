"""How inputs are changed, and how a finding is made small.

Bodies are JSON, and the JSON parser is not measured. Changes of single bytes would hardly ever get past it, so most
changes are made to the parsed value.
"""

import json
import random
from collections.abc import Callable
from typing import Any

from shopwire_testkit.hostile import HOSTILE

_MARK = "-> hostile <-"
_MAX_CHANGES = 3
_MAX_TRIES = 3_000
"""How often an input is tried while it is made small."""


def mutate(data: bytes, rng: random.Random, other: bytes = b"") -> bytes:
    """Return the input with some changes.

    Args:
        other: another input, from which values may come.
    """
    head, body = split(data)
    parsed = _parsed(body)
    if parsed is None or rng.random() < 0.1:
        return _mutate_bytes(data, rng)
    text = json.dumps(_mutate_value(parsed, rng, _values(_parsed(split(other)[1]))), ensure_ascii=False)
    while json.dumps(_MARK) in text:
        text = text.replace(json.dumps(_MARK), rng.choice(HOSTILE), 1)
    return head + text.encode("utf-8", "surrogatepass")


def split(data: bytes) -> tuple[bytes, bytes]:
    """Return what comes before the JSON, and the JSON. Without JSON, the second part is empty."""
    starts = [place for place in (data.find(b"{"), data.find(b"[")) if place >= 0]
    start = min(starts, default=len(data))
    return data[:start], data[start:]


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(rng.randint(1, _MAX_CHANGES)):
        place = rng.randrange(len(changed) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            changed[place:place] = rng.choice(HOSTILE).encode("utf-8", "surrogatepass")[:300]
        elif kind == 1:
            del changed[place : place + rng.randint(1, 20)]
        elif kind == 2:
            changed[place : place + 1] = bytes([rng.randrange(256)])
        else:
            changed[place:place] = changed[rng.randrange(len(changed) + 1) :][: rng.randint(1, 50)]
    return bytes(changed)


def _mutate_value(value: Any, rng: random.Random, others: list[Any]) -> Any:
    for _ in range(rng.randint(1, _MAX_CHANGES)):
        value = _with_change(value, rng, others)
    return value


def _with_change(value: Any, rng: random.Random, others: list[Any]) -> Any:
    """Return the value with one change somewhere in it. Text that is JSON itself is changed within."""
    if isinstance(value, str) and value[:1] in "{[" and (inner := _parsed(value.encode("utf-8", "surrogatepass"))):
        return json.dumps(_with_change(inner, rng, others), ensure_ascii=False).replace(json.dumps(_MARK), "1e-41")
    if not (isinstance(value, dict | list) and value) or rng.random() < 0.1:
        return rng.choice(others) if others and rng.random() < 0.3 else _MARK
    copy: Any = value.copy()
    key: Any = rng.choice(list(copy)) if isinstance(copy, dict) else rng.randrange(len(copy))
    kind = rng.random()
    if kind < 0.1:
        del copy[key]
    elif kind < 0.15 and isinstance(copy, list):
        copy += [copy[key]] * rng.randint(1, 3)
    elif kind < 0.15:
        copy[rng.choice(("", "id", _MARK))] = copy[key]
    else:
        copy[key] = _with_change(copy[key], rng, others)
    return copy


def _values(value: Any) -> list[Any]:
    children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [part for child in children for part in (child, *_values(child))]


def minimise(data: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """Return a small input that fails as `data` does: parts are left out until each further part is needed.

    Args:
        fails: returns whether an input still fails in the same way.
    """
    tries = 0

    def still(candidate: bytes) -> bool:
        nonlocal tries
        tries += 1
        return tries <= _MAX_TRIES and fails(candidate)

    data = _minimise_json(data, still)
    size = max(len(data) // 2, 1)
    while size:
        place = 0
        while place < len(data):
            candidate = data[:place] + data[place + size :]
            if still(candidate):
                data = candidate
            else:
                place += size
        size //= 2
    return data


def _minimise_json(data: bytes, still: Callable[[bytes], bool]) -> bytes:
    head, body = split(data)
    value = _parsed(body)

    def written(value: Any) -> bytes:
        return head + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")

    if value is None or not still(written(value)):
        return data
    changed = True
    while changed:
        changed = False
        for path in sorted(_paths(value), key=len):  # large parts first
            try:
                smaller = _without(value, path)
            except (LookupError, TypeError, AttributeError):
                continue  # it was in a part that is left out by now
            if still(written(smaller)):
                value, changed = smaller, True
    return written(value)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys: list[Any] = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    return [found for key in keys for found in ((*path, key), *_paths(value[key], (*path, key)))]


def _without(value: Any, path: tuple[Any, ...]) -> Any:
    key, *rest = path
    copy = value.copy()
    if not rest:
        del copy[key]
    else:
        copy[key] = _without(copy[key], tuple(rest))
    return copy
