"""A failing run shrinks to the stories and announcements that it needs to fail."""

from collections.abc import Collection
from types import SimpleNamespace
from typing import cast

from shopwire_simulation.checkers.observations import Violation
from shopwire_simulation.run import Run
from shopwire_simulation.shrink import FailingCase, Shrinker, format_case
from shopwire_testkit.announcements import Announcement, Story


def _story(shop: str, *ids: int) -> Story:
    announcements = [Announcement(id, id, shop, "topic", b"", f"order {id}", False, (id, 0)) for id in ids]
    return Story(shop, announcements, frozenset(), {})


STORIES = [_story("a", 1, 2, 3, 4, 5), _story("b", 6, 7), _story("a", 8, 9), _story("a", 10)]
VIOLATION = Violation("lost", "a", "order 4", "missing", 0)


class _FakeRuns:
    """Makes runs that fail if they contain all the needed announcements."""

    def __init__(self, *needed: int) -> None:
        self.needed = set(needed)
        self.tries = 0

    def __call__(self, only: Collection[int], without: Collection[int]) -> Run:
        self.tries += 1
        ids = {announcement.id for n in only for announcement in STORIES[n].announcements} - set(without)
        result = SimpleNamespace(violations=[VIOLATION] if self.needed <= ids else [], webhooks=len(ids))
        return cast(Run, SimpleNamespace(run=lambda: result, trace=[]))


def test_story_shrinks_to_the_announcements_that_it_needs() -> None:
    case = Shrinker(_FakeRuns(2, 4), STORIES).shrink(VIOLATION)
    assert case is not None
    assert (case.stories, case.without) == ({0}, {1, 3, 5})


def test_story_that_does_not_fail_alone_keeps_the_other_stories_it_needs() -> None:
    case = Shrinker(_FakeRuns(4, 9), STORIES).shrink(VIOLATION)
    assert case is not None
    assert (case.stories, case.without) == ({0, 2}, {1, 2, 3, 5, 8})


def test_violation_of_a_burst_keeps_the_stories_of_other_shops_it_needs() -> None:
    case = Shrinker(_FakeRuns(4, 6), STORIES).shrink(VIOLATION)
    assert case is not None
    assert (case.stories, case.without) == ({0, 1}, {1, 2, 3, 5, 7})


def test_violation_that_does_not_happen_again_is_not_shrunk() -> None:
    assert Shrinker(_FakeRuns(99), STORIES).shrink(VIOLATION) is None


def test_shrinking_ends_after_the_maximum_number_of_webhooks() -> None:
    runs = _FakeRuns(2, 4)
    assert Shrinker(runs, STORIES, max_webhooks=6).shrink(VIOLATION) is not None
    assert runs.tries == 2


def test_long_trace_shows_what_concerns_the_violation() -> None:
    trace = [(at, "order 4 is sent" if at == 7 else "order 9 is sent") for at in range(1_000)]
    text = format_case(FailingCase(frozenset({0}), frozenset(), [VIOLATION], trace))
    assert text.count("order 4 is sent") == 1
    assert "order 9" not in text
    assert "(999 other events are left out)" in text


def test_shrinking_ends_after_the_maximum_number_of_tries() -> None:
    runs = _FakeRuns(2, 4)
    assert Shrinker(runs, STORIES, max_tries=3).shrink(VIOLATION) is not None
    assert runs.tries == 3
