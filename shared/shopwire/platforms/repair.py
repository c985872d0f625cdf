"""Repair a body that is not quite what the platform documents, so that one odd value does not cost the whole.

PHP writes a list with gaps as an object ({"0": ..., "2": ...}), an empty object as a list, and `false`, `[]`, "" or
"0000-00-00" for a value that it does not have. Plugins put `null` or text into lists of objects. Forms cut a character
in half, which leaves a lone surrogate or an invalid byte.

Nothing is guessed. Amounts and ids stay as they are, and so does a date that says something unreadable.
"""

import json
import re
from typing import Any

from pydantic import ValidationError

from shopwire.models.base import usable_id

OTHER_RESOURCE = "other_resource"
"""The problem of a body that says that it is another resource than the one of its topic."""

_MAX_PROBLEMS = 1_000

# Problems of pydantic. What is no text says nothing where text is expected. For the others, only a value that says
# nothing is removed. If the field is required, it is missed then. Amounts are not repaired: one that counts as missing
# would make a wrong total.
_NO_TEXT = frozenset({"string_type", "string_unicode"})
_EMPTY = frozenset(
    {
        *("model_type", "model_attributes_type", "dict_type", "list_type", "string_too_short", "bool_type"),
        *("bool_parsing", "datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware"),
    }
)
_NO_LIST = "list_type"
_COSTS_THE_ENTRY = frozenset({"missing", "unreadable_id"})
_NOT_TO_REPAIR = frozenset({OTHER_RESOURCE, "extra_forbidden"})
_no_date = re.compile(r"0000-00-00.*").fullmatch
# A pair of halves is a character, and an escaped backslash begins no escape. Both stay.
_half_character = re.compile(
    r"(?P<kept>\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
# JSON allows none of these within a text (RFC 8259, section 7). Elsewhere it allows some, as white space.
_CONTROL_CHARACTERS = dict.fromkeys(range(0x20), " ")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_first_id = re.compile(r'\s*\{\s*"id"\s*:\s*"?([0-9]{1,20})\b').match


def is_empty(body: bytes) -> bool:
    """Return whether a body says nothing: no byte, an empty list, object or text, null or false."""
    nothing = (b"", b"[]", b"{}", b"null", b'""', b"false")
    return len(body) < 100 and body.removeprefix(_BYTE_ORDER_MARK).strip() in nothing


def as_text(body: bytes) -> str:
    """Return a body as text: U+FFFD for invalid bytes and for halves of characters, spaces for control characters,
    without byte-order mark."""
    text = body.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", "replace").translate(_CONTROL_CHARACTERS)
    return _half_character.sub(lambda match: match["kept"] or "\\ufffd", text)


def id_of(body: bytes, field: str) -> str | None:
    """Return an id at the top of a body that cannot be read otherwise; None if it has none.

    A body that was cut off has its `id` first on every platform that sends one.
    """
    text = as_text(body)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        first = _first_id(text) if field == "id" else None
        return first[1] if first else None
    id = found.get(field) if isinstance(found, dict) else None
    return usable_id(str(id)) if isinstance(id, int | str) and not isinstance(id, bool) else None


def repaired(body: bytes, error: ValidationError) -> bytes | None:
    """Return the body without what makes it unreadable; None if nothing of it can be repaired.

    It must be parsed again: it may have other problems, and some that stay.

    Args:
        error: what pydantic says is wrong with the body.
    """
    if error.error_count() > _MAX_PROBLEMS:
        return None
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    if any(problem["type"] in _NOT_TO_REPAIR for problem in problems):
        return None
    if problems[0]["type"] == "json_invalid":
        fixed = as_text(body).encode()
        return fixed if fixed != body else None
    handled: set[tuple[int | str, ...]] = set()
    # From the last one, so that the places of those before it stay. A union has several problems at one place.
    try:
        tree = json.loads(body)
        changes = [_repair(tree, problem["loc"], problem["type"], handled) for problem in reversed(problems)]
        return json.dumps(tree).encode() if any(changes) else None
    except (ValueError, RecursionError):
        return None


def entries_of(value: Any) -> list[Any] | None:
    """Return the entries of a list that PHP wrote as an object, because its keys have gaps or are names; None if the
    value is another one."""
    if not (isinstance(value, dict) and value):
        return None
    entries = list(value.values())
    if all(isinstance(key, str) and key.isdigit() for key in value):
        return entries
    # WooCommerce names the lines that it has not saved yet: {"new:line_items0": {...}}.
    objects = [entry for entry in entries if isinstance(entry, dict) and entry]
    return objects if objects and all(isinstance(entry, dict) or _says_nothing(entry) for entry in entries) else None


def _repair(tree: Any, path: tuple[int | str, ...], problem: str, handled: set[tuple[int | str, ...]]) -> bool:
    """Change the value at this path if it costs nothing that it says. Return whether it was changed."""
    if any(path[:length] in handled for length in range(1, len(path) + 1)):
        return False
    parents = _parents(tree, path)
    if problem in _COSTS_THE_ENTRY:
        return _drop_entry(parents, path, handled)
    while parents and isinstance(parents[-1], dict) and path[len(parents) - 1] not in parents[-1]:
        parents.pop()  # the rest of the path names an alternative of a union
    if not parents:
        return False
    place = path[: len(parents)]
    handled.add(place)
    parent, key = parents[-1], place[-1]
    value = parent[key]
    if problem == _NO_LIST and (entries := entries_of(value)) is not None:
        parent[key] = entries
        return True
    is_odd_entry = isinstance(parent, list) and not isinstance(value, dict)
    if problem in _NO_TEXT or is_odd_entry or (problem in _EMPTY and _says_nothing(value)):
        del parent[key]
        return True
    return False


def _parents(tree: Any, path: tuple[int | str, ...]) -> list[Any]:
    """Return the objects and lists on the way to a value: for each step of the path, the one that it is a key of. The
    way ends where a step leads nowhere."""
    parents: list[Any] = []
    value = tree
    for step in path:
        if isinstance(step, int) and parents and (entries := entries_of(value)) is not None:
            parents[-1][path[len(parents) - 1]] = value = entries
        is_entry = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if not (is_entry or isinstance(value, dict)):
            break
        parents.append(value)
        if isinstance(value, dict) and step not in value:
            break
        value = value[step]
    return parents


def _drop_entry(parents: list[Any], path: tuple[int | str, ...], handled: set[tuple[int | str, ...]]) -> bool:
    """Remove the entry of a list that lacks a field or its id. Return whether there is one."""
    for length in range(len(parents), 0, -1):
        entries, place = parents[length - 1], path[:length]
        index = place[-1]
        if isinstance(entries, list) and isinstance(index, int):
            handled.add(place)
            del entries[index]
            return True
    return False


def _says_nothing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip() or _no_date(value.strip()) is not None
    return value is None or value is False or value == [] or value == {}
