"""`shopwire map` on our samples: the figures of the main ones by hand, and what holds for each of them."""

import json
from typing import Any

import pytest

from shopwire import platforms
from shopwire_cli.main import main
from shopwire_testkit.samples import Sample, samples
from tests.support.emulated_api import params, saved

Captured = pytest.CaptureFixture[str]
SAMPLES = [sample for name in platforms.NAMES for sample in samples(name)]
EACH = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.platform} {sample.name}")
MODES = pytest.mark.parametrize("mode", [["--known"], ["--new"], ["--contact", "who@example.com"]], ids=" ".join)

# What each sample becomes where the API knows person and order, and where it knows neither. "-": nothing; "c": contact.
BECOMES = """
shopify app/uninstalled                           -                      -
shopify carts/create                              -                      -
shopify carts/update                              -                      -
shopify carts/update--empty                       -                      -
shopify checkouts/create                          cartUpdated            c cartUpdated
shopify checkouts/create--anonymous               -                      -
shopify checkouts/delete                          -                      -
shopify checkouts/update                          cartUpdated            c cartUpdated
shopify customers/create                          c                      c
shopify customers/data_request                    -                      -
shopify customers/delete                          -                      -
shopify customers/redact                          -                      -
shopify customers/update                          c                      c
shopify customers/update--no_phone                c                      c
shopify fulfillment_events/create                 -                      -
shopify fulfillment_events/create--delivered      -                      -
shopify fulfillments/create                       -                      -
shopify fulfillments/update                       -                      -
shopify fulfillments/update--delivered            -                      -
shopify orders/cancelled                          orderCancelled         c orderCreated orderCancelled
shopify orders/create                             orderUpdated           c orderCreated
shopify orders/create--draft                      orderUpdated           c orderCreated
shopify orders/create--guest_pos                  orderUpdated           c orderCreated
shopify orders/delete                             -                      -
shopify orders/edited                             -                      -
shopify orders/fulfilled                          orderUpdated           c orderCreated
shopify orders/paid                               orderUpdated           c orderCreated
shopify orders/partially_fulfilled                orderUpdated           c orderCreated
shopify orders/updated                            orderUpdated           c orderCreated
shopify orders/updated--delivered                 orderDelivered         c orderCreated orderDelivered
shopify orders/updated--discounts                 orderUpdated           c orderCreated
shopify orders/updated--gift_card_and_custom_line orderUpdated           c orderCreated
shopify orders/updated--jpy                       orderUpdated           c orderCreated
shopify orders/updated--kwd                       orderUpdated           c orderCreated
shopify orders/updated--partly_refunded           orderUpdated           c orderCreated
shopify orders/updated--presentment               orderUpdated           c orderCreated
shopify orders/updated--refunded                  orderCancelled         c orderCreated orderCancelled
shopify orders/updated--taxes_included            orderUpdated           c orderCreated
shopify refunds/create                            -                      -
shopify shop/redact                               -                      -
woocommerce customer.created                      c                      c
woocommerce customer.created--staff               -                      -
woocommerce customer.deleted                      -                      -
woocommerce customer.updated                      c                      c
woocommerce order.created                         orderUpdated           c orderCreated
woocommerce order.created--error_body             -                      -
woocommerce order.deleted                         -                      -
woocommerce order.restored                        orderUpdated           c orderCreated
woocommerce order.updated                         orderUpdated           c orderCreated
woocommerce order.updated--cancelled              orderCancelled         c orderCreated orderCancelled
woocommerce order.updated--completed              orderDelivered         c orderCreated orderDelivered
woocommerce order.updated--coupon                 orderUpdated           c orderCreated
woocommerce order.updated--customer               orderUpdated           c orderCreated
woocommerce order.updated--deleted_product        orderUpdated           c orderCreated
woocommerce order.updated--draft                  -                      -
woocommerce order.updated--erased                 -                      -
woocommerce order.updated--failed                 orderCancelled         c orderCreated orderCancelled
woocommerce order.updated--float_quantity         orderUpdated           c orderCreated
woocommerce order.updated--jpy                    orderUpdated           c orderCreated
woocommerce order.updated--on_hold                orderUpdated           c orderCreated
woocommerce order.updated--own_status             orderUpdated           c orderCreated
woocommerce order.updated--partly_refunded        orderUpdated           c orderCreated
woocommerce order.updated--prices_with_tax        orderUpdated           c orderCreated
woocommerce order.updated--refunded               orderCancelled         c orderCreated orderCancelled
woocommerce order.updated--sequential_number      orderUpdated           c orderCreated
woocommerce order.updated--trash                  orderCancelled         c orderCreated orderCancelled
storefront cart                                   cartUpdated            c cartUpdated
storefront cart--empty                            cartUpdated            c cartUpdated
storefront category                               productCategoryViewed  c productCategoryViewed
storefront page                                   pageViewed             c pageViewed
storefront page--anonymous                        -                      -
storefront page--deep_link                        pageViewed             c pageViewed
storefront product                                productViewed          c productViewed
"""
ROWS = {tuple(row[:2]): tuple(row[2:]) for row in (line.split(maxsplit=3) for line in BECOMES.strip().splitlines())}


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


def test_the_table_names_every_sample() -> None:
    assert set(ROWS) == {(sample.platform, sample.name) for sample in SAMPLES}


@EACH
def test_a_sample_becomes_what_the_table_says(capsys: Captured, sample: Sample) -> None:
    for mode, expected in zip(("--known", "--new"), ROWS[sample.platform, sample.name], strict=True):
        bodies = [request["body"] for request in json.loads(printed(capsys, sample, mode))]
        assert (" ".join(body.get("eventTypeKey", "c") for body in bodies) or "-") == expected


@pytest.mark.parametrize(
    ("platform", "name", "event", "order"),
    [
        ("shopify", "fulfillment_events/create--delivered", "orderDelivered", "6120431591701"),
        ("shopify", "fulfillments/update--delivered", "orderDelivered", "6120431591701"),
        ("shopify", "orders/delete", "orderCancelled", None),
        ("woocommerce", "order.deleted", "orderCancelled", None),
    ],
)
def test_a_fact_is_told_for_the_contact_that_is_named(
    capsys: Captured, platform: str, name: str, event: str, order: str | None
) -> None:
    (request,) = mapped(capsys, platform, name, "--contact", "who@example.com")
    assert (request["body"]["eventTypeKey"], request["body"]["keyValue"]) == (event, "who@example.com")
    assert order in (None, params(request)["externalOrderId"])


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


def test_a_partly_refunded_woocommerce_order_by_hand(capsys: Captured) -> None:
    (updated,) = mapped(capsys, "woocommerce", "order.updated--partly_refunded")
    assert updated["body"]["eventTypeKey"] == "orderUpdated"
    assert updated["body"]["keyValue"] == "olesia.honchar@example.com"
    # 2 x 500 + 4 x 50 + 60 shipping = 1260.00, of which 50.00 and 125.50 were given back; quantities stay.
    assert params(updated) == {
        "email": "olesia.honchar@example.com",
        "phone": "380501234567",
        "externalOrderId": "2115",
        "externalCustomerId": "olesia.honchar@example.com",
        "totalCost": "1084.50",
        "refundedAmount": "175.50",
        "status": "IN_PROGRESS",
        "date": "2026-10-05T09:20:30+00:00",
        "currency": "UAH",
        "firstName": "Олеся",
        "lastName": "Гончар",
        "shipping": "60.00",
        "discount": "0.00",
        "taxes": "0.00",
        "statusDescription": "processing",
        "source": "online",
        "deliveryMethod": "Нова пошта",
        "paymentMethod": "Оплата при отриманні",
        "deliveryAddress": "вул. Садова, 7, кв. 12, Полтава, UA53, 36000, UA",
        "additionalInfo": "Подзвоніть перед доставкою 🙏",
        "items": '[{"externalItemId":"311","name":"Чайник \\"Ранок\\" - червоний","quantity":2,'
        '"imageUrl":"https://shop.example/wp-content/uploads/kettle.jpg","cost":500},'
        '{"externalItemId":"320","name":"Ложка/виделка","quantity":4,"cost":50}]',
        "orderNumber": "2115",
    }


def test_a_shopify_checkout_by_hand(capsys: Captured) -> None:
    (updated,) = mapped(capsys, "shopify", "checkouts/update")
    assert updated["body"]["keyValue"] == "oksana.hrytsenko@example.com"
    told = params(updated)
    assert told.pop("recycleStateId").isalnum()
    assert told == {
        "email": "oksana.hrytsenko@example.com",
        "phone": "380501234567",
        "products": '[{"productId":"44903100227001","quantity":1,"price":1899,"name":"Куртка «Карпати»"},'
        '{"productId":"44903100227002","quantity":2,"price":120,"name":"Шкарпетки вовняні"}]',
        "currencyCode": "UAH",
        "restoreUrl": "https://demo.myshopify.com/81230045/checkouts/ac/b81f0c6e7d3a4925a1e4c97f02d6583b/recover"
        "?key=invented&locale=uk-UA",
    }


@pytest.mark.parametrize(
    ("name", "event", "told"),
    [
        ("page", "pageViewed", {"page": '{"location":"https://shop.example/about?lang=uk"}'}),
        (
            "product",
            "productViewed",
            {
                "product": '{"color":["зелений","red"],"brand":["Ранок"],'
                '"productId":"40001","price":499.5,"isInStock":1}',
                "currencyCode": "UAH",
            },
        ),
        ("category", "productCategoryViewed", {"category": '{"productCategoryId":"Чашки"}'}),
    ],
)
def test_a_visit_by_hand(capsys: Captured, name: str, event: str, told: dict[str, str]) -> None:
    (request,) = mapped(capsys, "storefront", name)
    assert (request["body"]["eventTypeKey"], request["body"]["keyValue"]) == (event, "iryna.bondar@example.com")
    assert params(request) == {"email": "iryna.bondar@example.com", **told}


def test_a_cart_of_the_storefront_by_hand(capsys: Captured) -> None:
    (request,) = mapped(capsys, "storefront", "cart")
    told = params(request)
    assert json.loads(told["products"]) == [
        {
            "productId": "40001",
            "quantity": 2,
            "price": 499.5,
            "name": 'Чашка "Ранок"',
            "category": "Чашки",
            "discount": "49.95",
            "size": ["L"],
        },
        {"productId": "40002", "quantity": 1, "price": 80},
    ]
    assert told["currencyCode"] == "UAH"


def test_an_empty_cart_has_no_products(capsys: Captured) -> None:
    (request,) = mapped(capsys, "storefront", "cart--empty")
    assert "products" not in params(request)
    (request,) = mapped(capsys, "shopify", "carts/update--empty", "--contact", "who@example.com")
    assert "products" not in params(request)


@pytest.mark.parametrize("platform", platforms.NAMES)
@pytest.mark.parametrize("body", [b"{}", b'{"id": null}', b'{"id": [], "status": {}, "line_items": 7, "type": "page"}'])
def test_an_object_of_another_shape_is_exit_2_or_nothing_and_no_traceback(
    capsys: Captured, tmp_path: Any, platform: str, body: bytes
) -> None:
    file = tmp_path / "body.json"
    file.write_bytes(body)
    for topic in (*platforms.get(platform).topics, "no/such.topic"):
        code = main(["map", platform, topic, str(file), "--new"])
        out, err = capsys.readouterr()
        assert (code, out) in [(2, ""), (0, "[]\n")]
        assert err.count("\n") == 1
