"""A cart, or a checkout that is not finished, as it stands."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from shopwire.models.base import check_amounts, check_currency, check_token
from shopwire.models.contact import NOBODY, Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class CartItem:
    """A line of a cart. `price` and `discount` are for one unit. `extra` holds the shop's own properties."""

    id: str
    quantity: Decimal
    price: Decimal
    name: str | None = None
    category: str | None = None
    discount: Decimal | None = None
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_amounts(quantity=self.quantity, price=self.price, discount=self.discount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    """A snapshot of a cart. `token` identifies the cart in all topics of the platform; `contact` may be NOBODY."""

    token: str
    created_at: datetime | None = None
    updated_at: datetime
    contact: Contact = NOBODY
    currency: str | None = None
    items: tuple[CartItem, ...] = ()
    url: str | None = None

    def __post_init__(self) -> None:
        check_token(token=self.token)
        check_currency(self.currency)
