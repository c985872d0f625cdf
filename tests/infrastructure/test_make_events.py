"""Tests of tools/make_events.py: events/ has exactly the files that the script writes, and shopwire accepts them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from shopwire import platforms
from shopwire.errors import NotVerified, UnsignedCall
from shopwire.message import unpack
from shopwire.models import OrderChange, Shop, Webhook
from shopwire.platforms.base import Platform
from shopwire_dev.demo_shops import demo_settings, parse_shops
from tools.invoke import function_for
from tools.make_events import file_text, main, make_events

FOLDER = Path(__file__).parents[2] / "events"
EVENTS = make_events()
SHOPS = parse_shops(demo_settings())
WEBHOOKS = sorted(name for name, event in EVENTS.items() if "rawPath" in event)


def unpacked(event: Any) -> Any:
    """Return the event with its queued messages unpacked, because zlib's output differs between machines."""
    records = event.get("Records")
    if not records:
        return event
    return {"Records": [record | {"body": unpack(record["body"]), "md5OfBody": None} for record in records]}


def webhook_of(event: dict[str, Any]) -> Webhook:
    body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
    return Webhook(event["headers"], body, event["requestContext"]["timeEpoch"])


def shop_and_platform(name: str) -> tuple[Shop, Platform]:
    shop = SHOPS[EVENTS[name]["pathParameters"]["shop"]]
    return shop, platforms.get("storefront" if name.startswith("storefront_") else shop.platform)


def test_folder_has_all_events_and_no_other_files() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} - {"env.json"} == set(EVENTS)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_file_has_the_text_that_the_script_writes(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert unpacked(json.loads(written)) == unpacked(EVENTS[name])
    assert "Records" in EVENTS[name] or written == file_text(EVENTS[name])


def test_script_writes_the_same_bytes_in_each_run(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 0
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {
        name: file_text(event) for name, event in EVENTS.items()
    }


@pytest.mark.parametrize("name", [name for name in WEBHOOKS if "_ping" not in name])
def test_webhook_of_an_event_is_verified_and_parsed(name: str) -> None:
    shop, platform = shop_and_platform(name)
    webhook = webhook_of(EVENTS[name])
    platform.verify(webhook, shop)
    (delivery,) = platform.read(webhook, shop)
    assert delivery.topic in platform.topic_names()
    if not platform.signature.covers_body:
        return
    with pytest.raises(NotVerified):
        platform.verify(Webhook(webhook.headers, webhook.body + b" ", 0), shop)


def test_ping_is_unsigned_and_base64_encoded_like_any_form() -> None:
    event = EVENTS["woocommerce_ping.json"]
    assert event["isBase64Encoded"] is True
    with pytest.raises(UnsignedCall):
        platforms.get("woocommerce").verify(webhook_of(event), SHOPS["demo-woocommerce"])


def test_each_webhook_has_its_own_request_id_and_delivery_key() -> None:
    ids = [EVENTS[name]["requestContext"]["requestId"] for name in WEBHOOKS]
    deliveries = []
    for name in WEBHOOKS:
        shop, platform = shop_and_platform(name)
        if "_ping" not in name:
            deliveries += platform.read(webhook_of(EVENTS[name]), shop)
    assert len(set(ids)) == len(ids)
    assert len({(delivery.topic, delivery.key) for delivery in deliveries}) == len(deliveries)


def test_queued_message_holds_an_order_without_its_signature() -> None:
    (record,) = EVENTS["retry_sqs.json"]["Records"]
    message = unpack(record["body"])
    (delivery,) = platforms.get("shopify").read(message.webhook, SHOPS[message.shop])
    assert (message.shop, message.key) == ("demo-shopify", delivery.key)
    assert isinstance(delivery.change, OrderChange)
    assert "x-shopify-hmac-sha256" not in message.webhook.headers


def test_make_invoke_finds_the_function_of_each_event() -> None:
    functions = {name: function_for(event) for name, event in EVENTS.items()}
    assert functions.pop("retry_sqs.json") == "Retry"
    assert functions.pop("upkeep_schedule.json") == "Upkeep"
    storefront = {name for name in functions if name.startswith("storefront_")}
    assert {functions.pop(name) for name in storefront} == {"Storefront"}
    assert set(functions.values()) == {"Webhook"}
