"""The JSON of simulated Shopify carts and checkouts, and the products that the API must have of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from shopwire_testkit.shop_data import CartContent, Product, ShopData, money


def lines_of(shop: ShopData, content: CartContent) -> Iterator[tuple[Product, int]]:
    """Yield each product of a cart and its quantity."""
    return ((shop.products[n], quantity) for n, quantity in content.items())


def api_products(shop: ShopData, content: CartContent, *, is_cart: bool) -> tuple[dict[str, Any], ...]:
    """Return the products that the API must have for the cart, or for the checkout that was made from it."""
    setting = shop.settings.item_id
    products = []
    for product, quantity in lines_of(shop, content):
        named = {"productId": product.item_id(setting), "name": product.title}
        products.append(named | {"quantity": quantity, "price": money(product.price)})
        if is_cart and (discount := _discount(shop, product)):
            products[-1]["discount"] = money(discount)
    return tuple(products)


def _discount(shop: ShopData, product: Product) -> int:
    """Return what is taken off one unit of a product in a cart, in hundredths."""
    return product.price // 20 // shop.price_step * shop.price_step if (product.product or 0) % 5 == 0 else 0


def cart_body(shop: ShopData, token: str, created_at: int, updated_at: int, content: CartContent) -> dict[str, Any]:
    """Return the JSON of a cart. The times are UTC milliseconds."""
    return {
        "id": token,
        "token": token,
        "line_items": [
            {
                "id": product.variant or product.product,
                "properties": {},
                "quantity": quantity,
                "variant_id": product.variant,
                "product_id": product.product,
                "key": f"{product.variant}:33f1",
                "discounted_price": money(product.price - _discount(shop, product)),
                "discounts": [],
                "gift_card": False,
                "line_price": money((product.price - _discount(shop, product)) * quantity),
                "original_line_price": money(product.price * quantity),
                "original_price": money(product.price),
                "price": money(product.price),
                "sku": product.sku,
                "title": product.title,
                "total_discount": money(_discount(shop, product) * quantity),
            }
            for product, quantity in lines_of(shop, content)
        ],
        "note": None,
        "updated_at": _utc_milliseconds(updated_at),
        "created_at": _utc_milliseconds(created_at),
    }


def checkout_body(shop: ShopData, created_at: int, updated_at: int, content: CartContent) -> dict[str, Any]:
    """Return the JSON of a checkout, without its ids and its customer. The times are UTC milliseconds."""
    return {
        "sms_marketing_phone": None,
        "gateway": None,
        "created_at": shop.local_time(created_at),
        "updated_at": shop.local_time(updated_at),
        "currency": shop.currency,
        "presentment_currency": shop.currency,
        "taxes_included": True,
        "note_attributes": [],
        "line_items": [
            {
                "key": f"k{n}",
                "applied_discounts": [],
                "discount_allocations": [],
                "variant_id": product.variant,
                "product_id": product.product,
                "title": product.title,
                "presentment_title": product.title,
                "sku": product.sku,
                "quantity": quantity,
                "price": money(product.price),
                "line_price": money(product.price * quantity),
                "properties": None,
            }
            for n, (product, quantity) in enumerate(lines_of(shop, content))
        ],
        "total_price": money(sum(product.price * quantity for product, quantity in lines_of(shop, content))),
        "shipping_address": [],
    }


def _utc_milliseconds(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at % 1000:03d}Z"
