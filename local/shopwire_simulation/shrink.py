"""Shrinks a failing run to the shortest story that still fails. It first drops stories, then announcements."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from shopwire_simulation.checkers.observations import Violation
from shopwire_simulation.run import Run, Trace
from shopwire_testkit.announcements import Story

_MAX_TRIES = 150
_MAX_WEBHOOKS = 60_000
"""The number of webhooks after which shrinking ends, a few minutes' work."""
_MAX_TRACE_LINES = 400


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
        max_webhooks: the number of webhooks in all runs after which shrinking ends.
    """

    def __init__(
        self,
        make_run: Callable[[Collection[int], Collection[int]], Run],
        stories: list[Story],
        max_tries: int = _MAX_TRIES,
        max_webhooks: int = _MAX_WEBHOOKS,
    ) -> None:
        self._make_run = make_run
        self._stories = stories
        self._tries_left = max_tries
        self._webhooks_left = max_webhooks

    def shrink(self, violation: Violation) -> FailingCase | None:
        """Return the smallest run with the same violation, or None if not even all stories of the run show it again."""
        case = self._fewest_stories(violation)
        if case is None:
            return None
        only = case.stories
        ids = [announcement.id for n in sorted(only) for announcement in self._stories[n].announcements]
        return _reduce(ids, lambda kept: self._try(only, frozenset(ids) - set(kept), violation), case)

    def _fewest_stories(self, violation: Violation) -> FailingCase | None:
        alone = frozenset(() if violation.story is None else (violation.story,))
        if case := self._try(alone, frozenset(), violation):
            return case
        # The story does not fail alone. It needs other stories of its shop: their failures pause it. In a burst it may
        # need stories of other shops too, because all shops share the environments, their clocks and the queue. The
        # whole schedule with all stories is the run that failed, so it fails again.
        others = [n for n in range(len(self._stories)) if n not in alone]
        of_shop = [n for n in others if not violation.shop or self._stories[n].shop == violation.shop]
        attempt: Attempt = lambda kept: self._try(alone | set(kept), frozenset(), violation)  # noqa: E731
        for stories in (of_shop, others) if len(of_shop) < len(others) else (others,):
            if case := attempt(stories):
                return _reduce(stories, attempt, case)
        return None

    def _try(self, only: frozenset[int], without: frozenset[int], wanted: Violation) -> FailingCase | None:
        if self._tries_left <= 0 or self._webhooks_left <= 0 or not only:
            return None
        self._tries_left -= 1
        run = self._make_run(only, without)
        result = run.run()
        self._webhooks_left -= result.webhooks
        violations = [violation for violation in result.violations if _is_same(violation, wanted)]
        return FailingCase(only, without, violations, run.trace or []) if violations else None


def _is_same(violation: Violation, wanted: Violation) -> bool:
    """Return True if the violations are of the same kind and about the same entity."""
    return (violation.kind, violation.shop, violation.entity) == (wanted.kind, wanted.shop, wanted.entity)


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
    """Return the trace, one event per line, and the violations. Of a long trace only what names their entities."""
    trace = case.trace
    if len(trace) > _MAX_TRACE_LINES:
        ids = {violation.entity for violation in case.violations if violation.entity}
        trace = [(at, text) for at, text in trace if any(id in text for id in ids)]
    lines = [f"{_format_time(at)}  {text}" for at, text in trace]
    if len(trace) < len(case.trace):
        lines.append(f"({len(case.trace) - len(trace)} other events are left out)")
    lines += [f"wrong: {found.kind}: {found.shop} {found.entity}: {found.text}" for found in case.violations]
    return "\n".join(lines)


def _format_time(milliseconds: int) -> str:
    seconds, part = divmod(milliseconds, 1000)
    days, seconds = divmod(seconds, 86_400)
    return f"day {days} {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{part:03d}"
