"""A cart or an unfinished checkout as it stands."""

from shopwire.models.base import Amount, Id, Model, Moment, Quantity
from shopwire.models.contact import Contact


class CartItem(Model):
    """A line of the cart. `price` and `discount` are for one unit; `extra` holds properties beyond the known ones."""

    id: Id
    quantity: Quantity
    price: Amount
    name: str | None = None
    category: str | None = None
    discount: Amount | None = None
    extra: dict[str, tuple[str, ...]] = {}


class Cart(Model):
    """A snapshot of a cart. `token` names the cart wherever the platform speaks of it; `contact` may be nobody."""

    token: Id
    created_at: Moment | None = None
    updated_at: Moment
    contact: Contact = Contact()
    currency: str | None = None
    items: tuple[CartItem, ...] = ()
    url: str | None = None
