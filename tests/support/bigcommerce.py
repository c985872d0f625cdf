"""A BigCommerce store for tests, its sample bodies and answers by name, and short ways to fetch a state."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from shopwire import platforms
from shopwire.models import CartChange, Change, ContactChange, Delivery, Order, OrderChange, Shop, ThinChange, Webhook
from shopwire_testkit.samples import samples

BIG = platforms.get("bigcommerce")
SECRET = "the client secret"
RECEIVED_AT = 1_798_761_600_000
"""2027-01-01T00:00:00Z, UTC ms: later than all samples."""
SAMPLES = {sample.name: sample for sample in samples("bigcommerce")}
BODIES = {name: sample.body for name, sample in SAMPLES.items()}
ANSWERS: dict[str, dict[str, Any]] = {
    name: {part: None if answer is None else json.loads(answer) for part, answer in sample.answers.items()}
    for name, sample in SAMPLES.items()
}
PLAIN = ANSWERS["store/order/created"]
TAX_ON_TOP = ANSWERS["store/order/created--guest_tax_on_top"]


def shop(**settings: Any) -> Shop:
    """Return a BigCommerce store with other settings."""
    fields = {
        "id": "big-shop",
        "platform": "bigcommerce",
        "secrets": (SECRET,),
        "esputnik_key": "key",
        "region": "UA",
        "store": "stores/demo",
        "api": {"token": "a-token"},
    }
    return Shop(**fields | settings)


SHOP = shop()


class Api:
    """The platform's API: an answer to each name, or a function of the path. Without one there is nothing (204).

    Attributes:
        paths: what was asked for, in order.
    """

    def __init__(self, **answers: Any) -> None:
        self._answers = answers
        self.paths: list[str] = []

    def get(self, name: str, path: str) -> bytes | None:
        self.paths.append(path)
        answer = self._answers.get(name, b"")
        if isinstance(answer, Callable):  # type: ignore[arg-type]
            answer = answer(path)
        return answer if answer is None or isinstance(answer, bytes) else json.dumps(answer).encode()


def deliver(body: bytes | dict[str, Any], of: Shop = SHOP, at: int = RECEIVED_AT, **headers: str) -> Delivery:
    """Return the delivery of a body that arrived at this time (UTC ms)."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    (delivery,) = BIG.read(Webhook(headers, raw, at), of)
    return delivery


def read(body: bytes | dict[str, Any], of: Shop = SHOP) -> Any:
    """Return the change that a body means."""
    return deliver(body, of).change


def envelope(name: str = "store/order/created", **changes: Any) -> dict[str, Any]:
    """Return the body of a sample with other fields at its top."""
    return {**json.loads(BODIES[name]), **changes}


def fetch(name: str, api: Api, of: Shop = SHOP) -> Change:
    """Return what is fetched after the webhook of a sample."""
    thin = read(BODIES[name], of)
    assert isinstance(thin, ThinChange), thin
    return BIG.state_of(thin, of, api)


def order(name: str = "store/order/created", of: Shop = SHOP, *, answers: Any = None, **changes: Any) -> Order:
    """Return the order of a sample with other fields, and with other answers of the API."""
    whole = deepcopy(ANSWERS[name]) | (answers or {})
    whole["order"] = whole["order"] | changes
    change = fetch(name, Api(**whole), of)
    assert isinstance(change, OrderChange), change
    return change.order


def cart(of: Shop = SHOP, **changes: Any) -> CartChange:
    """Return the cart of the plain sample with other fields."""
    data = ANSWERS["store/cart/updated"]["cart"]["data"] | changes
    change = fetch("store/cart/updated", Api(cart={"data": data, "meta": {}}), of)
    assert isinstance(change, CartChange), change
    return change


def customer(of: Shop = SHOP, **changes: Any) -> ContactChange:
    """Return the customer of the plain sample with other fields."""
    data = ANSWERS["store/customer/created"]["customer"]["data"][0] | changes
    change = fetch("store/customer/created", Api(customer={"data": [data], "meta": {}}), of)
    assert isinstance(change, ContactChange), change
    return change


def product(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a line of the plain order with other fields."""
    return {**PLAIN["products"][number], **changes}


def refund(id: int, total: Any, *items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a refund of these items."""
    paid = [{"id": id, "provider_id": "braintree", "amount": total, "offline": False, "is_declined": False}]
    return {"id": id, "total_amount": total, "total_tax": 0, "payments": paid, "items": list(items)} | changes


def returned(line: int, quantity: int) -> dict[str, Any]:
    """Return the item of a refund that says that units of a line were given back."""
    return {"item_type": "PRODUCT", "item_id": line, "quantity": quantity, "requested_amount": None}


def given_back(kind: str, amount: str, id: int = 41) -> dict[str, Any]:
    """Return the item of a refund that says that an amount was given back."""
    return {"item_type": kind, "item_id": id, "quantity": None, "requested_amount": amount}
