"""What is fuzzed: verify, read and map of each platform, the HTTP endpoints, and the message format.

A target runs one input, and catches the exceptions that are documented. Whatever it raises is a finding. Import this
module only when shopwire may be imported (`engine.load_targets` measures its code first).
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shopwire import platforms
from shopwire.delivery.task import Policy
from shopwire.endpoints import storefront, webhook
from shopwire.environment import Environment, Settings
from shopwire.errors import NewerMessageFormat, NotVerified, RetryLater, Unreadable, UnsignedCall
from shopwire.message import Message, unpack
from shopwire.models import Webhook
from shopwire.observability import logger
from shopwire.platforms.base import Platform
from shopwire_dev.demo_shops import demo_settings
from shopwire_simulation.fakes import FakeDynamoDB, FakeQueue, FakeSSM
from shopwire_testkit.expected import OWNER, result
from shopwire_testkit.fetched import CannedApi, with_state
from shopwire_testkit.samples import sample_shop, samples, signed_webhook

_NOW_MS = 1_798_761_600_000  # 2027-01-01T00:00:00Z, later than all samples
_EVENTS = Path(__file__).parents[2] / "events"
_STATUSES = frozenset({200, 204, 400, 401, 403, 404, 405, 413, 429})
# Text of the input may be in a request several times, with escapes.
_ANSWER_FOLLOWS = b"\n---\n"
_MAX_GROWTH = 50
_MAX_REQUEST_BYTES = 100_000


class WrongResult(Exception):
    """No exception was raised, but the result breaks a promise."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something to fuzz.

    Args:
        seeds: returns inputs to begin with.
        run: runs one input. It raises what is not documented.
    """

    name: str
    seeds: Callable[[], Iterable[bytes]]
    run: Callable[[bytes], None]


def all_targets() -> dict[str, Target]:
    """Return the targets by name."""
    adapters = [platforms.get(name) for name in platforms.NAMES]
    found = [
        *(_read_target(platform) for platform in adapters),
        Target("verify", _verify_seeds, _run_verify),
        Target("event", _event_seeds, _Endpoints().run),
        Target("message", _message_seeds, _run_message),
    ]
    return {target.name: target for target in found}


# --- read and map. An input is a topic, a line break and a body, which is signed. If the body carries no state, a line
# with dashes follows, and what the platform's API answers to everything.


def _read_target(platform: Platform) -> Target:
    def seeds() -> Iterable[bytes]:
        for sample in samples(platform.name):
            call = f"{sample.topic}\n".encode() + sample.body
            yield call
            yield from (call + _ANSWER_FOLLOWS + answer for answer in sample.answers.values() if answer)

    def run(data: bytes) -> None:
        topic, _, body = data.partition(b"\n")
        body, _, answer = body.partition(_ANSWER_FOLLOWS)
        shop = sample_shop(platform)
        call = signed_webhook(platform, topic.decode("latin-1"), body, shop, _NOW_MS)
        try:
            platform.verify(call, shop)
            deliveries = platform.read(call, shop)
            answers = dict.fromkeys((name for names in platform.fetches.values() for name in names), answer or None)
            changes = [with_state(each.change, platform, shop, CannedApi(answers)) for each in deliveries]
        except (NotVerified, Unreadable, RetryLater):
            return
        limit = _MAX_REQUEST_BYTES + _MAX_GROWTH * len(data)
        for change in changes:
            for known in (True, False):
                requests = result(change, shop, known=known, contact=OWNER)
                if isinstance(requests, list) and any(len(request.body) > limit for request in requests):
                    raise WrongResult("a request is much larger than its webhook")

    return Target(f"read-{platform.name}", seeds, run)


# --- verify. An input is the name of a platform, header lines, an empty line and a body.


def _verify_seeds() -> Iterable[bytes]:
    for platform in map(platforms.get, platforms.NAMES):
        for sample in samples(platform.name)[:3]:
            call = signed_webhook(platform, sample.topic, sample.body, sample_shop(platform), _NOW_MS)
            headers = "".join(f"{name}: {value}\n" for name, value in call.headers.items())
            yield f"{platform.name}\n{headers}\n".encode() + call.body


def _run_verify(data: bytes) -> None:
    head, _, body = data.partition(b"\n\n")
    name, *lines = head.decode("utf-8", "surrogateescape").split("\n")
    platform = platforms.get(name if name in platforms.NAMES else platforms.NAMES[0])
    headers = {field.strip().lower(): value.strip() for field, _, value in (line.partition(":") for line in lines)}
    try:
        platform.verify(Webhook(headers, body, _NOW_MS), sample_shop(platform))
    except (NotVerified, UnsignedCall):
        return


# --- the endpoints. An input is the JSON of API Gateway's event.


def _event_seeds() -> Iterable[bytes]:
    events = [path.read_bytes() for path in sorted(_EVENTS.glob("*.json"))]
    return [event for event in events if b'"rawPath"' in event]


class _Context:
    aws_request_id = "fuzz"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


class _Clients:
    def __init__(self) -> None:
        self.dynamodb = FakeDynamoDB(lambda: _NOW_MS)
        self.sqs = FakeQueue(lambda: _NOW_MS, url="https://sqs.example/fuzz.fifo")
        self.ssm = FakeSSM()
        for id, settings in demo_settings().items():
            self.ssm.put_parameter(Name=f"/shops/{id}", Value=json.dumps(settings), Type="SecureString")


def _accept(
    method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, b""


class _Endpoints:
    """Both HTTP endpoints, on stores in memory and an API that accepts everything."""

    def __init__(self) -> None:
        # The lines are made, because making one may fail too, and thrown away.
        logger.registered_handler.stream = open(os.devnull, "w")  # type: ignore[attr-defined]  # noqa: SIM115
        self._environment: Environment | None = None
        self._calls = 0

    def run(self, data: bytes) -> None:
        try:
            event = _as_the_gateway_sends(json.loads(data))
        except (ValueError, RecursionError):
            return
        serve = storefront.serve if event["rawPath"].startswith("/storefront") else webhook.serve
        response = serve(event, _Context(), self._fresh_environment())
        if response["statusCode"] not in _STATUSES:
            raise WrongResult(f"status {response['statusCode']}")
        if response["body"] and response["headers"].get("content-type") == "application/json":
            json.loads(response["body"])

    def _fresh_environment(self) -> Environment:
        # The stores are emptied often, so that an input is tried as the first one and as a later one.
        if self._environment is None or self._calls % 100 == 0:
            settings = Settings(
                "shopwire",
                "https://sqs.example/fuzz.fifo",
                "/shops/",
                "https://esputnik.com/api/",
                "hash-key",
                Policy(),
                visits_per_second=1_000_000,
            )
            clients: Any = _Clients()
            self._environment = Environment(settings, clients, transport=_accept, clock=lambda: _NOW_MS)
        self._calls += 1
        return self._environment


def _as_the_gateway_sends(event: Any) -> dict[str, Any]:
    """Return the event with the types that API Gateway guarantees, whatever the values are."""
    given = event if isinstance(event, dict) else {}
    context = given.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    method = http.get("method") if isinstance(http, dict) else None
    return {
        "rawPath": _text(given.get("rawPath")),
        "headers": _texts(given.get("headers")),
        "queryStringParameters": _texts(given.get("queryStringParameters")),
        "requestContext": {"http": {"method": _text(method) or "POST"}, "timeEpoch": _NOW_MS},
        "isBase64Encoded": bool(given.get("isBase64Encoded")),
        "body": _text(given.get("body")),
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> dict[str, str]:
    return {name: _text(text) for name, text in value.items()} if isinstance(value, dict) else {}


# --- the message format. An input is a packed message.


def _message_seeds() -> Iterable[bytes]:
    for platform in map(platforms.get, platforms.NAMES):
        sample = samples(platform.name)[0]
        call = signed_webhook(platform, sample.topic, sample.body, sample_shop(platform), _NOW_MS)
        yield Message("sample-shop", "key", call, platform=platform.name).pack().encode()


def _run_message(data: bytes) -> None:
    try:
        message = unpack(data.decode("utf-8", "surrogateescape"))
    except (NewerMessageFormat, ValueError):
        return
    if unpack(message.pack()) != message:
        raise WrongResult("the message changes when it is packed again")
