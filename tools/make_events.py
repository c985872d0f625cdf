"""Write events/, one sample event per platform and kind of change (run by `make events`).

    python -m tools.make_events [FOLDER]

`make invoke` and `sam local invoke` send these events. Each run writes the same bytes, because times and IDs are fixed.
The webhooks are signed with the demo shops' secrets.
"""

import json
import sys
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import md5
from io import BytesIO
from pathlib import Path
from typing import Any

from shopwire import platforms
from shopwire.message import Message, worth_keeping
from shopwire.models import Shop, Webhook
from shopwire_dev.demo_shops import demo_settings, parse_shops
from shopwire_dev.gateway import event as gateway_event
from shopwire_testkit.samples import Sample, samples

FOLDER = Path("events")

_RECEIVED_AT = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
_RECEIVED_AT_MS = int(_RECEIVED_AT.timestamp() * 1000)
_ACCOUNT = "123456789012"
_REGION = "eu-central-1"
_API = "a1b2c3d4e5"
_HOST = f"{_API}.execute-api.{_REGION}.amazonaws.com"

# For each kind of change of a platform, the sample that shows it.
_SAMPLE_NAMES = {
    "shopify": """
        orders/create orders/paid orders/partially_fulfilled orders/fulfilled orders/updated--delivered orders/updated
        orders/updated--partly_refunded orders/updated--refunded orders/cancelled orders/delete orders/edited
        refunds/create fulfillments/create fulfillments/update--delivered fulfillment_events/create--delivered
        carts/create carts/update carts/update--empty checkouts/create checkouts/update checkouts/delete
        customers/create customers/update customers/delete customers/redact customers/data_request
        shop/redact app/uninstalled
    """.split(),
    "woocommerce": """
        order.created order.updated order.updated--on_hold order.updated--completed order.updated--partly_refunded
        order.updated--refunded order.updated--cancelled order.updated--failed order.updated--trash
        order.updated--draft order.created--error_body order.deleted order.restored
        customer.created customer.updated customer.deleted
    """.split(),
}
# Any shop may have storefront events. These come from the pages of the Shopify demo shop.
_STOREFRONT_SAMPLE_NAMES = "page page--anonymous product category cart cart--empty".split()
_STOREFRONT_SHOP = "demo-shopify"
# Platform and topic of the webhook in the retry queue's event.
_QUEUED_WEBHOOK = ("shopify", "orders/create")

Event = dict[str, Any]


def make_events() -> dict[str, Event]:
    """Return all events, by file name."""
    shops = parse_shops(demo_settings())
    events: dict[str, Event] = {"retry_sqs.json": _queue_event(shops), "upkeep_schedule.json": _schedule_event()}
    for id, shop in shops.items():
        by_name = {sample.name: sample for sample in samples(shop.platform)}
        for sample in map(by_name.__getitem__, _SAMPLE_NAMES[shop.platform]):
            name = "_".join((shop.platform, sample.path.stem.replace("--", "_")))
            headers = _signed_headers(name, shop, sample)
            events[f"{name}.json"] = _http_event(name, f"/webhooks/{id}", headers, sample.body)
    by_name = {sample.name: sample for sample in samples("storefront")}
    shop = shops[_STOREFRONT_SHOP]
    for sample in map(by_name.__getitem__, _STOREFRONT_SAMPLE_NAMES):
        name = f"storefront_{sample.path.stem.replace('--', '_')}"
        # The headers that a browser sends when a page calls sendBeacon with a text.
        headers = {"content-type": "text/plain;charset=UTF-8", "origin": shop.origins[0]}
        events[f"{name}.json"] = _http_event(name, f"/storefront/{shop.id}", headers, sample.body)
    # WooCommerce's ping of a new webhook is not signed and is not JSON.
    headers = {"content-type": "application/x-www-form-urlencoded", "user-agent": "WooCommerce/11.0.1 Hookshot"}
    events["woocommerce_ping.json"] = _http_event(
        "woocommerce_ping", "/webhooks/demo-woocommerce", headers, b"webhook_id=1"
    )
    return events


def file_text(event: Event) -> str:
    """Return the text of the event's file."""
    return json.dumps(event, indent=2, ensure_ascii=False) + "\n"


def _signed_headers(name: str, shop: Shop, sample: Sample) -> dict[str, str]:
    headers = platforms.get(shop.platform).sign(sample.topic, sample.body, shop, _RECEIVED_AT_MS)
    return {header.lower(): _fixed_if_random(f"{name} {header}", value) for header, value in headers.items()}


def _fixed_if_random(name: str, value: str) -> str:
    """Return the value. If it is a random UUID, return a UUID derived from `name` instead.

    A platform's adapter signs each call with new random IDs, but the files must be the same after each run.
    """
    try:
        random = uuid.UUID(value)
    except ValueError:
        return value
    fixed = uuid.uuid5(uuid.NAMESPACE_URL, name)
    return str(fixed) if value == str(random) else fixed.hex


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
    http_event = gateway_event(environ, body)
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
    headers = worth_keeping(_signed_headers("retry_sqs", shop, sample), platform.kept_headers)
    webhook = Webhook(headers, sample.body, _RECEIVED_AT_MS)
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
    """Write the event files into the folder that the first argument names, or into events/."""
    given = sys.argv[1:] if arguments is None else arguments
    folder = Path(given[0]) if given else FOLDER
    folder.mkdir(exist_ok=True)
    for name, event in make_events().items():
        (folder / name).write_text(file_text(event), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
