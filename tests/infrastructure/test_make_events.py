"""events/: the files are what the script makes, and a shopwire would believe them."""

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
from tools.make_events import events, main, text

FOLDER = Path(__file__).parents[2] / "events"
MADE = events()
SHOPS = parse_shops(demo_settings())
WEBHOOKS = sorted(name for name, event in MADE.items() if "rawPath" in event)


def unpacked(event: Any) -> Any:
    """The event with what waits in it unpacked: how tightly zlib packs differs from machine to machine."""
    records = event.get("Records")
    if not records:
        return event
    return {"Records": [record | {"body": unpack(record["body"]), "md5OfBody": None} for record in records]}


def webhook_of(event: dict[str, Any]) -> Webhook:
    body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
    return Webhook(event["headers"], body, event["requestContext"]["timeEpoch"])


def shop_and_platform(name: str) -> tuple[Shop, Platform]:
    shop = SHOPS[MADE[name]["pathParameters"]["shop"]]
    return shop, platforms.get("storefront" if name.startswith("storefront_") else shop.platform)


def test_the_folder_holds_the_events_and_no_others() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} - {"env.json"} == set(MADE)


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_file_is_what_the_script_makes(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert unpacked(json.loads(written)) == unpacked(MADE[name])
    assert "Records" in MADE[name] or written == text(MADE[name])


def test_the_script_makes_the_same_again(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 0
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {
        name: text(event) for name, event in MADE.items()
    }


@pytest.mark.parametrize("name", [name for name in WEBHOOKS if "_ping" not in name])
def test_an_events_webhook_verifies_and_is_read(name: str) -> None:
    shop, platform = shop_and_platform(name)
    webhook = webhook_of(MADE[name])
    platform.verify(webhook, shop)
    (delivery,) = platform.read(webhook, shop)
    assert delivery.topic in platform.topic_names()
    if platform.name == "storefront":
        return  # its signature is of the person alone
    with pytest.raises(NotVerified):
        platform.verify(Webhook(webhook.headers, webhook.body + b" ", 0), shop)


def test_the_ping_is_unsigned_and_base64_as_api_gateway_writes_a_form() -> None:
    event = MADE["woocommerce_ping.json"]
    assert event["isBase64Encoded"] is True
    with pytest.raises(UnsignedCall):
        platforms.get("woocommerce").verify(webhook_of(event), SHOPS["demo-woocommerce"])


def test_no_two_webhooks_have_the_same_request_id_or_delivery() -> None:
    ids = [MADE[name]["requestContext"]["requestId"] for name in WEBHOOKS]
    deliveries = []
    for name in WEBHOOKS:
        shop, platform = shop_and_platform(name)
        if "_ping" not in name:
            deliveries += platform.read(webhook_of(MADE[name]), shop)
    assert len(set(ids)) == len(ids)
    assert len({(one.topic, one.key) for one in deliveries}) == len(deliveries)


def test_what_waits_in_the_queues_event_is_an_order_and_no_signature() -> None:
    (record,) = MADE["retry_sqs.json"]["Records"]
    message = unpack(record["body"])
    (delivery,) = platforms.get("shopify").read(message.webhook, SHOPS[message.shop])
    assert (message.shop, message.key) == ("demo-shopify", delivery.key)
    assert isinstance(delivery.change, OrderChange)
    assert "x-shopify-hmac-sha256" not in message.webhook.headers


def test_each_event_is_for_the_function_that_its_shape_says() -> None:
    from tools.invoke import function_of

    functions = {name: function_of(event) for name, event in MADE.items()}
    assert functions.pop("retry_sqs.json") == "Retry"
    assert functions.pop("upkeep_schedule.json") == "Upkeep"
    storefront = {name for name in functions if name.startswith("storefront_")}
    assert {functions.pop(name) for name in storefront} == {"Storefront"}
    assert set(functions.values()) == {"Webhook"}
