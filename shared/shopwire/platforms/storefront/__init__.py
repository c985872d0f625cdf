"""What a browser sends: views and carts of any shop's storefront (POST /storefront/{shop}, docs/storefront.md).

Anyone can send anything here: a person is believed only with an HMAC of "kind:value" that the shop's server made. The
signature stands in the body, which is why the body is read before it is proved: nothing else of it is used.
"""

from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from shopwire.models import Cart, CartChange, CartItem, Change, Contact, Delivery, Shop, View, ViewChange, Webhook
from shopwire.models.base import Amount
from shopwire.models.contact import person
from shopwire.platforms.base import (
    Body,
    NotVerified,
    Platform,
    Unreadable,
    hmac_sha256,
    same,
    short_hash,
    unreadable,
)

T = TypeVar("T")
_Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
_Signed = Annotated[str, StringConstraints(min_length=1, max_length=255)]  # to the letter: it was signed like that
_Address = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=2048, pattern=r"^[a-zA-Z][\w.+-]*://\S+$")
]
_MOST_EXTRAS = 20


class _Open(Body):
    """A part whose unknown fields are properties of the shop's own."""

    model_config = ConfigDict(extra="allow")

    @property
    def extra(self) -> dict[str, tuple[str, ...]]:
        found = {name: _texts(value) for name, value in (self.model_extra or {}).items()}
        return {name: texts for name, texts in list(found.items())[:_MOST_EXTRAS] if texts}


class _Contact(Body):
    model_config = ConfigDict(extra="forbid")

    email: _Signed | None = None
    phone: _Signed | None = None
    id: _Signed | None = None


class _Product(_Open):
    id: _Word
    price: Amount
    in_stock: bool | None = None


class _Category(Body):
    id: _Word


class _Item(_Open):
    id: _Word
    quantity: Amount
    price: Amount
    name: str | None = None
    category: str | None = None
    discount: Amount | None = None


class _Cart(Body):
    token: _Word
    items: list[_Item] = []


class _Visit(Body):
    type: Literal["page", "product", "category", "cart"]
    contact: _Contact | None = None
    signature: str | None = None
    cart_token: _Word | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    url: _Address | None = None
    product: _Product | None = Field(None)
    category: _Category | None = None
    cart: _Cart | None = None


class Storefront(Platform):
    """Views and carts from the browser."""

    name = "storefront"
    topics = ("page", "product", "category", "cart")
    kept_headers = ("x-shopwire-",)

    def verify(self, webhook: Webhook, shop: Shop) -> None:
        try:
            visit = _parse(webhook.body)
        except Unreadable:
            return  # names nobody, and will not be read
        if visit.contact is None:
            return
        kind, value = _named(visit.contact)
        if shop.storefront_secret is None:
            raise NotVerified("the shop has no `storefront_secret`: a visitor's name cannot be proved")
        if not same(visit.signature or "", sign_contact(shop.storefront_secret.get_secret_value(), kind, value)):
            raise NotVerified("the contact's signature does not match: HMAC-SHA256(storefront_secret, 'kind:value')")

    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        visit = _parse(webhook.body)
        topic = webhook.headers.get("x-shopwire-topic", visit.type)
        if topic != visit.type:
            raise Unreadable(f"type: not the topic {topic if topic in self.topics else ''}".strip())
        # Two visits of one moment with the same content are one.
        id = short_hash(webhook.body, str(webhook.received_at))
        return [Delivery(topic, id, _change(visit, id, webhook, shop))]

    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> dict[str, str]:
        return {"content-type": "application/json", "x-shopwire-topic": topic}


def sign_contact(secret: str, kind: str, value: str) -> str:
    """What the shop's server puts beside a contact: hex HMAC-SHA256 of "kind:value", the value as it is sent."""
    return hmac_sha256(secret, f"{kind}:{value}".encode()).hex()


# A visit is asked for by the URL (is it readable?), by `verify` and by `read`, one right after the other.
@lru_cache(maxsize=1)
def _parse(body: bytes) -> _Visit:
    try:
        visit = _Visit.model_validate_json(body)
    except ValidationError as error:
        raise unreadable(error) from None
    if visit.contact is not None:
        _named(visit.contact)
    return visit


def _named(contact: _Contact) -> tuple[str, str]:
    given = [(kind, value) for kind, value in contact if value]
    if len(given) != 1:
        raise Unreadable("contact: one of email, phone, id")
    return given[0]


def _change(visit: _Visit, id: str, webhook: Webhook, shop: Shop) -> Change:
    seen_at = datetime.fromtimestamp(webhook.received_at / 1000, UTC)
    contact = _person(visit.contact, shop)
    if visit.type == "cart":
        cart = _given(visit.cart, "cart")
        items = tuple(
            CartItem(
                id=item.id,
                quantity=item.quantity,
                price=item.price,
                name=item.name,
                category=item.category,
                discount=item.discount,
                extra=item.extra,
            )
            for item in cart.items
            if item.quantity > 0
        )
        return CartChange(
            Cart(token=cart.token, updated_at=seen_at, contact=contact, currency=visit.currency, items=items)
        )
    seen: dict[str, Any]
    if visit.type == "page":
        seen = {"url": _given(visit.url, "url")}
    elif visit.type == "category":
        seen = {"category_id": _given(visit.category, "category").id}
    else:
        product = _given(visit.product, "product")
        seen = {
            "product_id": product.id,
            "price": product.price,
            "in_stock": product.in_stock,
            "extra": product.extra,
        }
    view = View(
        type=visit.type,
        seen_at=seen_at,
        contact=contact,
        cart_token=visit.cart_token,
        currency=visit.currency,
        **seen,
    )
    return ViewChange(view, id)


def _person(contact: _Contact | None, shop: Shop) -> Contact:
    if contact is None:
        return Contact()
    return person(emails=(contact.email,), phones=(contact.phone,), region=shop.region, customer_id=contact.id)


def _given(part: T | None, name: str) -> T:
    if part is None:
        raise Unreadable(f"{name}: missing")
    return part


def _texts(value: JsonValue) -> tuple[str, ...]:
    """A property's values as texts; what is nested deeper than a list is dropped: the API could not use it."""
    values = value if isinstance(value, list) else [value]
    return tuple(text for one in values if (text := _text(one)))[:_MOST_EXTRAS]


def _text(value: JsonValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not isfinite(value):
        return ""  # 1e400 is a number to JSON and none to anyone else
    return str(value).strip() if isinstance(value, str | int | float) else ""
