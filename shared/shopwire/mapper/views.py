"""A visit becomes pageViewed, productViewed, productCategoryViewed, productAddedToWishlist or searchRequest.

The API's page: https://docs.yespo.io/docs/site-activity-tracking-using-generate-events.
"""

from typing import Any

from shopwire.errors import Unmappable
from shopwire.mapper.fit import fitting
from shopwire.mapper.params import Step, contact_key, event, identifiers, json_text, prefixed, present
from shopwire.models import Contact, Reason, View


def view_steps(view: View, contact: Contact, id_prefix: str = "") -> list[Step]:
    """Return the event of this visit.

    Args:
        id_prefix: of the shop.

    Raises:
        Unmappable: nothing identifies a person, or what was viewed or searched for is missing.
    """
    contact = prefixed(contact, id_prefix)
    if view.type == "search":
        # Without `isFound`, the API counts the search as one that found nothing.
        found = None if view.found is None else str(int(view.found))
        search = [*identifiers(contact), *present((("search", view.search), ("isFound", found)))]
        return [Step(event("searchRequest", contact_key(contact), search))]
    event_type, name, fields = _viewed(view)
    for field, value in fields.items():
        if value is None:
            raise Unmappable(Reason.INCOMPLETE, field)
    key = contact_key(contact)
    variants = (
        identifiers(contact) + present(((name, json_text(properties)), ("currencyCode", view.currency)))
        for properties in (view.extra | fields, fields)
    )
    return [Step(event(event_type, key, fitting(event_type, key, variants)))]


def _viewed(view: View) -> tuple[str, str, dict[str, Any]]:
    if view.type == "page":
        return "pageViewed", "page", {"location": view.url}
    if view.type == "category":
        return "productCategoryViewed", "category", {"productCategoryId": view.category_id}
    stock = {} if view.in_stock is None else {"isInStock": int(view.in_stock)}
    product = {"productId": view.product_id, "price": view.price} | stock
    return "productAddedToWishlist" if view.type == "wishlist" else "productViewed", "product", product
