"""No fault breaks a promise of shopwire, a seed always makes the same run, and a failure is explained."""

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from shopwire.endpoints import webhook as http
from shopwire.retry_queue import RetryQueue
from shopwire_cli.main import main
from shopwire_simulation import run as run_module
from shopwire_simulation.checkers.aws_calls import AwsCallObserver
from shopwire_simulation.checkers.excuses import EXCUSES, ExcuseCounter
from shopwire_simulation.checkers.observations import VIOLATION_KINDS, ReportEntity, ReportViolation, Violation
from shopwire_simulation.checkers.pending_changes import PendingChecker
from shopwire_simulation.command import SimulationRequest, simulate
from shopwire_simulation.faults import FAULT_KINDS
from shopwire_simulation.injections import (
    SCENARIOS,
    choose_short_stories,
    enumerate_injections,
    make_scenario_stories,
    run_injections,
)
from shopwire_simulation.log_reasons import KEEPS_FAILING
from shopwire_simulation.reference_model import expected_state
from shopwire_simulation.run import START, BlindChecker, Run, burst_run
from shopwire_simulation.scheduler import Fault, Invocation
from shopwire_simulation.shops import REFERENCE_PLATFORMS, simulated_platforms
from shopwire_simulation.table_layout import CALM_ATTRIBUTES, MESSAGE, OUTBOX_SHOP, TO_ERASE
from shopwire_testkit.announcements import Announcement, Story, Visit, cart_entity
from shopwire_testkit.durations import HOUR, MINUTE

# -- the promises


@pytest.mark.parametrize("kind", ["none", *FAULT_KINDS])
def test_each_kind_of_fault_alone_breaks_no_promise(kind: str) -> None:
    assert Run(300, 5, () if kind == "none" else (kind,)).run().violations == []


@pytest.mark.parametrize("platform", simulated_platforms())
def test_shops_of_each_platform_alone_break_no_promise(platform: str) -> None:
    assert Run(300, 5, platforms=(platform,)).run().violations == []


def test_customer_who_returns_must_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(300, 5, ())
    visit = run_module.Comebacks.visit

    def visit_without_contacts(comebacks: run_module.Comebacks, stories: Mapping[int, Story]) -> list[Violation]:
        run.api.emulator.reset()
        return visit(comebacks, stories)

    monkeypatch.setattr(run_module.Comebacks, "visit", visit_without_contacts)
    texts = {violation.text for violation in run.run().violations}
    assert texts == {"the visit of a customer who returned is not kept"}


def test_without_faults_every_visit_and_every_later_cart_change_is_sent() -> None:
    run = Run(2_000, 3, (), platforms=REFERENCE_PLATFORMS)
    assert run.run().violations == []
    accepted = run.checker.requests.accepted
    visits: Counter[str] = Counter()
    carts = {True: 0, False: 0}  # by whether the browser sent the cart
    for story in run.stories:
        expected = expected_state(story, story.meanings.keys())
        if expected.absent_identities:
            continue  # the customer was erased meanwhile
        for announcement in story.announcements:
            meaning = story.meanings.get(announcement.id)
            if isinstance(meaning, Visit) and meaning.person:
                requests = accepted[story.shop, announcement.entity]
                events = [request.event for request in requests if request.announcement is announcement]
                assert [event["eventTypeKey"] for event in events if event] == [meaning.event_type]
                visits[meaning.event_type] += 1
        for token, cart in expected.carts.items():
            if not cart.certain and cart.products is not None:
                last = accepted[story.shop, cart_entity(token)][-1]
                assert last.announcement
                assert last.event
                carts[last.announcement.storefront] += 1
                assert last.event["keyValue"] == cart.contact
                products = json.loads(last.params.get("products", "[]"))
                assert [(product["productId"], product["quantity"]) for product in products] == [
                    (product["productId"], product["quantity"]) for product in cart.products
                ]
    assert len(visits) == 5
    assert visits.total() > 20
    assert min(carts.values()) > 5


def test_all_faults_together_break_no_promise() -> None:
    run = Run(2_000, 1, platforms=REFERENCE_PLATFORMS)
    result = run.run()
    assert result.violations == []
    assert len(result.faults) > 20
    assert run.checker.unseen_attributes((MESSAGE, OUTBOX_SHOP)) == []


def test_burst_run_breaks_no_promise() -> None:
    run = burst_run(1_500, 1)
    assert max(announcement.at for story in run.stories for announcement in story.announcements) < START + HOUR
    result = run.run()
    assert result.violations == []
    assert len(result.faults) > 20


def test_injected_fault_at_any_point_of_a_short_story_breaks_no_promise() -> None:
    result = run_injections(max_webhooks=6_000, platforms=REFERENCE_PLATFORMS)
    assert result.violations == []
    assert result.injections > 500
    assert result.webhooks >= 6_000


@pytest.mark.parametrize("platform", sorted(simulated_platforms()))
def test_faults_are_injected_into_stories_of_each_platform(platform: str) -> None:
    scenario = SCENARIOS[0]
    stories = make_scenario_stories(scenario, (platform,))
    story = choose_short_stories(stories)[0]
    assert {injection.service for injection in enumerate_injections(stories, scenario, story)} >= {"ledger", "api"}


def test_faults_are_injected_at_the_calls_of_every_service() -> None:
    scenario = SCENARIOS[0]
    stories = make_scenario_stories(scenario, REFERENCE_PLATFORMS)
    short_stories = choose_short_stories(stories)[:8]
    injections = [injection for story in short_stories for injection in enumerate_injections(stories, scenario, story)]
    for service in ("ledger", "queue", "api"):
        faults = {injection.fault for injection in injections if injection.service == service}
        assert faults >= {Fault.CRASH, Fault.NO_ANSWER}
    unanswered = [injection for injection in injections if injection.fault is Fault.NO_ANSWER]
    assert len({(injection.invocation, injection.point) for injection in unanswered}) > 20


# -- the checkers


def test_checkers_recognise_every_attribute_that_a_run_without_faults_writes() -> None:
    # With an erasure of a customer who had changed their address before.
    run = Run(600, 3, (), platforms=REFERENCE_PLATFORMS, often=["leaving"])
    run.run()
    assert run.checker.unseen_attributes((*CALM_ATTRIBUTES, TO_ERASE)) == []


def follow(
    announcements: Iterable[Announcement],
    now: Callable[[], int] = lambda: START,
    report: ReportViolation = lambda *_: None,
) -> PendingChecker:
    """Return the checker of what waits, for these announcements."""
    return PendingChecker(announcements, {}, {}, ExcuseCounter(), lambda *_: False, lambda _: 1, now, report)


def observe(announcements: dict[int, Announcement], report: ReportEntity = lambda *_: None) -> AwsCallObserver:
    """Return the observer of calls about these announcements."""
    pending = follow(announcements.values())
    return AwsCallObserver(announcements, pending, lambda *_: None, lambda _: None, report)


def test_two_shops_may_use_the_same_key() -> None:
    announcements = {
        id: Announcement(id, START, shop, "orders/create", b"{}", "order 1", fact=False, version=(START, 1))
        for id, shop in enumerate(("sim-shopify-0", "sim-shopify-1"))
    }
    observer = observe(announcements)
    for id, announcement in announcements.items():
        invocation = Invocation("webhook", START, "")
        invocation.notes["announcement"] = id
        key = {"pk": {"S": f"{announcement.shop}#order#1"}, "sk": {"S": "ledger"}}
        values = {":new_lease_key": {"S": "the-same-key"}}
        observer.on_call(invocation, "ledger", "update_item", {"Key": key, "ExpressionAttributeValues": values}, START)
    for announcement in announcements.values():
        assert observer.announcement((announcement.shop, "the-same-key")) is announcement


@pytest.mark.parametrize(
    ("failures", "minutes", "status", "is_allowed"),
    [(20, 0, 500, True), (19, 3, 500, False), (5, 16, 0, True), (5, 10, 0, False), (30, 16, 401, False)],
)
def test_change_is_parked_only_if_it_failed_often_enough(
    failures: int, minutes: int, status: int, is_allowed: bool
) -> None:
    now, texts = [START], list[str]()
    announcement = Announcement(1, START, "sim-shopify-0", "orders/create", b"{}", "order 1", fact=False, version=None)
    pending = follow([announcement], lambda: now[0], lambda kind, announcement, text: texts.append(text))
    invocation, key = Invocation("retry", START, ""), ("sim-shopify-0", "k")
    invocation.notes["key"] = key
    for _ in range(failures):
        pending.on_failure(announcement, invocation, status)
        now[0] += minutes * MINUTE
    pending.on_outcome({"outcome": "parked", "reason": KEEPS_FAILING}, key, announcement)
    assert texts == ([] if is_allowed else [f"parked without need: {KEEPS_FAILING}"])


def test_message_that_sqs_drops_is_reported() -> None:
    texts: list[str] = []
    observer = observe({}, lambda *found: texts.append(found[3]))
    message = {"MessageBody": '{"shop": "sim-shopify-0", "key": "k"}', "MessageGroupId": "g"}
    for id, minutes in (("1", 0), ("2", 1), ("1", 5)):
        at = START + minutes * MINUTE
        observer.on_call(None, "queue", "send_message", message | {"MessageDeduplicationId": id}, at)
    assert texts == []
    observer.on_call(None, "queue", "send_message", message | {"MessageDeduplicationId": "1"}, START + 9 * MINUTE)
    assert texts == ["SQS drops a message"]


def test_change_that_is_removed_from_a_pending_mark_leaves_the_others_their_announcements() -> None:
    waits, removed = (
        Announcement(id, START, "sim-shopify-0", "orders/create", b"{}", "order 1", fact=False, version=(START, id))
        for id in (1, 2)
    )
    announcements = {1: waits, 2: removed}
    observer = observe(announcements)
    key = {"pk": {"S": "sim-shopify-0#order#1"}, "sk": {"S": "ledger"}}
    for id, before, after in ((1, "", "first"), (2, "first", "first second"), (2, "first second", "first")):
        invocation = Invocation("webhook", START, "")
        invocation.notes["announcement"] = id
        values = {":new_pending_key": {"S": after}} | ({":mark": {"S": before}} if before else {})
        observer.on_call(invocation, "ledger", "update_item", {"Key": key, "ExpressionAttributeValues": values}, START)
    assert observer.announcement(("sim-shopify-0", "first")) is waits
    assert observer.announcement(("sim-shopify-0", "second")) is removed


def test_run_without_faults_fails_if_an_attribute_is_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "CALM_ATTRIBUTES", (*CALM_ATTRIBUTES, "renamed"))
    with pytest.raises(BlindChecker, match=r"no write of renamed was seen.*table_layout\.py"):
        Run(1_000, 2, (), platforms=REFERENCE_PLATFORMS).run()


# -- the seed


def test_same_seed_makes_the_same_run() -> None:
    first, second = (Run(300, 9).run() for _ in range(2))
    assert (first.webhooks, first.faults, first.answers) == (second.webhooks, second.faults, second.answers)
    assert Run(300, 10).run().faults != first.faults


# -- failures


def test_exception_in_a_handler_is_a_violation_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(http, "webhook_of", fail)
    violations = Run(20, 1, ()).run().violations
    assert {(violation.kind, violation.text.partition(" in ")[0]) for violation in violations} >= {
        ("lost", "the function failed: ZeroDivisionError")
    }


def test_failing_run_prints_seed_story_and_the_command_to_repeat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RetryQueue, "put", lambda self, message, entity: None)
    out, err = io.StringIO(), io.StringIO()
    assert simulate(SimulationRequest(150, 3, ("api_down",)), out, err) == 1
    counts = json.loads(out.getvalue())
    assert counts["lost"] + counts["wrong_final_state"] > 0
    printed = err.getvalue()
    assert printed.startswith("seed 3: ")
    assert "wrong: " in printed
    command = next(line for line in printed.splitlines() if line.startswith("run it again: "))
    match = re.fullmatch(
        r"run it again: shopwire simulate --webhooks 150 --seed 3 --faults api_down(?: --burst (\d+))? --replay (\d+)",
        command,
    )
    assert match
    burst, story = (int(number) if number else None for number in match.groups())
    request = SimulationRequest(150, 3, ("api_down",), burst, (story or 0,))
    assert simulate(request, io.StringIO(), io.StringIO()) == 1


# -- the command


def test_command_ends_with_the_json_line_of_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--webhooks", "60", "--seed", "2", "--faults", "none"]) == 0
    out, err = capsys.readouterr()
    counts = json.loads(out)
    assert list(counts) == ["webhooks", "faults", *VIOLATION_KINDS, "excused", "seconds"]
    assert counts["excused"].keys() <= EXCUSES.keys()
    assert [counts[kind] for kind in VIOLATION_KINDS] == [0] * len(VIOLATION_KINDS)
    assert (counts["faults"], err) == (0, "")


def test_replay_prints_the_events_of_its_story(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--webhooks", "60", "--seed", "2", "--replay", "1"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["webhooks"] > 0
    assert err.startswith("day ")


def test_shops_of_one_platform_can_be_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--webhooks", "60", "--seed", "2", "--platform", "woocommerce", "--replay", "0"]
    assert main(["simulate", *arguments]) == 0
    assert "customer.created of contact 1" in capsys.readouterr().err
    request = SimulationRequest(60, 2, (), platform="woocommerce")
    assert {story.shop for story in request.make_run(0).stories} == {"sim-woocommerce-0", "sim-woocommerce-1"}
    assert "--platform woocommerce --replay 0" in request.replay_command(0, (0,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--platform", "bazaar"],
            "bazaar has no simulated shop. There are shopify, woocommerce, generic, bigcommerce",
        ),
        (["--faults", "queue_down,rain"], "unknown fault rain"),
        (["--replay", "100000"], "unknown story 100000. There are the stories 0 to"),
        (["--replay", "-1"], "invalid list of stories"),
        (["--webhooks", "0"], "at least 1"),
    ],
)
def test_invalid_options_are_the_callers_mistake(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: Any = main(["simulate", "--webhooks", "20", *arguments])
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
