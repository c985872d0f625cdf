"""Shrinks a failing run to the shortest story that still fails. It first drops stories, then announcements."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from shopwire_simulation.checkers.observations import Violation
from shopwire_simulation.run import Run, Trace
from shopwire_testkit.announcements import Story

_MAX_TRIES = 150


@dataclass(frozen=True, slots=True)
class FailingCase:
    """A run that fails, with its stories, the announcements that are left out, the violations and the trace."""

    stories: frozenset[int]
    without: frozenset[int]
    violations: list[Violation]
    trace: Trace


Attempt = Callable[[list[int]], FailingCase | None]
"""Runs with only these stories or announcements. Returns None if the run does not fail."""


class Shrinker:
    """Tries smaller runs of the same seed.

    Args:
        make_run: makes the run of these stories without those announcements.
        max_tries: the number of runs after which shrinking ends.
    """

    def __init__(
        self,
        make_run: Callable[[Collection[int], Collection[int]], Run],
        stories: list[Story],
        max_tries: int = _MAX_TRIES,
    ) -> None:
        self._make_run = make_run
        self._stories = stories
        self._tries_left = max_tries

    def shrink(self, violation: Violation) -> FailingCase | None:
        """Return the smallest run with a violation of the same kind, or None if only the whole run has one."""
        case = self._fewest_stories(violation)
        if case is None:
            return None
        only = case.stories
        ids = [announcement.id for n in sorted(only) for announcement in self._stories[n].announcements]
        return _reduce(ids, lambda kept: self._try(only, frozenset(ids) - set(kept), violation.kind), case)

    def _fewest_stories(self, violation: Violation) -> FailingCase | None:
        alone = frozenset(() if violation.story is None else (violation.story,))
        if case := self._try(alone, frozenset(), violation.kind):
            return case
        # The story does not fail alone. It needs other stories of its shop.
        others = [
            n
            for n, story in enumerate(self._stories)
            if n not in alone and (not violation.shop or story.shop == violation.shop)
        ]
        attempt: Attempt = lambda kept: self._try(alone | set(kept), frozenset(), violation.kind)  # noqa: E731
        case = attempt(others)
        return case and _reduce(others, attempt, case)

    def _try(self, only: frozenset[int], without: frozenset[int], kind: str) -> FailingCase | None:
        if self._tries_left <= 0 or not only:
            return None
        self._tries_left -= 1
        run = self._make_run(only, without)
        violations = [violation for violation in run.run().violations if violation.kind == kind]
        return FailingCase(only, without, violations, run.trace or []) if violations else None


def _reduce(items: list[int], attempt: Attempt, case: FailingCase) -> FailingCase:
    """Leave out halves, quarters and so on down to single items, as long as the rest still fails."""
    size = len(items)
    while items:
        size, reduced, at = (size + 1) // 2, False, 0
        while at < len(items):
            rest = items[:at] + items[at + size :]
            if smaller := attempt(rest):
                items, case, reduced = rest, smaller, True
            else:
                at += size
        if size == 1 and not reduced:
            break
    return case


def format_case(case: FailingCase) -> str:
    """Return the trace, one event per line, and the violations."""
    lines = [f"{_format_time(at)}  {text}" for at, text in case.trace]
    lines += [f"wrong: {found.kind}: {found.shop} {found.entity}: {found.text}" for found in case.violations]
    return "\n".join(lines)


def _format_time(milliseconds: int) -> str:
    seconds, part = divmod(milliseconds, 1000)
    days, seconds = divmod(seconds, 86_400)
    return f"day {days} {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{part:03d}"
