"""What a visitor does besides filling a cart: views a page, product or category, adds to the wish list, or searches."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from shopwire.models.base import check_currency, check_token
from shopwire.models.contact import NOBODY, Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One visit. Of `url`, `product_id`, `category_id` and `search`, the one that belongs to `type` is set.

    Args:
        product_id: the product that was viewed, or added to the wish list.
        search: the text that was searched for.
        found: whether the search found anything; None if the page does not say.
    """

    type: Literal["page", "product", "category", "wishlist", "search"]
    seen_at: datetime
    contact: Contact = NOBODY
    cart_token: str | None = None
    currency: str | None = None
    url: str | None = None
    product_id: str | None = None
    price: Decimal | None = None
    in_stock: bool | None = None
    category_id: str | None = None
    search: str | None = None
    found: bool | None = None
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_token(cart_token=self.cart_token)
        check_currency(self.currency)
