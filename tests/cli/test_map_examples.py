"""`shopwire map`: the requests of the main samples, value by value. The expected values were computed by hand."""

import json
from typing import Any

import pytest

from shopwire_cli.main import main
from shopwire_testkit.samples import samples
from tests.support.emulated_api import params

Captured = pytest.CaptureFixture[str]


def mapped(capsys: Captured, platform: str, name: str, *options: str) -> list[dict[str, Any]]:
    """Return the requests that `shopwire map` prints for a sample."""
    (sample,) = (sample for sample in samples(platform) if sample.name == name)
    assert main(["map", platform, sample.topic, str(sample.path), "--region", "UA", *options]) == 0
    requests: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return requests


@pytest.mark.parametrize(
    ("platform", "name", "event", "order"),
    [
        ("shopify", "fulfillment_events/create--delivered", "orderDelivered", "6120431591701"),
        ("shopify", "fulfillments/update--delivered", "orderDelivered", "6120431591701"),
        ("shopify", "orders/delete", "orderCancelled", None),
        ("woocommerce", "order.deleted", "orderCancelled", None),
    ],
)
def test_fact_is_sent_for_the_named_contact(
    capsys: Captured, platform: str, name: str, event: str, order: str | None
) -> None:
    (request,) = mapped(capsys, platform, name, "--contact", "who@example.com")
    assert (request["body"]["eventTypeKey"], request["body"]["keyValue"]) == (event, "who@example.com")
    assert order in (None, params(request)["externalOrderId"])


def test_new_shopify_order(capsys: Captured) -> None:
    contact, created = mapped(capsys, "shopify", "orders/create", "--new")
    assert contact == {
        "path": "v1/contact",
        "body": {
            "firstName": "Оксана",
            "lastName": "Гриценко",
            "externalCustomerId": "7421900553001",
            "languageCode": "uk-UA",
            "channels": [
                {"type": "email", "value": "oksana.hrytsenko@example.com"},
                {"type": "sms", "value": "380501234567"},
            ],
            "address": {
                "region": "Львівська область",
                "town": "Львів",
                "address": "вул. Городоцька, 15, кв. 8",
                "postcode": "79016",
            },
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
        "additionalInfo": "Подзвоніть, будь ласка, перед доставкою 🙏 Домофон не працює",
        "items": '[{"externalItemId":"44903100227001","name":"Куртка «Карпати» - M / синя","quantity":1,"cost":1899},'
        '{"externalItemId":"44903100227002","name":"Шкарпетки вовняні - 38-40","quantity":2,"cost":120}]',
        "orderNumber": "#1042",
    }


def test_partly_refunded_woocommerce_order(capsys: Captured) -> None:
    (updated,) = mapped(capsys, "woocommerce", "order.updated--partly_refunded")
    assert updated["body"]["eventTypeKey"] == "orderUpdated"
    assert updated["body"]["keyValue"] == "olesia.honchar@example.com"
    # 2 x 500 + 4 x 50 + 60 shipping = 1260.00, of which 50.00 and 125.50 were refunded without lines.
    # So the items cost less, and their quantities stay.
    assert params(updated) == {
        "email": "olesia.honchar@example.com",
        "phone": "380501234567",
        "externalOrderId": "2115",
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
        '"imageUrl":"https://shop.example/wp-content/uploads/kettle.jpg","cost":426.88},'
        '{"externalItemId":"320","name":"Ложка/виделка","quantity":4,"cost":42.69}]',
        "orderNumber": "2115",
    }


def test_shopify_checkout(capsys: Captured) -> None:
    (updated,) = mapped(capsys, "shopify", "checkouts/update")
    assert updated["body"]["keyValue"] == "oksana.hrytsenko@example.com"
    cart = params(updated)
    assert cart.pop("recycleStateId").isalnum()
    assert cart == {
        "email": "oksana.hrytsenko@example.com",
        "phone": "380501234567",
        "externalCustomerId": "7421900553001",
        "products": '[{"productId":"44903100227001","quantity":1,"price":1899,"name":"Куртка «Карпати»"},'
        '{"productId":"44903100227002","quantity":2,"price":120,"name":"Шкарпетки вовняні"}]',
        "currencyCode": "UAH",
        "restoreUrl": "https://demo.myshopify.com/81230045/checkouts/ac/b81f0c6e7d3a4925a1e4c97f02d6583b/recover"
        "?key=invented&locale=uk-UA",
    }


@pytest.mark.parametrize(
    ("name", "event", "event_params"),
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
        (
            "wishlist",
            "productAddedToWishlist",
            {
                "product": '{"name":["Чашка \\"Ранок\\""],"color":["зелений","red"],'
                '"productId":"40001","price":499.5,"isInStock":0}',
                "currencyCode": "UAH",
            },
        ),
        ("search", "searchRequest", {"search": 'чашка "Ранок" 0,5 л', "isFound": "0"}),
        ("search--found", "searchRequest", {"search": "чашка", "isFound": "1"}),
        ("search--only_text", "searchRequest", {"search": "чайник"}),
    ],
)
def test_storefront_view(capsys: Captured, name: str, event: str, event_params: dict[str, str]) -> None:
    (request,) = mapped(capsys, "storefront", name)
    assert (request["body"]["eventTypeKey"], request["body"]["keyValue"]) == (event, "iryna.bondar@example.com")
    assert params(request) == {"email": "iryna.bondar@example.com", **event_params}


def test_storefront_cart(capsys: Captured) -> None:
    (request,) = mapped(capsys, "storefront", "cart")
    cart = params(request)
    assert json.loads(cart["products"]) == [
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
    assert cart["currencyCode"] == "UAH"


def test_empty_cart_has_no_products(capsys: Captured) -> None:
    (request,) = mapped(capsys, "storefront", "cart--empty")
    assert "products" not in params(request)
    (request,) = mapped(capsys, "shopify", "carts/update--empty", "--contact", "who@example.com")
    assert "products" not in params(request)
