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
from shopwire_testkit.fresh import (
    fields_of_joined,
    is_id,
    joined,
    separated,
    with_change_at,
    with_moved_dates,
    with_other_id,
)
from shopwire_testkit.samples import Sample, changed_at, moment_of, samples, value_at

# `shopwire dev` fetches the state of an entity at most once a second (`delivery.fetch`).
_FETCH_SECONDS = 1.5


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
        fields: values that differ from the sample's, by their path ("line_items.1.quantity"). In a sample with answers
            of the platform's API the path begins with "body" or "answers".
        second: when it happens, in seconds. Steps are sent in their own order, whatever their seconds.
        copies: how often it is sent at the same moment.
    """

    sample: str
    topic: str = ""
    platform: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    second: int = 0
    copies: int = 1


@dataclass(frozen=True, slots=True)
class PlannedWebhook:
    """A webhook to sign and post, `copies` times at the same moment, and what the platform's API answers then.

    Args:
        pause_seconds: how long to wait before it. Of a thin webhook nothing but the last state is seen otherwise.
    """

    platform: str
    topic: str
    body: bytes
    copies: int
    answers: Mapping[str, bytes | None] = field(default_factory=dict)
    pause_seconds: float = 0


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
    last = max(step.second for step in steps)
    found = [_find(step.platform or platform, step.sample) for step in steps]
    bodies = [_edited(_whole(sample), step.fields) for step, sample in zip(steps, found, strict=True)]
    ids = _ids_of(found, bodies)
    start = now // 1000 - last
    planned = []
    for step, sample, body in zip(steps, found, bodies, strict=True):
        fields = _fields(sample)
        for number, id in enumerate(ids):
            body = with_other_id(body, id, f"{now}{number:03d}", fields)
        if changed := changed_at(json.loads(body), fields):
            body = with_change_at(body, fields, changed, start + step.second)
            body = _created_at(body, sample.platform, fields, start)
        body, answers = separated(body) if sample.answers else (body, {})
        pause = _FETCH_SECONDS if answers and step.second else 0
        planned.append(PlannedWebhook(sample.platform, step.topic or sample.topic, body, step.copies, answers, pause))
    return planned


def _created_at(body: bytes, platform: str, fields: SampleFields, seconds: int) -> bytes:
    """Return the body with its creation at this UTC second. The samples of an order were moved by different times."""
    parsed = json.loads(body)
    dates = {path: date for path in _module(platform).CREATED if (date := value_at(parsed, path))}
    created = next((moment for date in dates.values() if (moment := moment_of(date))), None)
    if created is None:
        return body
    by = timedelta(seconds=seconds - int(created.timestamp()))
    return _edited(body, {path: _moved(date, by, fields) for path, date in dates.items()})


def _moved(date: Any, by: timedelta, fields: SampleFields) -> Any:
    if isinstance(date, int):
        return date + round(by.total_seconds())
    return json.loads(with_moved_dates(json.dumps(date).encode(), by, fields))


def _steps_of(platform: str) -> Mapping[str, tuple[Step, ...]]:
    try:
        steps: Mapping[str, tuple[Step, ...]] = _module(platform).STEPS
    except ModuleNotFoundError:
        return {}
    return steps


def _module(platform: str) -> Any:
    return import_module(f"shopwire_testkit.{platform}.scenarios")


def _whole(sample: Sample) -> bytes:
    """Return the body; with the answers of the platform's API, if it carries no state."""
    return joined(sample.body, sample.answers) if sample.answers else sample.body


def _fields(sample: Sample) -> SampleFields:
    fields = platforms.get(sample.platform).sample_fields
    return fields_of_joined(fields) if sample.answers else fields


def _find(platform: str, name: str) -> Sample:
    return next(sample for sample in samples(platform) if sample.name == name)


def _ids_of(found: list[Sample], bodies: list[bytes]) -> list[str | int]:
    """Return every id in the bodies that names an entity, each once."""
    ids: dict[str | int, None] = {}
    for sample, body in zip(found, bodies, strict=True):
        parsed = json.loads(body)
        ids |= dict.fromkeys(value for path in _fields(sample).ids if is_id(value := value_at(parsed, path)))
    return list(ids)


def _edited(body: bytes, fields: Mapping[str, Any]) -> bytes:
    if not fields:
        return body
    parsed = json.loads(body)
    for path, value in fields.items():
        *parents, last = _keys(path)
        target = parsed
        for key in parents:
            target = target[key]
        target[last] = value
    return json.dumps(parsed, ensure_ascii=False).encode()


def _keys(path: str) -> Iterator[str | int]:
    return (int(name) if name.isdigit() else name for name in path.split("."))
