"""Who is meant by a request of `shopwire person`."""

from collections.abc import Mapping
from typing import Any

from shopwire.errors import BadSettings, SettingsUnavailable, UnknownShop
from shopwire.models import Contact, Shop
from shopwire.platforms.by_hand import named_person
from shopwire.shops import Shops


class BadPerson(Exception):
    """The request names no person of a shop. The text says why, and contains no address."""


_NAMES = ("email", "phone", "id")


def find_named(shops: Shops, named: Any) -> tuple[Shop, Contact]:
    """Return the shop and the person that a request names.

    Raises:
        BadPerson: there is no such shop, or nothing that the request says can be a person.
    """
    if not isinstance(named, Mapping) or not isinstance(named.get("shop"), str):
        raise BadPerson("`shop` is required")
    if not all(isinstance(named.get(name, ""), str) for name in _NAMES):
        raise BadPerson("`email`, `phone` and `id` must be text")
    try:
        shop = shops.get(named["shop"])
    except UnknownShop:
        raise BadPerson("there is no such shop") from None
    except (BadSettings, SettingsUnavailable) as error:
        raise BadPerson(f"the settings of the shop cannot be used: {error}") from None
    contact = named_person(shop, **{name: named[name] for name in _NAMES if named.get(name)})
    if contact.key is None:
        raise BadPerson("no usable e-mail address, phone or customer id is named")
    return shop, contact


def orders_of(named: Mapping[str, Any]) -> list[str]:
    """Return the ids of the orders that a request names.

    Raises:
        BadPerson: they are not a list of texts.
    """
    orders = named.get("orders", [])
    if not isinstance(orders, list) or not all(isinstance(id, str) and id for id in orders):
        raise BadPerson("`orders` must be a list of ids")
    return orders
