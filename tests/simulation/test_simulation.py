"""The fault simulation holds for each kind of fault alone and for all together, is the same for the same seed, and
tells what fails so that a person can follow it."""

import io
import json
import re
from collections.abc import Collection
from types import SimpleNamespace
from typing import Any, cast

import pytest
from shopwire_simulation.checkers.evidence import KINDS, Violation

from shopwire.endpoints import webhook as http
from shopwire.retry_queue import RetryQueue
from shopwire_cli.main import main
from shopwire_simulation import injections as crashes
from shopwire_simulation.command import Asked, simulate
from shopwire_simulation.faults import HOUR
from shopwire_simulation.reference_model import expected_state
from shopwire_simulation.run import FAULT_KINDS, START, Run, storm
from shopwire_simulation.scheduler import Blow, Invocation, Killed, World
from shopwire_simulation.shrink import Shrinker
from shopwire_testkit.announcements import Announcement, Story, Visit

# -- the promises


@pytest.mark.parametrize("kind", ["none", *FAULT_KINDS])
def test_each_kind_of_fault_alone_breaks_no_promise(kind: str) -> None:
    assert Run(300, 5, () if kind == "none" else (kind,)).go().violations == []


def test_in_calm_every_visit_of_somebody_arrives_and_so_does_every_change_of_his_cart_after_it() -> None:
    run = Run(1_200, 3, ())
    assert run.go().violations == []
    visits = 0
    carts = {True: 0, False: 0}  # told by browsers, by webhooks
    for story in run.stories:
        expected = expected_state(story, story.meanings.keys())
        if expected.gone:
            continue  # somebody was forgotten meanwhile
        for one in story.announcements:
            meaning = story.meanings.get(one.id)
            if isinstance(meaning, Visit) and meaning.person:
                visits += 1
                assert "POST v1/event" in [taken.path for taken in run.judge.taken[story.shop, one.entity]]
        for token, cart in expected.carts.items():
            if not cart.firm and cart.products is not None:
                last = run.judge.taken[story.shop, f"cart {token}"][-1]
                event = last.event
                assert last.announcement
                assert event
                carts[last.announcement.storefront] += 1
                assert event["keyValue"] == cart.contact
                said = {param["name"]: param["value"] for param in event["params"]}
                told = json.loads(said.get("products", "[]"))
                assert [(one["productId"], one["quantity"]) for one in told] == [
                    (one["productId"], one["quantity"]) for one in cart.products
                ]
    assert visits > 20
    assert min(carts.values()) > 5


def test_all_faults_together_break_no_promise() -> None:
    verdict = Run(2_000, 1).go()
    assert verdict.violations == []
    assert len(verdict.faults) > 20


def test_a_blow_at_any_point_of_a_short_life_breaks_no_promise() -> None:
    crashed = crashes.crash(most=6_000)
    assert crashed.violations == []
    assert crashed.strikes > 500
    assert crashed.webhooks >= 6_000


def test_every_effect_is_struck_by_every_blow() -> None:
    stories = crashes.scene_stories(crashes.SCENES[0])
    shortest = crashes.short_stories(stories)[:3]
    strikes = [strike for story in shortest for strike in crashes.strikes_of(stories, crashes.SCENES[0], story)]
    for effect in ("ledger", "queue", "api"):
        assert {one.blow for one in strikes if one.at == effect} >= {Blow.DIE, Blow.FAIL}
    assert len({(one.invocation, one.point) for one in strikes if one.blow is Blow.FAIL}) > 20


# -- the same again


def test_the_same_seed_makes_the_same_run() -> None:
    first, second = (Run(300, 9).go() for _ in range(2))
    assert (first.webhooks, first.faults, first.answers) == (second.webhooks, second.faults, second.answers)
    assert Run(300, 10).go().faults != first.faults


def test_time_passes_in_order_and_things_of_one_moment_as_they_were_asked_for() -> None:
    world, seen = World(0), []
    for name, at in (("c", 20), ("a", 10), ("b", 10)):
        world.at(at, lambda name=name: seen.append((name, world.now)))  # type: ignore[misc]
    world.run()
    assert seen == [("a", 10), ("b", 10), ("c", 20)]


def test_who_dies_does_not_get_to_catch_it() -> None:
    world, seen = World(0), []

    def careful() -> str:
        try:
            world.point("ledger", "before")
        except Exception:
            return "caught"
        return "lived"

    doomed = Invocation("one", 100, "seed")
    doomed.blow = (1, Blow.DIE)
    world.invoke(doomed, careful, seen.append)
    world.invoke(Invocation("two", 100, "seed"), careful, seen.append)
    assert isinstance(seen[0], Killed)
    assert seen[1] == "lived"


# -- what fails


def test_an_exception_of_a_handler_is_a_violation_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(http, "webhook_of", breaks)
    violations = Run(20, 1, ()).go().violations
    assert {(one.kind, one.text.partition(" in ")[0]) for one in violations} >= {
        ("lost", "the function failed: ZeroDivisionError")
    }


def test_a_failing_run_prints_seed_story_and_the_command_that_tells_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RetryQueue, "put", lambda self, message, entity: None)
    out, err = io.StringIO(), io.StringIO()
    asked = Asked(150, 3, ("api_down",))
    assert simulate(asked, out, err) == 1
    line = json.loads(out.getvalue())
    assert line["lost"] + line["wrong_final_state"] > 0
    said = err.getvalue()
    assert said.startswith("seed 3: ")
    assert "wrong: " in said
    again = next(text for text in said.splitlines() if text.startswith("again: "))
    found = re.fullmatch(
        r"again: shopwire simulate --webhooks 150 --seed 3 --faults api_down(?: --storm (\d+))? --replay (\d+)", again
    )
    assert found
    storm, story = (int(number) if number else None for number in found.groups())
    assert simulate(Asked(150, 3, ("api_down",), storm, (story or 0,)), io.StringIO(), io.StringIO()) == 1


def test_a_storm_breaks_no_promise() -> None:
    run = storm(1_500, 1)
    assert max(one.at for story in run.stories for one in story.announcements) < START + HOUR
    verdict = run.go()
    assert verdict.violations == []
    assert len(verdict.faults) > 20


def _story(shop: str, *ids: int) -> Story:
    made = [Announcement(id, id, shop, "topic", b"", f"order {id}", False, (id, 0)) for id in ids]
    return Story(shop, made, frozenset(), {})


STORIES = [_story("a", 1, 2, 3, 4, 5), _story("b", 6, 7), _story("a", 8, 9), _story("a", 10)]
WRONG = Violation("lost", "a", "order 4", "gone", 0)


class _Pretended:
    """Runs that fail as long as these announcements are in them."""

    def __init__(self, *needed: int) -> None:
        self.needed = set(needed)
        self.tries = 0

    def __call__(self, only: Collection[int], without: Collection[int]) -> Run:
        self.tries += 1
        there = {one.id for n in only for one in STORIES[n].announcements} - set(without)
        verdict = SimpleNamespace(violations=[WRONG] if self.needed <= there else [])
        return cast(Run, SimpleNamespace(go=lambda: verdict, tale=[]))


def test_a_story_shrinks_to_the_announcements_that_it_takes() -> None:
    shortest = Shrinker(_Pretended(2, 4), STORIES).shrink(WRONG)
    assert shortest is not None
    assert (shortest.stories, shortest.without) == ({0}, {1, 3, 5})


def test_a_story_that_does_not_fail_alone_gets_the_company_of_its_shop_that_it_takes() -> None:
    shortest = Shrinker(_Pretended(4, 9), STORIES).shrink(WRONG)
    assert shortest is not None
    assert (shortest.stories, shortest.without) == ({0, 2}, {1, 2, 3, 5, 8})


def test_what_only_the_whole_run_shows_is_not_shrunk() -> None:
    assert Shrinker(_Pretended(4, 6), STORIES).shrink(WRONG) is None


def test_shrinking_ends_after_so_many_tries() -> None:
    pretended = _Pretended(2, 4)
    assert Shrinker(pretended, STORIES, most=3).shrink(WRONG) is not None
    assert pretended.tries == 3


# -- the command


def test_the_command_ends_with_the_contracts_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--webhooks", "60", "--seed", "2", "--faults", "none"]) == 0
    out, err = capsys.readouterr()
    line = json.loads(out)
    assert list(line) == ["webhooks", "faults", *KINDS, "seconds"]
    assert [line[kind] for kind in KINDS] == [0] * len(KINDS)
    assert (line["faults"], err) == (0, "")


def test_a_replay_tells_its_story(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--webhooks", "60", "--seed", "2", "--replay", "1"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["webhooks"] > 0
    assert err.startswith("day ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--faults", "queue_down,rain"], "no such fault: rain"),
        (["--replay", "100000"], "there are only the stories 0 to"),
        (["--replay", "-1"], "invalid list of stories"),
        (["--webhooks", "0"], "at least 1"),
    ],
)
def test_what_cannot_be_simulated_is_the_users_mistake(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: Any = main(["simulate", "--webhooks", "20", *arguments])
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
