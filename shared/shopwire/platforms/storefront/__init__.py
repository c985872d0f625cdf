"""The storefront: the visits that a visitor's browser sends (POST /storefront/{shop}, docs/storefront.md).

Anyone can send anything here. A contact counts only with an HMAC that the shop's server made for this shop and day. The
signature is part of the body, so the body is parsed before it is verified. Until then nothing else of it is used.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, ConfigDict, JsonValue, StrictBool, StringConstraints

from shopwire.errors import NotVerified, Unreadable
from shopwire.models import (
    Cart,
    CartChange,
    CartItem,
    Change,
    Contact,
    Delivery,
    Reason,
    Shop,
    View,
    ViewChange,
    Webhook,
)
from shopwire.models.base import Amount, Currency, Token
from shopwire.models.contact import person
from shopwire.models.phone import Phone
from shopwire.platforms.base import Kind, Platform, Retries, SampleFields, Secret, Signature, SignedCall, Topic
from shopwire.platforms.parts import Body, parse, received_at, with_fields
from shopwire.platforms.signatures import hex_signature, same, short_hash
from shopwire.platforms.storefront.urls import is_of_origins, is_url_field, urls_in_text

T = TypeVar("T")
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
_SignedText = Annotated[str, StringConstraints(min_length=1, max_length=255)]  # not trimmed, because it is signed
_Url = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2048, pattern=r"^[a-zA-Z][\w.+-]*://\S+$")]
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MAX_EXTRAS = 20
_DAY_MS = 86_400_000
_VALID_DAYS = 3  # the day for which a signature is made and the two after it, because pages are cached


def _one_line(text: Any) -> Any:
    """Return a text as it is read: spaces for white space and control characters; "" if nothing of it is visible."""
    if not isinstance(text, str):
        return text  # pydantic refuses it, or accepts a number
    line = " ".join(_CONTROL.sub(" ", text).split())
    return line if any(character.isprintable() for character in line if character != " ") else ""


class _Open(Body):
    """A part whose unknown fields are the shop's own properties."""

    model_config = ConfigDict(extra="allow")

    @property
    def extra(self) -> dict[str, tuple[str, ...]]:
        found = {name: _texts(value) for name, value in (self.model_extra or {}).items()}
        return {name: texts for name, texts in list(found.items())[:_MAX_EXTRAS] if texts}


class _Contact(Body):
    model_config = ConfigDict(extra="forbid")

    email: _SignedText | None = None
    phone: _SignedText | None = None
    id: _SignedText | None = None


class _Product(_Open):
    id: _Text
    price: Amount
    in_stock: bool | None = None


class _Category(Body):
    id: _Text


class _Item(_Open):
    id: _Text
    quantity: Amount
    price: Amount
    name: str | None = None
    category: str | None = None
    discount: Amount | None = None


class _Cart(Body):
    token: Token
    items: list[_Item] = []


class _Search(Body):
    text: Annotated[_Text, BeforeValidator(_one_line)]
    found: StrictBool | None = None  # strict, so that no number of results is taken for a yes


class _Visit(Body):
    is_repaired = False  # the format is our own, and the answer says what is wrong with a visit

    type: Literal["page", "product", "category", "cart", "wishlist", "search"]
    contact: _Contact | None = None
    signature: str | None = None
    cart_token: Token | None = None
    currency: Currency | None = None
    url: _Url | None = None
    product: _Product | None = None
    category: _Category | None = None
    cart: _Cart | None = None
    search: _Search | None = None


@dataclass(frozen=True, slots=True)
class _Call:
    visit: _Visit
    id: str
    seen_at: datetime


def _page(call: _Call, shop: Shop) -> Change:
    return _view(call, shop, url=_given(call.visit.url, "url"))


def _category(call: _Call, shop: Shop) -> Change:
    return _view(call, shop, category_id=_given(call.visit.category, "category").id)


def _product(call: _Call, shop: Shop) -> Change:
    product = _given(call.visit.product, "product")
    return _view(call, shop, product_id=product.id, price=product.price, in_stock=product.in_stock, extra=product.extra)


def _search(call: _Call, shop: Shop) -> Change:
    search = _given(call.visit.search, "search")
    return _view(call, shop, search=search.text, found=search.found)


def _view(call: _Call, shop: Shop, **viewed: Any) -> Change:
    visit = call.visit
    assert visit.type != "cart"
    view = View(
        type=visit.type,
        seen_at=call.seen_at,
        contact=_person(visit.contact, shop),
        cart_token=visit.cart_token,
        currency=visit.currency,
        **viewed,
    )
    return ViewChange(view, call.id)


def _cart(call: _Call, shop: Shop) -> Change:
    cart, visit = _given(call.visit.cart, "cart"), call.visit
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
    contact = _person(visit.contact, shop)
    return CartChange(
        Cart(token=cart.token, updated_at=call.seen_at, contact=contact, currency=visit.currency, items=items),
        by_visitor=True,
    )


class Storefront(Platform):
    """Views, additions to the wish list, searches and carts from the browser."""

    name = "storefront"
    title = "Storefront"
    documentation = "docs/storefront.md"
    topics = (
        Topic("page", Kind.SNAPSHOT, _page),
        Topic("product", Kind.SNAPSHOT, _product),
        Topic("category", Kind.SNAPSHOT, _category),
        Topic("cart", Kind.SNAPSHOT, _cart),
        Topic("wishlist", Kind.SNAPSHOT, _product),
        Topic("search", Kind.SNAPSHOT, _search),
    )
    endpoint = "storefront"
    kept_headers = ("x-shopwire-",)
    shown_headers = ("x-shopwire-",)
    # Only the contact is signed, so that the shop's server can render the signature into its pages.
    signature = Signature(field="signature", covers_body=False)
    secret = Secret(made_by="shop", where="the setting `storefront_secret`, and the shop's own server")
    retries = Retries(delays_seconds=(), timeout_seconds=60)  # a browser sends a visit once
    sample_fields = SampleFields(ids=("cart_token", "cart.token"), changed=(), every_call_is_new=True)

    def verify(self, webhook: Webhook, shop: Shop) -> None:
        try:
            visit = _parse(webhook.body)
        except Unreadable:
            return  # `read` reports what is wrong with it
        if visit.contact is None:
            return
        kind, value = _named(visit.contact)
        if not shop.storefront_secret:
            raise NotVerified(
                Reason.NO_STOREFRONT_SECRET, "the shop has no `storefront_secret`, so that no contact can be verified"
            )
        if not same(visit.signature or "", *_valid_signatures(shop, kind, value, webhook.received_at)):
            raise NotVerified(
                Reason.SIGNATURE_MISMATCH,
                "the contact's signature does not match, or is of another shop or older than two days: it must be "
                "HMAC-SHA256(storefront_secret, 'shop:kind:value:YYYY-MM-DD')",
            )

    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        visit = _parse(webhook.body)
        topic = webhook.headers.get("x-shopwire-topic", visit.type)
        if topic != visit.type:
            raise Unreadable("type", "not_the_topic")
        # Two visits of the same millisecond with the same content are one.
        id = short_hash(webhook.body, str(webhook.received_at))
        return [Delivery(topic, id, self.change(topic, _Call(visit, id, received_at(webhook)), shop))]

    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> SignedCall:
        return SignedCall({"content-type": "application/json", "x-shopwire-topic": topic}, _signed(body, shop, now))


def check_urls(webhook: Webhook, shop: Shop) -> None:
    """Check that every URL of a visit is one of the shop's `origins`.

    It is checked only when a visit arrives, because a visit that waits must not depend on later settings.

    Raises:
        Unreadable: a URL is another one, or the body is no visit.
    """
    for field, url in _urls(_parse(webhook.body)):
        if not is_of_origins(url, shop.origins):
            raise Unreadable(field, "not_in_origins")


def _urls(visit: _Visit) -> Iterator[tuple[str, str]]:
    """Yield the URLs of a visit, each with the field that holds it.

    A property counts as its product's field, because the caller chose its name.
    """
    if visit.url is not None:
        yield "url", visit.url
    if visit.search is not None:
        # A link to the shop's own search page can contain any text, and the one who clicks on it is the visitor.
        yield from (("search", url) for url in urls_in_text(visit.search.text))
    parts: list[tuple[str, _Product | _Item]] = [("product", visit.product)] if visit.product else []
    parts += [(f"cart.items.{n}", item) for n, item in enumerate(visit.cart.items if visit.cart else ())]
    for field, part in parts:
        texts = [(name, text) for name, values in part.extra.items() for text in values]
        if isinstance(part, _Item):
            texts += [(name, text) for name in ("name", "category") if (text := getattr(part, name))]
        yield from ((field, text) for name, text in texts if is_url_field(name, text))


def sign_contact(secret: str, shop: str, kind: str, value: str, now: int) -> str:
    """Return the signature of a contact, as the shop's server makes it.

    It is the HMAC-SHA256 of "shop:kind:value:YYYY-MM-DD" in lower-case hex digits.

    Args:
        shop: the id of the shop.
        kind: "email", "phone" or "id".
        value: as it is sent, neither trimmed nor lower-cased.
        now: UTC milliseconds. Its day in UTC is signed.
    """
    day = datetime.fromtimestamp(now / 1000, UTC).date().isoformat()
    return hex_signature(secret, f"{shop}:{kind}:{value}:{day}".encode("utf-8", "surrogatepass"))


def _valid_signatures(shop: Shop, kind: str, value: str, now: int) -> Iterator[str]:
    """Yield each signature of the contact that is valid now, by each secret of the shop."""
    for secret in shop.storefront_secret:
        for days_ago in range(_VALID_DAYS):
            yield sign_contact(secret.get_secret_value(), shop.id, kind, value, now - days_ago * _DAY_MS)


# The endpoint, `verify` and `read` need the same visit, one right after the other.
@lru_cache(maxsize=1)
def _parse(body: bytes) -> _Visit:
    visit = parse(_Visit, body)
    if visit.contact is not None:
        _named(visit.contact)
    return visit


def _named(contact: _Contact) -> tuple[str, str]:
    given = [(kind, value) for kind, value in contact if value]
    if len(given) != 1:
        raise Unreadable("contact", "one_of_email_phone_id")
    return given[0]


def _person(contact: _Contact | None, shop: Shop) -> Contact:
    if contact is None:
        return Contact()
    phones = (Phone(contact.phone),)
    return person(emails=(contact.email,), phones=phones, region=shop.region, customer_id=contact.id)


def _given(part: T | None, name: str) -> T:
    if part is None:
        raise Unreadable(name, "missing")
    return part


def _texts(value: JsonValue) -> tuple[str, ...]:
    """Return the values of a property as text, without what is nested deeper than a list: the API could not use it."""
    values = value if isinstance(value, list) else [value]
    return tuple(text for part in values if (text := _text(part)))[:_MAX_EXTRAS]


def _text(value: JsonValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not isfinite(value):
        return ""  # 1e400 is a number in JSON, but infinite as a float
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _signed(body: bytes, shop: Shop, now: int) -> bytes:
    """Return the body with the signature that the shop's server would make of its contact."""
    try:
        ((kind, value),) = json.loads(body)["contact"].items()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return body  # it names no contact, or is not a visit
    if not shop.storefront_secret:
        return body
    signature = sign_contact(shop.storefront_secret[0].get_secret_value(), shop.id, kind, str(value), now)
    return with_fields(body, {"signature": signature})
