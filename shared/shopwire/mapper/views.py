"""A visit to pageViewed, productViewed, productCategoryViewed. Pure."""

from typing import Any

from shopwire.mapper.params import ApiRequest, Unmappable, contact_key, event, identifiers, json_text, present
from shopwire.models import Contact, View


def view_event(view: View, contact: Contact) -> ApiRequest:
    """The event that tells this visit.

    Raises:
        Unmappable: nobody, or nothing was looked at.
    """
    event_type, name, fields = _seen(view)
    if None in fields.values():
        raise Unmappable(f"{view.type}: {'price' if view.product_id else 'what was seen'} is missing")
    params = present(((name, json_text(view.extra | fields)), ("currencyCode", view.currency)))
    return event(event_type, contact_key(contact), identifiers(contact) + params)


def _seen(view: View) -> tuple[str, str, dict[str, Any]]:
    if view.type == "page":
        return "pageViewed", "page", {"location": view.url}
    if view.type == "category":
        return "productCategoryViewed", "category", {"productCategoryId": view.category_id}
    stock = {} if view.in_stock is None else {"isInStock": int(view.in_stock)}
    return "productViewed", "product", {"productId": view.product_id, "price": view.price} | stock
