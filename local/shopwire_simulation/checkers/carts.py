"""Checks what each event of a cart says, and that an order's first event carries its cart's last recycleStateId."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from shopwire_simulation.checkers.observations import AcceptedRequest
from shopwire_simulation.reference_model import have_fields_of
from shopwire_testkit.announcements import CartState


def cart_problem(cart: CartState, event_type: str, params: dict[str, str]) -> str | None:
    """Return what is wrong with the event of a cart; None if it says what the cart contains."""
    if event_type != "cartUpdated":
        return f"sent as {event_type}"
    if not have_fields_of(cart.products, sent_products(params)):
        return "another content than that of the cart"
    if wrong := [name for name in ("currencyCode", "restoreUrl") if params.get(name) != cart.params.get(name)]:
        return f"another {', '.join(wrong)}"
    if "recycleStateId" not in params:
        return "without a recycleStateId"
    return None


def conversion_problem(
    order: AcceptedRequest, earlier: Sequence[AcceptedRequest], of_cart: Sequence[AcceptedRequest]
) -> str | None:
    """Return what is wrong with the recycleStateId of an order's request. v1/orders carries none.

    Args:
        earlier: the accepted requests of the order before it.
        of_cart: the accepted requests of the cart from which the order was made. Empty if there is no cart.
    """
    if order.event is None:
        return None
    earlier, of_cart = ([request for request in requests if request.event] for requests in (earlier, of_cart))
    carried = order.params.get("recycleStateId")
    if any(not event.may_be_repeated for event in earlier):
        return None if carried is None else "recycleStateId is not in the order's first event only"
    if earlier and carried is None:
        return None  # only the first event may be sent again as the first
    allowed: set[str | None] = set()
    for event in reversed(of_cart):
        allowed.add(event.params.get("recycleStateId"))
        # If the acceptance was not recorded, the cart's earlier event is the last one that is known.
        if not (event.may_be_repeated or event.at >= order.invocation.notes["claimed_at"]):
            break
    else:
        allowed.add(None)
    return None if carried in allowed else "the first event has not the last recycleStateId of its cart"


def sent_products(params: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the products of a cart's event."""
    products: list[dict[str, Any]] = json.loads(params.get("products", "[]"), parse_float=Decimal)
    return products
