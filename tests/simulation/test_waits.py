"""The checker of waits sees changes that are tried again too early or too late after the answers 409 and 429."""

import random

import pytest

from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.waits import WaitChecker
from shopwire_simulation.faults import FaultSchedule
from shopwire_simulation.scheduler import Invocation
from shopwire_testkit.announcements import Announcement
from shopwire_testkit.durations import MINUTE, SECOND

START = 1_790_000_000_000
SHOP = "sim-shopify-0"
ANNOUNCEMENT = Announcement(1, START, SHOP, "orders/create", b"{}", "order 1", fact=False, version=(START, 1))


class Calls:
    """A change whose calls fail and are repeated."""

    def __init__(self, *, trouble: bool = False, copies: bool = False) -> None:
        self.now = START
        self.texts: list[str] = []
        self.excuses = ExcuseCounter()
        faults = FaultSchedule(random.Random(1), (), START, START + MINUTE, START)
        self.checker = WaitChecker(
            faults,
            lambda shop, entity, since: trouble,
            self.excuses,
            set(),
            lambda announcement, key: copies,
            {SHOP: 5 * SECOND},
            lambda: self.now,
            lambda kind, announcement, text: self.texts.append(f"{kind}: {text}"),
        )
        self.invocation = self._invocation()

    def _invocation(self) -> Invocation:
        invocation = Invocation("retry", START, "")
        invocation.notes["key"] = (SHOP, "key")
        return invocation

    def fail(self, status: int, retry_after: str | None = None) -> None:
        headers = {"retry-after": retry_after} if retry_after else {}
        self.checker.on_failure(ANNOUNCEMENT, self.invocation, "POST v1/event", b"body", status, headers)

    def call_after(self, wait: int, body: bytes = b"body") -> list[str]:
        self.now += wait
        self.invocation = self._invocation()
        self.checker.on_call(ANNOUNCEMENT, self.invocation, "POST v1/event", body)
        return self.texts


def test_same_request_within_a_minute_after_409_is_a_violation() -> None:
    calls = Calls()
    calls.fail(409)
    assert calls.call_after(59 * SECOND) == ["wedged: the same request again 59 s after the answer 409"]


@pytest.mark.parametrize(("key", "seconds", "count"), [("other", 60, 0), ("other", 61, 1), ("key", 60, 1)])
def test_409_after_another_webhook_sent_the_same_contact_needs_no_wait(key: str, seconds: int, count: int) -> None:
    calls, other = Calls(), Invocation("webhook", START, "")
    other.notes["key"] = (SHOP, key)
    calls.checker.on_accepted(other, "POST v1/event", b"body")
    calls.now += seconds * SECOND
    calls.fail(409)
    assert len(calls.call_after(SECOND)) == count


@pytest.mark.parametrize("status", [409, 429])
def test_another_copy_of_the_webhook_may_be_tried_too_early(status: int) -> None:
    calls = Calls(copies=True)
    calls.fail(status, retry_after="4")
    assert calls.call_after(SECOND) == []


@pytest.mark.parametrize(("wait", "body"), [(60 * SECOND, b"body"), (SECOND, b"another body")])
def test_later_or_other_request_after_409_is_no_violation(wait: int, body: bytes) -> None:
    calls = Calls()
    calls.fail(409)
    assert calls.call_after(wait, body) == []


@pytest.mark.parametrize(("retry_after", "wait"), [(None, 999), ("3", 2_999), ("20", 19_999)])
def test_request_before_the_end_of_the_wait_after_429_is_a_violation(retry_after: str | None, wait: int) -> None:
    calls = Calls()
    calls.fail(429, retry_after)
    assert calls.call_after(wait) == [f"wedged: tried again {wait} ms after the answer 429"]


@pytest.mark.parametrize(("retry_after", "wait"), [(None, 1_000), (None, 16_000), ("3", 3_000), ("20", 120_000)])
def test_request_after_the_wait_after_429_is_no_violation(retry_after: str | None, wait: int) -> None:
    calls = Calls()
    calls.fail(429, retry_after)
    assert calls.call_after(wait) == []


def test_change_that_waits_a_minute_after_one_429_is_a_violation() -> None:
    calls = Calls()
    calls.fail(429)
    assert calls.call_after(MINUTE) == ["wedged: tried again only 60 s after the answer 429"]


def test_continued_throttling_or_another_failure_may_pause_the_shop() -> None:
    throttled, failed = Calls(), Calls()
    for _ in range(5):
        throttled.fail(429)
        throttled.call_after(8 * SECOND)
    throttled.fail(429)
    failed.fail(500)
    failed.fail(429)
    assert throttled.call_after(2 * MINUTE) == failed.call_after(2 * MINUTE) == []


@pytest.mark.parametrize(("minutes", "count"), [(74, 0), (75, 1)])
def test_shop_stays_paused_until_its_next_probe(minutes: int, count: int) -> None:
    calls = Calls()
    calls.fail(401)
    calls.call_after(minutes * MINUTE)
    calls.fail(429)
    assert len(calls.call_after(2 * MINUTE)) == count


def test_change_that_met_a_crash_may_be_tried_at_any_time() -> None:
    calls = Calls(trouble=True)
    calls.fail(409)
    assert calls.call_after(SECOND) == []
    assert calls.excuses.counts == {"crashed": 1}


def test_answer_after_the_platforms_time_limit_is_a_violation() -> None:
    calls, invocation = Calls(), Invocation("webhook", START, "")
    invocation.started_at = START
    calls.now = START + 5 * SECOND
    assert calls.checker.answer_problem(ANNOUNCEMENT, invocation) is None
    calls.now += 1
    assert "answered after 5001 ms" in (calls.checker.answer_problem(ANNOUNCEMENT, invocation) or "")
    invocation.notes["ledger_down"] = START
    assert calls.checker.answer_problem(ANNOUNCEMENT, invocation) is None
