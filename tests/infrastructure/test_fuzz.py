"""`make fuzz`: what it covers, that it finds a planted bug, and that it leaves a small input that fails."""

import json
import random
from pathlib import Path

import pytest

from shopwire import platforms
from tools.fuzz import __main__ as command
from tools.fuzz.engine import fuzz_at_random, load_targets, run
from tools.fuzz.mutation import minimise, mutate, split
from tools.fuzz.targets import Target

TARGETS = load_targets()
SEEDS = {name: list(target.seeds()) for name, target in TARGETS.items()}


def corpus_of(target: Target, folder: Path) -> Path:
    """Return a folder with the target's seeds."""
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS[target.name]):
        (corpus / str(number)).write_bytes(seed)
    return corpus


def plant_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an order of Shopify without a name end with an error that is not documented."""

    def stripped(value: str | None) -> str:
        return value.strip()  # type: ignore[union-attr]  # this is the bug

    monkeypatch.setattr("shopwire.platforms.shopify.orders.usable_id", stripped)


def test_each_parser_and_endpoint_is_a_target() -> None:
    assert set(TARGETS) == {f"read-{name}" for name in platforms.NAMES} | {"verify", "event", "message"}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_seeds_and_their_changes_end_as_documented(target: Target) -> None:
    rng = random.Random(1)
    seeds = SEEDS[target.name]
    assert len(seeds) >= 3
    for seed in (*seeds, *(mutate(rng.choice(seeds), rng, rng.choice(seeds)) for _ in range(200))):
        assert run(target, seed) is None


def test_planted_bug_is_found_and_leaves_a_small_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = TARGETS["read-shopify"]
    with monkeypatch.context() as patch:
        plant_a_bug(patch)
        assert fuzz_at_random(target, corpus_of(target, tmp_path), lambda runs: runs < 20_000, 1, tmp_path) == 1
        (path,) = (tmp_path / "findings" / "read-shopify").iterdir()
        printed = capsys.readouterr().out
        assert "AttributeError" in printed
        assert f"make fuzz ARGS='--target read-shopify --input {path}'" in printed
        topic, body = split(path.read_bytes())
        assert topic.startswith(b"orders/")
        # These are required. The currency may be in two places.
        assert list(json.loads(body))[:3] == ["id", "created_at", "total_price"]
        assert len(body) < 150
        with pytest.raises(AttributeError):
            command.main(["--target", "read-shopify", "--input", str(path)])
    assert command.main(["--target", "read-shopify", "--input", str(path)]) == 0


def test_seed_that_fails_is_a_finding(tmp_path: Path) -> None:
    target = Target("broken", lambda: [], lambda data: print(int(data)))
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "seed").write_bytes(b"not a number, and quite long")
    assert fuzz_at_random(target, tmp_path / "corpus", lambda runs: False, 1, tmp_path) == 1
    (path,) = (tmp_path / "findings" / "broken").iterdir()
    assert path.read_bytes() == b""


@pytest.mark.parametrize(("codes", "expected"), [((0, 0), 0), ((0, 1), 1), ((77, 0), 1)])
def test_command_fails_if_any_target_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], codes: tuple[int, int], expected: int
) -> None:
    result = dict(zip(("verify", "message"), codes, strict=True))
    monkeypatch.setattr(command, "_fuzz_in_a_process", lambda name, seconds, seed: result.get(name, 0))
    assert command.main(["--seconds", "0"]) == expected
    assert capsys.readouterr().out.splitlines()[-1].endswith("none") is (expected == 0)


def test_changes_follow_from_the_seed() -> None:
    seeds = SEEDS["read-storefront"]
    assert [mutate(seeds[0], random.Random(n), seeds[1]) for n in range(20)] == [
        mutate(seeds[0], random.Random(n), seeds[1]) for n in range(20)
    ]
    assert len({mutate(seeds[0], random.Random(n), seeds[1]) for n in range(20)}) > 10


def test_small_input_keeps_only_what_it_needs() -> None:
    body = b'topic\n{"a": [1, {"b": "x", "c": [0, 7, 0]}], "d": {"e": null}}'
    assert minimise(body, lambda data: b"7" in data and b"topic" in data) == b"topic7"


def test_unknown_target_is_the_callers_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(["--target", "nothing", "--input", "x"])
    assert stopped.value.code == 2
    assert "read-shopify" in capsys.readouterr().err
