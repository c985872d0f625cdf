"""The checkers of the table's writes find leases that others end, marks that last too long, pauses and leaks."""

from collections.abc import Callable
from typing import Any

import pytest

from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.leaks import LeakChecker
from shopwire_simulation.checkers.ledger_writes import LedgerWriteChecker
from shopwire_simulation.checkers.pauses import PauseChecker
from shopwire_simulation.checkers.refusals import RefusalChecker
from shopwire_simulation.scheduler import Invocation
from shopwire_testkit.announcements import Announcement, OrderState, Story
from shopwire_testkit.durations import DAY, MINUTE, SECOND

START = 1_790_000_000_000
SHOP = "sim-shopify-0"
ANNOUNCEMENT = Announcement(1, START, SHOP, "orders/create", b"{}", "order 7", fact=False, version=(START, 1))
PARAMS = {"externalOrderId": "7", "totalCost": "20.00", "date": "2026-11-20T10:00:00+00:00", "currency": "UAH"}
STATE = OrderState("7", (START, 1), "IN_PROGRESS", PARAMS, None)


def item(**attributes: str | int | list[str]) -> dict[str, Any]:
    typed: dict[str, Any] = {"pk": {"S": f"{SHOP}#order#7"}, "sk": {"S": "ledger"}}
    for name, value in attributes.items():
        if isinstance(value, list):
            typed[name] = {"L": [{"S": part} for part in value]}
        else:
            typed[name] = {"N": str(value)} if isinstance(value, int) else {"S": value}
    return typed


class Writes:
    """A ledger entry of an order, and what the API has of it."""

    def __init__(self, order: dict[str, str] | None = None) -> None:
        self.texts: list[str] = []
        self.erased = False
        self.waiting: set[str] = set()
        self.taken_over: list[str] = []
        self.excuses = ExcuseCounter()
        self.checker = LedgerWriteChecker(
            lambda key, invocation: (STATE, (), ()),
            lambda shop, id: order,
            lambda shop, entity: None,
            lambda shop, entity: self.erased,
            lambda key, invocation: None,
            lambda shop, entity: self.taken_over.append(entity),
            lambda key: key[1] in self.waiting,
            self.excuses,
            lambda: START,
            lambda kind, shop, entity, text, story: self.texts.append(f"{kind}: {text}"),
        )

    def write(self, by: Invocation, before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
        self.checker.on_write(by, before, after)
        return self.texts


def invocation(id: str, name: str = "webhook") -> Invocation:
    made = Invocation(name, START + MINUTE, id)
    made.request_id = id
    return made


LEASED_UNTIL = START + MINUTE + 5 * SECOND
LEASED = item(lease_holder="a", lease_until=LEASED_UNTIL)


def test_only_the_holder_ends_a_lease_that_has_not_expired() -> None:
    assert Writes().write(invocation("a"), LEASED, item()) == []
    assert Writes().write(invocation("b"), LEASED, item()) == [
        "misordered: an invocation ended the lease of another one"
    ]
    expired, writes = item(lease_holder="a", lease_until=START - 1), Writes()
    assert writes.write(invocation("b"), expired, item(lease_holder="b", lease_until=LEASED_UNTIL)) == []
    assert writes.taken_over == ["order 7"]


def test_no_invocation_takes_a_lease_in_the_name_of_another() -> None:
    assert Writes().write(invocation("a"), item(), LEASED) == []
    assert Writes().write(invocation("b"), item(), LEASED) == [
        "misordered: an invocation took the lease in the name of another one"
    ]


@pytest.mark.parametrize("ends", ["kept", "given back", "taken over", "killed", "no ledger"])
def test_invocation_that_ends_by_itself_keeps_no_lease(ends: str) -> None:
    writes, by = Writes(), invocation("a")
    writes.write(by, item(), LEASED)
    if ends == "given back":
        writes.write(by, LEASED, item())
    if ends == "taken over":
        expired = item(lease_holder="a", lease_until=START - 1)
        writes.write(invocation("b"), expired, item(lease_holder="b", lease_until=LEASED_UNTIL))
    by.killed = ends == "killed"
    if ends == "no ledger":
        by.notes["ledger_down"] = START
    writes.checker.on_end(by)
    assert writes.texts == (["wedged: an invocation ended and kept its lease"] if ends == "kept" else [])


@pytest.mark.parametrize(("seconds", "is_right"), [(-1, False), (0, True), (10, True), (11, False)])
def test_lease_lasts_a_little_longer_than_its_invocation(seconds: int, is_right: bool) -> None:
    leased = item(lease_holder="a", lease_until=START + MINUTE + seconds * SECOND)
    texts = Writes().write(invocation("a"), item(), leased)
    wrong = f"misordered: the lease ends {seconds * 1000} ms after the invocation's deadline"
    assert texts == ([] if is_right else [wrong])


@pytest.mark.parametrize("waits", [True, False])
def test_mark_is_removed_only_if_no_change_waits(waits: bool) -> None:
    """The mark names one change only, so a duplicate of the first takes it, and is settled."""
    writes = Writes(PARAMS | {"status": "IN_PROGRESS"})
    writes.waiting = {"second"} if waits else set()
    first, second = item(pending_key="first"), item(pending_key="second")
    writes.write(invocation("a"), None, first)
    writes.write(invocation("b"), first, second)
    writes.write(invocation("c"), second, first)
    texts = writes.write(invocation("d", "retry"), first, item(settled_keys=["first"]))
    assert texts == (["misordered: the pending mark is removed, although a change waits"] if waits else [])


def test_mark_of_an_erased_person_was_deleted_with_the_entry() -> None:
    writes = Writes(PARAMS | {"status": "IN_PROGRESS"})
    writes.waiting, writes.erased = {"waits"}, True
    writes.write(invocation("a"), None, item(pending_key="waits"))
    writes.write(invocation("b"), None, item(pending_key="k"))
    assert writes.write(invocation("c", "retry"), item(pending_key="k"), item(settled_keys=["k"])) == []
    assert writes.excuses.counts["erased_meanwhile"] == 1


def test_erasure_may_delete_an_entry_that_is_leased() -> None:
    writes = Writes()
    writes.erased = True
    assert writes.write(invocation("b"), LEASED, None) == []
    assert writes.excuses.counts == {"erased_meanwhile": 1}


def test_pending_mark_holds_no_longer_than_a_change_may_wait() -> None:
    assert Writes().write(invocation("a"), None, item(pending_key="k", pending_until=START + 3 * DAY)) == []
    assert Writes().write(invocation("a"), None, item(pending_key="k", pending_until=START + 4 * DAY)) == [
        "wedged: the pending mark holds longer than a change may wait"
    ]


def test_settled_snapshot_is_at_the_api() -> None:
    order = PARAMS | {"status": "IN_PROGRESS"}
    settled = item(settled_keys=["k"])
    assert Writes(order).write(invocation("a"), None, settled) == []
    assert Writes().write(invocation("a"), None, settled) == ["lost: settled although the API does not have the order"]
    (text,) = Writes(order | {"totalCost": "19"}).write(invocation("a"), None, settled)
    assert text.startswith("lost: settled although totalCost")


def test_change_without_a_request_is_settled_only_if_nothing_waits_or_works() -> None:
    order = PARAMS | {"status": "IN_PROGRESS"}
    pending = {"pending_key": "x", "pending_until": START + DAY}
    for before in (LEASED, item(**pending)):  # type: ignore[arg-type]
        (text,) = Writes(order).write(invocation("b"), before, before | item(settled_keys=["k"]))
        assert text.startswith("misordered: settled without the lease")


def _pause_checker(now: Callable[[], int], texts: list[str]) -> PauseChecker:
    return PauseChecker(
        now,
        lambda kind, announcement, text: texts.append(text),
        lambda kind, shop, entity, text, story: texts.append(text),
    )


def test_only_the_probe_calls_the_api_during_a_pause() -> None:
    now, texts = START, list[str]()
    checker = _pause_checker(lambda: now, texts)
    state = {"pk": {"S": f"{SHOP}#state"}, "until": {"N": str(START + 2 * MINUTE)}}
    failing = invocation("w")
    checker.on_failure(SHOP, failing)
    checker.on_write(failing, None, state)
    prober, other = invocation("p", "retry"), invocation("o", "retry")
    now = START + MINUTE
    prober.notes["claimed_at"] = other.notes["claimed_at"] = now
    checker.on_call(SHOP, ANNOUNCEMENT, other)
    assert texts == ["called the API during the pause of its shop"]
    probed = state | {"until": {"N": str(now + 15 * SECOND)}, "probed": {"BOOL": True}}
    checker.on_write(prober, state, probed)
    checker.on_call(SHOP, ANNOUNCEMENT, prober)
    assert len(texts) == 1
    checker.on_call(SHOP, ANNOUNCEMENT, other)
    assert len(texts) == 2
    checker.on_write(prober, probed, {"pk": state["pk"]})
    checker.on_call(SHOP, ANNOUNCEMENT, other)
    assert len(texts) == 2


def test_pause_of_a_platform_is_another_than_that_of_the_shop() -> None:
    texts = list[str]()
    checker = _pause_checker(lambda: START + MINUTE, texts)
    failing, waiting = invocation("w"), invocation("r", "retry")
    waiting.notes["claimed_at"] = START + MINUTE
    checker.on_failure(f"{SHOP}#platform", failing)
    paused = {"pk": {"S": f"{SHOP}#platform#state"}, "until": {"N": str(START + 5 * MINUTE)}}
    checker.on_write(failing, None, paused)
    checker.on_call(SHOP, ANNOUNCEMENT, waiting)
    assert texts == []
    waiting.notes["claimed_at"] = START + 2 * MINUTE
    checker.on_call(f"{SHOP}#platform", ANNOUNCEMENT, waiting)
    assert texts == ["called the API during the pause of its platform"]


def test_api_that_did_not_fail_is_not_paused() -> None:
    texts = list[str]()
    checker = _pause_checker(lambda: START, texts)
    failing = invocation("w")
    checker.on_failure(f"{SHOP}#platform", failing)
    until = {"N": str(START + MINUTE)}
    for paused in (f"{SHOP}#state", f"{SHOP}#platform#state", "other#platform#state"):
        checker.on_write(failing, None, {"pk": {"S": paused}, "until": until})
    assert texts == [f"{SHOP} is paused, although its API works", "other#platform is paused, although its API works"]


def test_personal_value_in_an_attribute_that_is_not_declared_is_a_leak() -> None:
    story = Story(SHOP, [ANNOUNCEMENT], frozenset({"olesia.vyhadko@example.com"}), {})
    for name, leaks in (("contact", False), ("sent", True)):
        checker = LeakChecker()
        checker.on_write(None, item() | {name: {"M": {"email": {"S": "olesia.vyhadko@example.com"}}}})
        assert [violation.kind for violation in checker.finish({0: story})] == (["leaked"] if leaks else [])


def test_genuine_webhook_is_refused_only_while_its_check_is_out_of_reach() -> None:
    now, texts, excuses = START, [], ExcuseCounter()
    checker = RefusalChecker(excuses, lambda: now, lambda kind, announcement, text: texts.append(f"{kind}: {text}"))
    checker.on_refusal(ANNOUNCEMENT, invocation("a"), 401)
    assert texts == ["lost: answered with 401"]
    unread = invocation("b")
    unread.notes["settings_down"] = START
    checker.on_answer(ANNOUNCEMENT, unread)
    now = START + 30 * SECOND
    checker.on_refusal(ANNOUNCEMENT, invocation("c"), 401)
    assert len(texts) == 1
    now = START + MINUTE
    checker.on_refusal(ANNOUNCEMENT, invocation("d"), 401)
    checker.on_refusal(ANNOUNCEMENT, invocation("e"), 503)
    assert texts[1:] == [
        "lost: answered with 401",
        "lost: answered with 503 although a durable store could be reached",
    ]
    assert excuses.counts == {"settings_out_of_reach": 1}
