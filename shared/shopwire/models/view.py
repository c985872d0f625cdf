"""What a visitor looks at: a page, a product, a category."""

from typing import Literal

from shopwire.models.base import Amount, Id, Model, Moment
from shopwire.models.contact import Contact


class View(Model):
    """One visit. Of `url`, `product_id` and `category_id` the one that `type` names is set."""

    type: Literal["page", "product", "category"]
    seen_at: Moment
    contact: Contact = Contact()
    cart_token: str | None = None
    currency: str | None = None
    url: str | None = None
    product_id: Id | None = None
    price: Amount | None = None
    in_stock: bool | None = None
    category_id: Id | None = None
    extra: dict[str, tuple[str, ...]] = {}
