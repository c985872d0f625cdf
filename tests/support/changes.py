"""An invented shop, its customers, and changes of their orders, carts and accounts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shopwire.models import (
    Cart,
    CartChange,
    CartItem,
    Contact,
    ContactChange,
    Entity,
    Item,
    Order,
    OrderChange,
    Parcel,
    ParcelArrived,
    Rank,
    Shop,
    Status,
    ThinChange,
    View,
    ViewChange,
)
from shopwire.models.base import milliseconds
from shopwire.models.change import EntityKind
from shopwire.shops import parse_shop

SHOP = "little-shop"
OTHER_SHOP = "other-shop"
SETTINGS: dict[str, Any] = {
    "platform": "shopify",
    "secrets": ["a-secret", "an-older-secret"],
    "esputnik_key": "key-one",
    "region": "UA",
    "api": {"token": "token-one"},
}

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""When every order and cart is created, and when the clock of every test starts."""
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000

ANNA = Contact(
    email="anna@example.com", phone="380501112233", customer_id="77", first_name="Anna", last_name="Kovalenko"
)
BORYS = Contact(email="borys@example.org", customer_id="78")


def shop(**fields: Any) -> Shop:
    return parse_shop(SHOP, SETTINGS | fields)


def order(id: str = "1001", *, minutes: float = 0, **fields: Any) -> OrderChange:
    """Return an order of Anna's as it is `minutes` after START."""
    rank = fields.get("rank", Rank.CREATED)
    status = Status.IN_PROGRESS if rank > Rank.CREATED else Status.INITIALIZED
    status = {Rank.DELIVERED: Status.DELIVERED, Rank.CLOSED: Status.CANCELLED}.get(rank, status)
    whole: dict[str, Any] = {
        "id": id,
        "number": f"#{id}",
        "created_at": START,
        "updated_at": START + timedelta(minutes=minutes),
        "status": status,
        "rank": rank,
        "currency": "UAH",
        "total": Decimal("250.00"),
        "contact": ANNA,
        "items": (Item(id="55", name="Tea", quantity=Decimal(2), cost=Decimal("125.00")),),
    }
    return OrderChange(Order(**whole | fields))


def announced(kind: EntityKind = "order", id: str = "1001", *, minutes: float = 0) -> ThinChange:
    """Return a webhook's announcement that an entity changed `minutes` after START."""
    return ThinChange(Entity(kind, id), "test", milliseconds(START + timedelta(minutes=minutes)))


def paid(id: str = "1001", *, minutes: float = 5, **fields: Any) -> OrderChange:
    return order(id, minutes=minutes, rank=Rank.PAID, **fields)


def shipped(id: str = "1001", *, minutes: float = 10, parcels: tuple[str, ...] = ("p1",), **fields: Any) -> OrderChange:
    return order(
        id,
        minutes=minutes,
        rank=Rank.SHIPPED,
        wholly_shipped=True,
        parcels=tuple(Parcel(id=parcel, tracking_number=f"TN-{parcel}") for parcel in parcels),
        **fields,
    )


def cancelled(id: str = "1001", *, minutes: float = 10, **fields: Any) -> OrderChange:
    return order(id, minutes=minutes, rank=Rank.CLOSED, **fields)


def arrived(parcel: str = "p1", *, id: str = "1001") -> ParcelArrived:
    """Return the fact that a parcel of the order `id` arrived."""
    return ParcelArrived(id, Parcel(id=parcel, tracking_number=f"TN-{parcel}"))


def cart(
    token: str = "cart-a",
    *,
    minutes: float = 0,
    units: int = 1,
    contact: Contact = ANNA,
    by_visitor: bool = False,
) -> CartChange:
    """Return a cart with `units` of one product, or an empty one, as it is `minutes` after START."""
    items = (CartItem(id="55", quantity=Decimal(units), price=Decimal("125.00"), name="Tea"),) if units else ()
    at = START + timedelta(minutes=minutes)
    snapshot = Cart(token=token, created_at=START, updated_at=at, contact=contact, currency="UAH", items=items)
    return CartChange(snapshot, by_visitor)


def view(contact: Contact = ANNA, *, id: str = "v1", cart_token: str | None = None) -> ViewChange:
    """Return a view of a page."""
    url = "https://shop.example/"
    return ViewChange(View(type="page", seen_at=START, contact=contact, url=url, cart_token=cart_token), id)


def customer(contact: Contact = ANNA, *, minutes: float = 0, id: str = "77") -> ContactChange:
    """Return a customer's account as it is `minutes` after START. It was created long before."""
    return ContactChange(contact, id, milliseconds(START + timedelta(minutes=minutes)), 0)
