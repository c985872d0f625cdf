"""The fake of the platforms' APIs, and the checks of what is fetched from them."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from shopwire.errors import NoAnswer
from shopwire_simulation.checkers.excuses import ExcuseCounter
from shopwire_simulation.checkers.fetches import FetchChecker
from shopwire_simulation.faults import FAULT_KINDS, FaultSchedule
from shopwire_simulation.platform_apis import STALE_MS, SimulatedPlatformApis
from shopwire_simulation.run import Run, burst_run
from shopwire_simulation.scheduler import Invocation, Scheduler
from shopwire_simulation.senders import SendRecord
from shopwire_simulation.shops import simulated_shops
from shopwire_testkit.announcements import Announcement
from shopwire_testkit.durations import DAY, MINUTE, SECOND

START = 1_790_000_000_000
SHOP, OTHER = "sim-bigcommerce-0", "sim-bigcommerce-1"
ROOT = "api.bigcommerce.com/stores/simulated0"
PATH = f"{ROOT}/v2/orders/5"
PLATFORM_FAULTS = tuple(kind for kind in FAULT_KINDS if kind.startswith("platform_"))


def announced(id: int, at: int, body: bytes | None, *, version: int = 0, path: str = PATH) -> Announcement:
    """Return a thin webhook of order 5 whose API has this body from then on. `at` is in ms after the start."""
    return Announcement(
        id,
        START + at,
        SHOP,
        "store/order/updated",
        b"{}",
        "order 5",
        fact=False,
        version=(START + (version or at), 1),
        answers={path: body, f"{path}/products": b"[]"},
        thin=True,
    )


class Api:
    """The fake with some announcements, and an invocation that asks it."""

    def __init__(self, *announcements: Announcement, faults: tuple[str, ...] = (), seed: int = 1) -> None:
        self.scheduler = Scheduler(START)
        schedule = FaultSchedule(random.Random(seed), faults, START, START + DAY, START)
        self.answers: list[tuple[str, int, int, bytes | None, int]] = []
        self.apis = SimulatedPlatformApis(
            self.scheduler,
            schedule,
            lambda text: None,
            lambda *request: None,
            lambda invocation, *answer: self.answers.append(answer),
        )
        for announcement in announcements:
            self.apis.add(announcement)

    def get(self, path: str, at: int, *, seed: str = "i") -> Any:
        """Return status and body of an answer, or what was raised. `at` is in ms after the start."""
        results: list[Any] = []
        invocation = Invocation("webhook", START + at + MINUTE, seed)

        def ask() -> None:
            call = lambda: self.apis.transport("GET", f"https://{path}", {}, b"", 2.0)  # noqa: E731
            self.scheduler.invoke(invocation, call, results.append)

        self.scheduler.call_at(START + at, ask)
        self.scheduler.run()
        return results[0][::2] if isinstance(results[0], tuple) else results[0]


def test_api_answers_what_is_true_at_that_moment() -> None:
    api = Api(announced(1, 10_000, b"one"), announced(2, 20_000, b"two"), announced(3, 30_000, None))
    assert api.get(PATH, 5_000) == (404, b"{}")
    assert api.get(PATH, 15_000) == (200, b"one")
    assert api.get(f"{PATH}?include=fees", 25_000) == (200, b"two")
    assert api.get(PATH, 35_000) == (404, b"{}")
    assert [answer[4] for answer in api.answers] == [0, 1, 2, 3]


def test_part_that_is_empty_is_204_and_a_filter_that_finds_nothing_an_empty_list() -> None:
    empty = announced(1, 0, b"", path=f"{ROOT}/v2/orders/5/coupons")
    api = Api(empty, announced(2, 0, b"[1]", path=f"{ROOT}/v2/orders/5/products"))
    assert api.get(f"{ROOT}/v2/orders/5/coupons", 1_000) == (204, b"")
    assert api.get(f"{ROOT}/v2/orders/5/products?limit=250&page=1", 2_000) == (200, b"[1]")
    assert api.get(f"{ROOT}/v2/orders/5/products?limit=250&page=2", 3_000) == (204, b"")
    assert api.get(f"{ROOT}/v3/customers?id:in=7&include=addresses", 4_000) == (200, b'{"data":[],"meta":{}}')


def test_copy_that_is_behind_answers_what_was_true_seconds_before() -> None:
    changes = [announced(n + 1, n * SECOND, b"%d" % n) for n in range(3_600)]
    api = Api(*changes, faults=("platform_behind",), seed=3)
    lags = []
    for minute in range(1, 59):
        status, body = api.get(PATH, minute * MINUTE, seed=str(minute))
        assert status == 200
        lags.append(minute * 60 - int(body))
    assert max(lags) > 2
    assert max(lags) <= STALE_MS // SECOND + 1


def test_faults_hit_one_store_or_all_of_them() -> None:
    hit: dict[str, set[int]] = {}
    for store in ("simulated0", "simulated1"):
        path = f"api.bigcommerce.com/stores/{store}/v2/orders/5"
        api = Api(announced(1, 0, b"one", path=path), faults=("platform_down",), seed=2)
        hit[store] = {minute for minute in range(0, 1440, 5) if api.get(path, minute * MINUTE + SECOND)[0] == 503}
    assert hit["simulated0"] - hit["simulated1"]
    assert hit["simulated1"] - hit["simulated0"]


def test_limited_api_says_how_long_to_wait() -> None:
    api = Api(announced(1, 0, b"one"), faults=("platform_limited", "platform_slow"), seed=5)
    results = [api.get(PATH, minute * MINUTE, seed=str(minute)) for minute in range(1, 1_400)]
    waits = {wait for _, status, wait, _, _ in api.answers if status == 429}
    assert waits
    assert waits <= {1_000, 2_000, 4_000, 8_000, 30_000, 90_000}
    assert any(isinstance(result, NoAnswer) for result in results)


class Checked:
    """The checker with two states of an order, and the texts of its violations."""

    def __init__(self, *announcements: Announcement) -> None:
        self.now = START
        self.texts: list[str] = []
        self.excuses = ExcuseCounter()
        self.webhooks = announcements
        self.records = {other.id: SendRecord(other, None, [other.at]) for other in announcements}
        self.has_copies = False
        faults = FaultSchedule(random.Random(1), (), START, START + DAY, START)
        self.checker = FetchChecker(
            simulated_shops(("bigcommerce",)),
            {other.id: other for other in announcements},
            self.records,
            lambda invocation: invocation.notes.get("webhook"),
            self._body_at,
            lambda announcement, key: self.has_copies,
            lambda shop, entity: False,
            faults,
            self.excuses,
            lambda: self.now,
            lambda kind, announcement, text: self.texts.append(f"{kind}: {text}"),
        )

    def _body_at(self, path: str, at: int) -> bytes | None:
        return next((other.answers.get(path) for other in reversed(self.webhooks) if other.at <= at), None)

    def invocation(self, webhook: Announcement, key: str = "k", *, holds_lease: bool = True) -> Invocation:
        made = Invocation("retry", self.now + MINUTE, key)
        made.request_id = key
        made.notes |= {"webhook": webhook, "key": (SHOP, key)}
        if holds_lease:
            self.write(made, {"lease_holder": {"S": key}})
        return made

    def write(self, by: Invocation, attributes: dict[str, Any], before: dict[str, Any] | None = None) -> None:
        pk = {"pk": {"S": f"{SHOP}#order#5"}}
        self.checker.on_write(by, pk | (before or {}), pk | attributes)

    def ask(self, by: Invocation, *, url: str = f"https://{PATH}", token: str = "sim-token-0", **headers: str) -> None:
        self.checker.on_request(by, "GET", url, {"X-Auth-Token": token, **headers}, b"")
        self.checker.begins(by, PATH)

    def fetch(self, by: Invocation, state: Announcement | None, status: int = 200, wait_ms: int = 0) -> None:
        self.ask(by)
        body = state.answers[PATH] if state else None
        self.checker.on_answer(by, PATH, status, wait_ms, body, state.id if state else 0)

    def record(self, by: Invocation, at: int | None = None) -> None:
        """Settle the change that was fetched."""
        settled = {"settled_keys": {"L": [{"S": by.request_id}]}}
        self.write(by, settled | ({"fetched_at": {"N": str(at)}} if at is not None else {}))

    def outcome(self, by: Invocation, outcome: str, reason: str = "") -> None:
        self.checker.on_outcome({"outcome": outcome, "reason": reason}, by.notes["webhook"], by)


FIRST, SECOND_STATE = announced(1, 0, b"one"), announced(2, 30_000, b"two")


@pytest.fixture
def checked() -> Checked:
    return Checked(FIRST, SECOND_STATE)


def test_fetch_that_is_as_it_should_be_is_no_violation(checked: Checked) -> None:
    by = checked.invocation(FIRST)
    checked.fetch(by, FIRST)
    checked.record(by, checked.now)
    checked.outcome(by, "delivered")
    checked.outcome(checked.invocation(FIRST, "other"), "superseded")
    assert checked.texts == []
    assert checked.checker.state_of(FIRST, by) is FIRST


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (
            lambda c: c.ask(c.invocation(FIRST, holds_lease=False)),
            "misordered: fetched without the lease of its entity",
        ),
        (lambda c: c.ask(c.invocation(FIRST), url="https://evil.example/x"), "leaked: a request to another host"),
        (lambda c: c.ask(c.invocation(FIRST), url=f"http://{PATH}"), "leaked: a request to another host"),
        (
            lambda c: c.ask(c.invocation(FIRST), url=f"https://{PATH}".replace("ed0", "ed1")),
            "leaked: a request to another",
        ),
        (lambda c: c.ask(c.invocation(FIRST), token="sim-token-1"), "leaked: a request with another token"),
        (lambda c: c.ask(c.invocation(FIRST), Authorization="Basic x"), "leaked: a request with another token"),
    ],
)
def test_request_to_the_wrong_place_is_reported(checked: Checked, ask: Callable[[Checked], None], text: str) -> None:
    ask(checked)
    (found,) = checked.texts
    assert found.startswith(text)


def test_webhook_is_superseded_only_by_a_fetch_that_contains_it(checked: Checked) -> None:
    by = checked.invocation(FIRST)
    checked.fetch(by, FIRST)
    checked.outcome(checked.invocation(FIRST, "other"), "superseded")
    assert checked.texts == ["lost: superseded by a fetch that does not contain it"]  # it was not recorded
    checked.record(by, checked.now)
    checked.outcome(checked.invocation(SECOND_STATE, "second"), "superseded")
    assert len(checked.texts) == 2


def test_copy_that_cannot_be_recognised_is_excused() -> None:
    first, second = announced(1, 100, b"one", version=50), announced(2, 700, b"two", version=50)
    checked = Checked(first, second)
    for lag, texts in ((0, 1), (500, 1)):
        by = checked.invocation(first)
        by.notes["platform_lag"] = lag
        checked.now += MINUTE
        checked.fetch(by, first)
        checked.record(by, checked.now)
        checked.outcome(checked.invocation(second, "second"), "superseded")
        assert len(checked.texts) == texts
    assert checked.excuses.counts == {"unrecognised_copy": 1}


def test_older_state_does_not_follow_a_later_one(checked: Checked) -> None:
    late = checked.invocation(SECOND_STATE, "late")
    checked.fetch(late, SECOND_STATE)
    early = checked.invocation(FIRST, "early")
    checked.fetch(early, FIRST)
    for is_unrecorded, texts in ((True, []), (False, ["misordered: state 0 was accepted after state 1"])):
        checked.checker.on_accepted(SECOND_STATE, late, "POST v1/event", is_unrecorded=False)
        checked.checker.on_accepted(FIRST, early, "POST v1/event", is_unrecorded=is_unrecorded)
        assert checked.texts == texts


def test_ledger_records_the_fetch_that_was_made(checked: Checked) -> None:
    by = checked.invocation(FIRST)
    checked.fetch(by, FIRST)
    checked.record(by)
    checked.record(by, checked.now + 1)
    assert checked.texts == [
        "lost: the ledger does not keep that it was fetched",
        "lost: the ledger records a fetch that was not made, or not so late",
    ]


def test_next_fetch_waits_for_some_seconds(checked: Checked) -> None:
    by = checked.invocation(FIRST)
    checked.fetch(by, FIRST)
    checked.record(by, checked.now)
    checked.now += 4 * SECOND
    checked.fetch(checked.invocation(SECOND_STATE, "second"), FIRST)
    assert checked.texts == ["wedged: fetched again after 4000 ms"]


def test_wait_that_the_platform_asks_for_is_respected(checked: Checked) -> None:
    checked.fetch(checked.invocation(FIRST), None, 429, 30_000)
    checked.now += 29 * SECOND
    checked.has_copies = True
    checked.fetch(checked.invocation(FIRST), None, 429, 30_000)
    assert (checked.texts, checked.excuses.counts) == ([], {"copies": 1})
    checked.has_copies = False
    checked.now += 29 * SECOND
    checked.fetch(checked.invocation(FIRST), FIRST)
    assert checked.texts == ["wedged: fetched 1000 ms before the time that the platform asked for"]


def test_what_is_not_there_yet_is_not_gone(checked: Checked) -> None:
    by = checked.invocation(FIRST)
    checked.fetch(by, None, 404)
    checked.outcome(by, "ignored", "not_at_platform")
    assert checked.texts == ["lost: ignored as not at the platform, although it is there"]


def test_parts_of_several_moments_have_no_state(checked: Checked) -> None:
    by = checked.invocation(FIRST)
    checked.fetch(by, FIRST)
    checked.checker.on_answer(by, f"{PATH}/products", 200, 0, b"[]", 1)
    assert not checked.checker.is_mixed(FIRST, by)
    checked.checker.on_answer(by, f"{PATH}/products", 200, 0, b"[2]", 2)
    assert checked.checker.is_mixed(FIRST, by)


def test_burst_that_makes_many_fetches_is_reported() -> None:
    burst = [announced(id, id * 10, b"one") for id in range(1, 21)]
    checked = Checked(*burst)
    for number in range(4):
        checked.now = START + number * 6 * SECOND + 500
        checked.fetch(checked.invocation(burst[number], f"k{number}"), burst[0])
    checked.checker.finish()
    assert checked.texts == ["wedged: 20 webhooks of one moment made 4 fetches"]


# -- whole runs


@pytest.mark.parametrize("seed", [1, 2])
def test_platform_that_is_down_slow_limited_or_behind_breaks_no_promise(seed: int) -> None:
    run = burst_run(800, seed, (*PLATFORM_FAULTS, "late", "duplicate"), platforms=("bigcommerce",))
    result = run.run()
    assert result.violations == []
    assert result.faults.keys() >= {"platform_down", "platform_behind"}


def test_all_faults_break_no_promise_of_a_thin_platform() -> None:
    result = Run(1_500, 1, platforms=("bigcommerce",)).run()
    assert result.violations == []
    assert len(result.faults) > 20


def test_bursts_of_webhooks_of_one_order_make_few_fetches() -> None:
    run = burst_run(1_500, 1, (), platforms=("bigcommerce",))
    assert run.run().violations == []
    fetches = run.checker._fetches
    bursts = [
        fetches._fetched_at[shop, entity]
        for (shop, entity), others in fetches._of_entity.items()
        for first, last in zip(others, others[19:], strict=False)
        if entity.startswith("order ") and last.at - first.at < 2 * SECOND
    ]
    assert bursts
