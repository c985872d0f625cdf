"""What a visitor looks at: a page, a product or a category."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from shopwire.models.base import check_currency, check_token
from shopwire.models.contact import NOBODY, Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One visit. Of `url`, `product_id` and `category_id`, the one that belongs to `type` is set."""

    type: Literal["page", "product", "category"]
    seen_at: datetime
    contact: Contact = NOBODY
    cart_token: str | None = None
    currency: str | None = None
    url: str | None = None
    product_id: str | None = None
    price: Decimal | None = None
    in_stock: bool | None = None
    category_id: str | None = None
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_token(cart_token=self.cart_token)
        check_currency(self.currency)
