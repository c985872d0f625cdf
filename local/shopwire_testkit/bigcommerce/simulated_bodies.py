"""What BigCommerce's API answers about a simulated order: the references "Orders V2" and "Orders V3"."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shopwire_testkit.bigcommerce.simulated_store import encode_json, v2_money, v2_time, v3_list
from shopwire_testkit.shop_data import Product

if TYPE_CHECKING:
    from shopwire_testkit.bigcommerce.simulated_orders import OrderLifecycle

SHIPPING_METHOD, PAYMENT_METHOD = "Відділення / flat", "Cash on Delivery"
STATUS_NAMES = {
    0: "Incomplete", 1: "Pending", 2: "Shipped", 3: "Partially Shipped", 4: "Refunded", 5: "Cancelled", 6: "Declined",
    7: "Awaiting Payment", 8: "Awaiting Pickup", 9: "Awaiting Shipment", 10: "Completed", 11: "Awaiting Fulfillment",
    12: "Manual Verification Required", 13: "Disputed", 14: "Partially Refunded",
}  # fmt: skip


@dataclass(slots=True)
class OrderLine:
    """An order line. Amounts are in hundredths, for the whole quantity, in the prices that the store shows."""

    id: int
    product: Product
    quantity: int
    discount: int
    shipped: int = 0
    returned: int = 0

    @property
    def gross(self) -> int:
        return self.product.price * self.quantity

    @property
    def paid(self) -> int:
        """What is paid for all units."""
        return self.gross - self.discount

    @property
    def left(self) -> int:
        """How many units the buyer keeps."""
        return self.quantity - self.returned


def answers_of(order: "OrderLifecycle") -> dict[str, bytes | None]:
    """Return what the API answers about an order, by path."""
    path = f"/v2/orders/{order.id}"
    coupon = {"id": 1, "order_id": order.id, "code": order.coupon, "type": 1, "discount": order.discount / 100}
    return {
        path: encode_json(_body(order)),
        f"{path}/products": encode_json([_line_body(order, line) for line in order.lines]),
        # "204 No Content": the order has none of it.
        f"{path}/shipments": encode_json(order.shipments) if order.shipments else b"",
        f"{path}/coupons": encode_json([coupon]) if order.coupon else b"",
        f"/v3/orders/{order.id}/payment_actions/refunds": v3_list(*order.refunds),
    }


def _amounts(order: "OrderLifecycle", name: str, shown: int, tax: int) -> dict[str, str]:
    """Return an amount with and without tax. `shown` is in the store's prices, `tax` what is added to them."""
    without = shown * 100 // (100 + order.tax_percent) if order.with_tax else shown
    return {f"{name}_inc_tax": v2_money(shown + tax), f"{name}_ex_tax": v2_money(without)}


def _body(order: "OrderLifecycle") -> dict[str, Any]:
    tax = sum(map(order.tax_of, order.lines))
    paid = "captured" if order.status_id not in (0, 1, 7) else ""
    refunded = "refunded" if order.is_wholly_refunded else "partially refunded" if order.refunds else ""
    names = {name: order.billing[name] for name in ("first_name", "last_name", "street_1", "city", "country_iso2")}
    consignment = names | {"id": 1, "shipping_method": SHIPPING_METHOD, "email": "", "phone": ""}
    return {
        "id": order.id,
        "customer_id": order.customer_id,
        "date_created": v2_time(order.created_at),
        "date_modified": v2_time(order.changed_at),
        "status_id": order.status_id,
        "status": STATUS_NAMES[order.status_id],
        "custom_status": STATUS_NAMES[order.status_id],
        **_amounts(order, "total", order.goods + order.shipping, tax),
        "total_tax": v2_money(tax),
        "base_shipping_cost": v2_money(order.shipping),
        **_amounts(order, "shipping_cost", order.shipping, 0),
        **_amounts(order, "handling_cost", 0, 0),
        **_amounts(order, "wrapping_cost", 0, 0),
        "items_total": sum(line.quantity for line in order.lines),
        "items_shipped": sum(line.shipped for line in order.lines),
        "payment_method": PAYMENT_METHOD,
        "payment_status": refunded or paid,
        "refunded_amount": "0.0000",
        "currency_code": order.shop.currency,
        "default_currency_code": order.shop.currency,
        "customer_message": order.note,
        "coupon_discount": v2_money(order.discount),
        "discount_amount": "0.0000",
        "is_deleted": order.archived,
        "cart_id": order.token,
        "billing_address": order.billing,
        "is_email_opt_in": order.opt_in,
        "external_source": None,
        "customer_locale": "uk",
        "is_tax_inclusive_pricing": order.with_tax,
        "fees": [],
        "consignments": {"pickups": [], "shipping": [consignment], "downloads": []},
    }


def _line_body(order: "OrderLifecycle", line: OrderLine) -> dict[str, Any]:
    product, tax = line.product, order.tax_of(line)
    discount = {"id": "coupon", "amount": v2_money(line.discount), "code": order.coupon, "target": "product"}
    return {
        "id": line.id,
        "order_id": order.id,
        "product_id": product.product or 0,
        "variant_id": product.variant or product.product or 0,
        "name": product.title,
        "sku": product.sku,
        "type": "physical",
        "base_price": v2_money(product.price),
        **_amounts(order, "price", product.price, 0),
        **_amounts(order, "total", line.gross, tax),
        "quantity": line.quantity,
        "quantity_shipped": line.shipped,
        "quantity_refunded": line.returned,
        "is_refunded": False,
        "applied_discounts": [discount] if line.discount else [],
    }
