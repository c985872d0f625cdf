"""From a run that fails to the shortest story that still does: fewer stories, then fewer announcements."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from shopwire_simulation.checkers.evidence import Violation
from shopwire_simulation.run import Run
from shopwire_testkit.announcements import Story

_MOST_TRIES = 150


@dataclass(frozen=True, slots=True)
class Shortest:
    """The least that still fails: which stories, without which announcements, and what happened in them."""

    stories: frozenset[int]
    without: frozenset[int]
    violations: list[Violation]
    tale: list[tuple[int, str]]


Fails = Callable[[list[int]], Shortest | None]


class Shrinker:
    """Tries smaller runs of the same world.

    Args:
        start: makes the run of these stories without those announcements.
    """

    def __init__(
        self, start: Callable[[Collection[int], Collection[int]], Run], stories: list[Story], most: int = _MOST_TRIES
    ) -> None:
        self._start = start
        self._stories = stories
        self._left = most

    def shrink(self, first: Violation) -> Shortest | None:
        """The shortest run in which something of the same kind is wrong; None: only the whole run shows it."""
        failing = self._fewest_stories(first)
        if failing is None:
            return None
        only = failing.stories
        ids = [one.id for n in sorted(only) for one in self._stories[n].announcements]
        return _fewer(ids, lambda left: self._fails(only, frozenset(ids) - set(left), first.kind), failing)

    def _fewest_stories(self, first: Violation) -> Shortest | None:
        alone = frozenset(() if first.story is None else (first.story,))
        if tried := self._fails(alone, frozenset(), first.kind):
            return tried
        # Not by itself: some of its shop's other stories are needed.
        others = [
            n
            for n, story in enumerate(self._stories)
            if n not in alone and (not first.shop or story.shop == first.shop)
        ]
        fails: Fails = lambda left: self._fails(alone | set(left), frozenset(), first.kind)  # noqa: E731
        failing = fails(others)
        return failing and _fewer(others, fails, failing)

    def _fails(self, only: frozenset[int], without: frozenset[int], kind: str) -> Shortest | None:
        if self._left <= 0 or not only:
            return None
        self._left -= 1
        run = self._start(only, without)
        violations = [one for one in run.go().violations if one.kind == kind]
        return Shortest(only, without, violations, run.tale or []) if violations else None


def _fewer(items: list[int], fails: Fails, failing: Shortest) -> Shortest:
    """Drop halves, quarters, ... and single ones, as long as what is left fails."""
    size = len(items)
    while items:
        size, dropped, at = (size + 1) // 2, False, 0
        while at < len(items):
            rest = items[:at] + items[at + size :]
            if tried := fails(rest):
                items, failing, dropped = rest, tried, True
            else:
                at += size
        if size == 1 and not dropped:
            break
    return failing


def told(shortest: Shortest) -> str:
    """The story event by event, as a person reads it: since when, who, what."""
    lines = [f"{_clock(at)}  {text}" for at, text in shortest.tale]
    wrong = [f"wrong: {one.kind}: {one.shop} {one.entity}: {one.text}" for one in shortest.violations]
    return "\n".join([*lines, *wrong])


def _clock(milliseconds: int) -> str:
    seconds, part = divmod(milliseconds, 1000)
    days, seconds = divmod(seconds, 86_400)
    return f"day {days} {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{part:03d}"
