"""`shopwire map` on our samples: the figures of the main ones by hand, and what holds for each of them."""

import json
from typing import Any

import pytest

from shopwire import platforms
from shopwire_cli.main import main
from shopwire_local.sample_files import Sample, samples
from tests.helpers_api import params, saved

Captured = pytest.CaptureFixture[str]
SAMPLES = [sample for name in platforms.NAMES for sample in samples(name)]
EACH = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.platform} {sample.name}")
MODES = pytest.mark.parametrize("mode", [["--known"], ["--new"], ["--contact", "who@example.com"]], ids=" ".join)


def printed(capsys: Captured, sample: Sample, *options: str) -> str:
    assert main(["map", sample.platform, sample.topic, str(sample.path), "--region", "UA", *options]) == 0
    return capsys.readouterr().out


def mapped(capsys: Captured, platform: str, name: str, *options: str) -> list[dict[str, Any]]:
    (sample,) = (one for one in SAMPLES if (one.platform, one.name) == (platform, name))
    requests: list[dict[str, Any]] = json.loads(printed(capsys, sample, *options))
    return requests


@EACH
@MODES
def test_what_a_sample_becomes_is_saved_by_the_api(capsys: Captured, sample: Sample, mode: list[str]) -> None:
    out = printed(capsys, sample, *mode)
    fact = "totalCost" not in out
    assert saved(json.loads(out), known=mode != ["--new"], fact=fact) == []


@EACH
def test_the_same_body_is_the_same_bytes(capsys: Captured, sample: Sample) -> None:
    options = ("--new", "--contact", "who@example.com")
    assert printed(capsys, sample, *options) == printed(capsys, sample, *options)


@EACH
def test_keys_in_another_order_other_escapes_and_unknown_fields_change_nothing(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, sample: Sample
) -> None:
    body = json.loads(sample.body)
    if sample.platform != "storefront":  # there, what is unknown is a property of the shop's own
        body["x-unknown"] = {"deep": [None, 1, "x"]}
    file = tmp_path / "body.json"
    # Numbers as they were written: 10.0 and 10.00 are two spellings of different digits.
    file.write_text(json.dumps(body, sort_keys=True, ensure_ascii=b"\\u" not in sample.body, indent=1))
    again = Sample(sample.platform, sample.topic, sample.variant, file)
    options = ("--new", "--contact", "who@example.com")
    assert ordered(printed(capsys, again, *options)) == ordered(printed(capsys, sample, *options))


def ordered(out: str) -> list[dict[str, Any]]:
    """Without a cart's recycleStateId, and with properties of the shop's own in any order."""
    requests: list[dict[str, Any]] = json.loads(out)
    for request in requests:
        for param in request["body"].get("params", ()):
            if param["value"][:1] in "[{":
                param["value"] = json.loads(param["value"])
    return requests


def test_a_new_shopify_order_by_hand(capsys: Captured) -> None:
    contact, created = mapped(capsys, "shopify", "orders/create", "--new")
    assert contact == {
        "path": "v1/contact",
        "body": {
            "firstName": "Оксана",
            "lastName": "Гриценко",
            "externalCustomerId": "7421900553001",
            "channels": [
                {"type": "email", "value": "oksana.hrytsenko@example.com"},
                {"type": "sms", "value": "380501234567"},
            ],
        },
    }
    assert created["path"] == "v1/event"
    assert created["body"]["eventTypeKey"] == "orderCreated"
    assert created["body"]["keyValue"] == "oksana.hrytsenko@example.com"
    # 1 x 1899.00 + 2 x 120.00 + 80.00 shipping = 2219.00
    assert params(created) == {
        "email": "oksana.hrytsenko@example.com",
        "phone": "380501234567",
        "externalOrderId": "6120431591701",
        "externalCustomerId": "7421900553001",
        "totalCost": "2219.00",
        "status": "INITIALIZED",
        "date": "2026-10-05T10:12:30+03:00",
        "currency": "UAH",
        "firstName": "Оксана",
        "lastName": "Гриценко",
        "shipping": "80.00",
        "discount": "0.00",
        "taxes": "0.00",
        "restoreUrl": "https://demo.myshopify.com/81230045/orders/6120431591701/authenticate?key=invented",
        "statusDescription": "pending",
        "source": "online",
        "deliveryMethod": "Нова Пошта, відділення",
        "paymentMethod": "shopify_payments",
        "deliveryAddress": "вул. Городоцька, 15, кв. 8, Львів, Львівська область, 79016, Ukraine",
        "additionalInfo": "Подзвоніть, будь ласка, перед доставкою 🙏\nДомофон не працює",  # noqa: RUF001
        "items": '[{"externalItemId":"44903100227001","name":"Куртка «Карпати» - M / синя","quantity":1,"cost":1899},'
        '{"externalItemId":"44903100227002","name":"Шкарпетки вовняні - 38-40","quantity":2,"cost":120}]',
        "orderNumber": "#1042",
    }
