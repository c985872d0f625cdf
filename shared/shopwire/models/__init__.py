"""What a shop says, free of any platform's words: the language between the platforms and the mapper.

Models hold data and the rules that follow from it alone. There is no network, clock, AWS or v1/event here.
"""

from shopwire.models.cart import Cart, CartItem
from shopwire.models.change import (
    DESTRUCTIVE,
    AccountDeleted,
    CartChange,
    Change,
    ContactChange,
    Delivery,
    Entity,
    Nothing,
    OrderChange,
    OrderDeleted,
    OrderSkipped,
    ParcelArrived,
    Redaction,
    ShopRedaction,
    ThinChange,
    ViewChange,
)
from shopwire.models.contact import NOBODY, Address, Consent, Contact
from shopwire.models.order import Item, Order, Parcel, Rank, Status
from shopwire.models.reason import Reason
from shopwire.models.shop import Shop
from shopwire.models.view import View
from shopwire.models.webhook import Webhook

__all__ = [
    "DESTRUCTIVE",
    "NOBODY",
    "AccountDeleted",
    "Address",
    "Cart",
    "CartChange",
    "CartItem",
    "Change",
    "Consent",
    "Contact",
    "ContactChange",
    "Delivery",
    "Entity",
    "Item",
    "Nothing",
    "Order",
    "OrderChange",
    "OrderDeleted",
    "OrderSkipped",
    "Parcel",
    "ParcelArrived",
    "Rank",
    "Reason",
    "Redaction",
    "Shop",
    "ShopRedaction",
    "Status",
    "ThinChange",
    "View",
    "ViewChange",
    "Webhook",
]
