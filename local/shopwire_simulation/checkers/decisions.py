"""Small decisions of the checker of a run: what is settled, which choices there are, and how an error is described."""

import itertools
import traceback
from collections.abc import Collection, Iterator

from shopwire.errors import UnexpectedError
from shopwire_simulation.checkers.observations import SettledEntry
from shopwire_testkit.announcements import Announcement

_MAX_COMBINED = 6
_SETTLED_KEYS_KEPT = 16


def is_settled(entry: SettledEntry, key: str, announcement: Announcement) -> bool:
    """Return True if the change, or a later one, is settled."""
    if key in entry.keys:
        return True
    if announcement.version is None or announcement.thin:
        return len(entry.keys) >= _SETTLED_KEYS_KEPT
    milliseconds, rank = announcement.version
    return entry.version > milliseconds * 10 + rank


def describe_error(error: Exception) -> str:
    """Return the type of an exception and its place, without values."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    name = str(error) if isinstance(error, UnexpectedError) else type(error).__name__
    return f"{name} in {place.name}, line {place.lineno}"


def choices(uncertain: Collection[int]) -> Iterator[tuple[int, ...]]:
    """Yield possible choices of the announcements that had an effect: none, all, then parts of the last ones."""
    ids = tuple(uncertain)
    yield ()
    if not ids:
        return
    yield ids
    last = ids[-_MAX_COMBINED:]
    for size in range(1, len(last)):
        yield from itertools.combinations(last, size)
