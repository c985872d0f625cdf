"""Write events/: sample invocations for `make invoke` and `sam local invoke`.

    python -m tools.make_events [FOLDER]        (or `make events`)

There is one event for each sample of a platform, one for each unsigned ping, one of the retry queue and one of the
schedule. The files are the same each time: times and ids are fixed, and the demo shops' secrets sign the webhooks.
"""

import itertools
import json
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import md5
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest import mock

from shopwire import platforms
from shopwire.message import Message, worth_keeping
from shopwire.models import Shop, Webhook
from shopwire.platforms.base import Platform
from shopwire_dev.demo_shops import demo_settings, parse_shops
from shopwire_dev.gateway import make_event
from shopwire_testkit.samples import Sample, samples, signed_webhook

FOLDER = Path("events")

_RECEIVED_AT = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
_RECEIVED_AT_MS = int(_RECEIVED_AT.timestamp() * 1000)
_ACCOUNT = "123456789012"
_REGION = "eu-central-1"
_API = "a1b2c3d4e5"
_HOST = f"{_API}.execute-api.{_REGION}.amazonaws.com"

# A shop of any platform has a storefront. Its events are for this one.
_STOREFRONT_SHOP = "demo-shopify"
# The sample that waits in the retry queue's event.
_QUEUED_WEBHOOK = ("shopify", "orders/create")

Event = dict[str, Any]


def make_events() -> dict[str, Event]:
    """Return all events by the names of their files."""
    shops = parse_shops(demo_settings())
    made = {"retry_sqs": _queue_event(shops), "upkeep_schedule": _schedule_event()}
    for platform in map(platforms.get, platforms.NAMES):
        for sample in samples(platform.name):
            name = f"{platform.name}_{sample.path.stem.replace('--', '_')}"
            made[name] = _sample_event(name, platform, sample, shops)
        if platform.ping:
            name = f"{platform.name}_{platform.ping.topic}"
            path = f"/{platform.endpoint}/demo-{platform.name}"
            made[name] = _http_event(name, path, platform.ping.headers, platform.ping.body)
    return {f"{name}.json": event for name, event in made.items()}


def file_text(event: Event) -> str:
    """Return the content of an event's file."""
    return json.dumps(event, indent=2, ensure_ascii=False) + "\n"


def _sample_event(name: str, platform: Platform, sample: Sample, shops: Mapping[str, Shop]) -> Event:
    shop = shops[_STOREFRONT_SHOP if platform.endpoint == "storefront" else f"demo-{platform.name}"]
    webhook = _signed(name, platform, sample, shop)
    headers = webhook.headers
    if platform.endpoint == "storefront":
        # A page's sendBeacon sends text, and the body names its topic.
        headers = {"content-type": "text/plain;charset=UTF-8", "origin": shop.origins[0]}
    return _http_event(name, f"/{platform.endpoint}/{shop.id}", headers, webhook.body)


def _signed(name: str, platform: Platform, sample: Sample, shop: Shop) -> Webhook:
    with _fixed_ids(name):
        return signed_webhook(platform, sample.topic, sample.body, shop, _RECEIVED_AT_MS)


@contextmanager
def _fixed_ids(name: str) -> Iterator[None]:
    """Replace the random ids that `sign` makes by ids that follow from the event's name.

    They are replaced before the call is signed, because a platform may sign its ids too.
    """
    ids = (uuid.uuid5(uuid.NAMESPACE_URL, f"{name} {number}") for number in itertools.count())
    with mock.patch("uuid.uuid4", side_effect=ids):
        yield


def _http_event(name: str, path: str, headers: Mapping[str, str], body: bytes) -> Event:
    environ = {
        **{f"HTTP_{header.upper().replace('-', '_')}": value for header, value in headers.items()},
        "HTTP_HOST": _HOST,
        "HTTP_CONTENT_LENGTH": str(len(body)),
        "REQUEST_METHOD": "POST",
        "RAW_URI": path,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.input": BytesIO(body),
    }
    http_event = make_event(environ, body)
    http_event["requestContext"] |= {
        "accountId": _ACCOUNT,
        "apiId": _API,
        "domainPrefix": _API,
        "requestId": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "time": _RECEIVED_AT.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": _RECEIVED_AT_MS,
    }
    return http_event


def _queue_event(shops: Mapping[str, Shop]) -> Event:
    name, topic = _QUEUED_WEBHOOK
    shop, platform = shops[f"demo-{name}"], platforms.get(name)
    (sample,) = (sample for sample in samples(name) if sample.name == topic)
    signed = _signed("retry_sqs", platform, sample, shop)
    webhook = Webhook(worth_keeping(dict(signed.headers), platform.kept_headers), signed.body, _RECEIVED_AT_MS)
    (delivery,) = platform.read(webhook, shop)
    packed = Message(shop.id, delivery.key, webhook).pack()
    sent = str(_RECEIVED_AT_MS)
    record = {
        "messageId": str(uuid.uuid5(uuid.NAMESPACE_URL, "message")),
        "receiptHandle": "receipt-handle",
        "body": packed,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": sent,
            "SequenceNumber": "18849496460467696128",
            "MessageGroupId": "a-group",
            "SenderId": f"AROAEXAMPLE:{_ACCOUNT}",
            "MessageDeduplicationId": uuid.uuid5(uuid.NAMESPACE_URL, "deduplication").hex,
            "ApproximateFirstReceiveTimestamp": sent,
        },
        "messageAttributes": {},
        "md5OfBody": md5(packed.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{_REGION}:{_ACCOUNT}:retry.fifo",
        "awsRegion": _REGION,
    }
    return {"Records": [record]}


def _schedule_event() -> Event:
    return {
        "version": "0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, "schedule")),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": _ACCOUNT,
        "time": _RECEIVED_AT.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": _REGION,
        "resources": [f"arn:aws:events:{_REGION}:{_ACCOUNT}:rule/upkeep"],
        "detail": {},
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the files. Files of events that no longer exist are removed."""
    given = sys.argv[1:] if arguments is None else arguments
    folder = Path(given[0]) if given else FOLDER
    folder.mkdir(exist_ok=True)
    made = {name: file_text(event) for name, event in make_events().items()}
    for path in folder.glob("*.json"):
        if path.name not in made and path.name != "env.json":
            path.unlink()
    for name, content in made.items():
        (folder / name).write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
