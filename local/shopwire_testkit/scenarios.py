"""Scenarios: webhooks that belong together, such as those of an order from its creation to its delivery.

`shopwire send --scenario` and the inspector play them. Each platform defines its own steps (<platform>/scenarios.py).
A scenario is made of the platform's samples, with ids of its own and as if it happened just now.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import Any

from shopwire import platforms
from shopwire.platforms.base import SampleFields
from shopwire_testkit.fresh import is_id, with_change_at, with_moved_dates, with_other_id
from shopwire_testkit.samples import Sample, changed_at, moment_of, samples, value_at


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a scenario is, on every platform.

    Args:
        name: on the command line.
    """

    name: str
    title: str
    description: str


SCENARIOS = (
    Scenario("order-life", "An order's life", "created, paid, shipped, delivered"),
    Scenario("cart-to-order", "A cart becomes an order", "a cart, its contact, the purchase"),
    Scenario("refund", "A refund", "a paid order, part of which is refunded"),
    Scenario("out-of-order", "Out of order", "the last webhook of an order arrives first"),
    Scenario("twice-at-once", "Twice at once", "the same delivery arrives twice at the same moment"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A webhook of a scenario.

    Args:
        sample: name of the sample.
        topic: the topic, if it is not the sample's.
        platform: whose sample it is, if not the scenario's platform: the storefront has samples of its own.
        fields: values that differ from the sample's, by their path ("line_items.1.quantity").
        answers: the same of the answers of the platform's API ("order.status"), if the body carries no state.
        second: when it happens, in seconds. Steps are sent in their own order, whatever their seconds.
        copies: how often it is sent at the same moment.
    """

    sample: str
    topic: str = ""
    platform: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)
    second: int = 0
    copies: int = 1


@dataclass(frozen=True, slots=True)
class PlannedWebhook:
    """A webhook to sign and post, `copies` times at the same moment.

    Args:
        answers: what the platform's API answers then, by the name in `Platform.fetches`.
    """

    platform: str
    topic: str
    body: bytes
    copies: int
    answers: Mapping[str, bytes]


def scenarios_of(platform: str) -> list[Scenario]:
    """Return the scenarios that the platform has."""
    steps = _steps_of(platform)
    return [scenario for scenario in SCENARIOS if scenario.name in steps]


def plan(platform: str, name: str, now: int) -> list[PlannedWebhook]:
    """Return the webhooks of a scenario in sending order.

    Args:
        now: UTC milliseconds. The last change of the scenario happens at this moment.

    Raises:
        KeyError: the platform has no such scenario.
    """
    steps = _steps_of(platform)[name]
    found = [_find(step.platform or platform, step.sample) for step in steps]
    texts = [_whole(sample, step) for step, sample in zip(steps, found, strict=True)]
    ids = _ids_of(found, texts)
    start = now // 1000 - max(step.second for step in steps)
    planned = []
    for step, sample, text in zip(steps, found, texts, strict=True):
        fields = _inside(platforms.get(sample.platform).sample_fields)
        for number, id in enumerate(ids):
            text = with_other_id(text, id, f"{now}{number:03d}", fields)
        if changed := changed_at(json.loads(text), fields):
            text = with_change_at(text, fields, changed, start + step.second)
            text = _created_at(text, sample.platform, start)
        whole = json.loads(text)
        answers = {name: _as_bytes(answer) for name, answer in whole["answers"].items()}
        topic, body = step.topic or sample.topic, _as_bytes(whole["body"])
        planned.append(PlannedWebhook(sample.platform, topic, body, step.copies, answers))
    return planned


def _whole(sample: Sample, step: Step) -> bytes:
    """Return the body and the answers of the platform's API as one JSON, so that they are made fresh together."""
    answers = {name: json.loads(answer) for name, answer in sample.answers.items()}
    edits = {f"body.{path}": value for path, value in step.fields.items()}
    edits |= {f"answers.{path}": value for path, value in step.answers.items()}
    return _edited(_as_bytes({"body": json.loads(sample.body), "answers": answers}), edits)


def _inside(fields: SampleFields) -> SampleFields:
    """Return the same fields in what `_whole` returns."""
    return SampleFields(
        ids=tuple(f"body.{path}" for path in fields.ids), changed=tuple(f"body.{path}" for path in fields.changed)
    )


def _created_at(body: bytes, platform: str, seconds: int) -> bytes:
    """Return the body with its creation at this UTC second. The samples of an order were moved by different times."""
    parsed = json.loads(body)
    texts = {path: text for path in _module(platform).CREATED if (text := value_at(parsed, path))}
    created = next((moment for text in texts.values() if (moment := moment_of(text))), None)
    if created is None:
        return body
    by = timedelta(seconds=seconds - int(created.timestamp()))
    moved = {path: json.loads(with_moved_dates(json.dumps(text).encode(), by)) for path, text in texts.items()}
    return _edited(body, moved)


def _steps_of(platform: str) -> Mapping[str, tuple[Step, ...]]:
    try:
        steps: Mapping[str, tuple[Step, ...]] = _module(platform).STEPS
    except ModuleNotFoundError:
        return {}
    return steps


def _module(platform: str) -> Any:
    return import_module(f"shopwire_testkit.{platform}.scenarios")


def _find(platform: str, name: str) -> Sample:
    return next(sample for sample in samples(platform) if sample.name == name)


def _ids_of(found: list[Sample], texts: list[bytes]) -> list[str | int]:
    """Return every id in the bodies that names an entity, each once."""
    ids: dict[str | int, None] = {}
    for sample, text in zip(found, texts, strict=True):
        parsed = json.loads(text)
        paths = _inside(platforms.get(sample.platform).sample_fields).ids
        ids |= dict.fromkeys(value for path in paths if is_id(value := value_at(parsed, path)))
    return list(ids)


def _edited(text: bytes, fields: Mapping[str, Any]) -> bytes:
    if not fields:
        return text
    parsed = json.loads(text)
    for path, value in fields.items():
        *parents, last = _keys(path)
        target = parsed
        for key in parents:
            target = target[key]
        target[last] = value
    return _as_bytes(parsed)


def _as_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _keys(path: str) -> Iterator[str | int]:
    return (int(name) if name.isdigit() else name for name in path.split("."))
