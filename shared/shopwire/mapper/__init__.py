"""From the models to the API's requests. Pure: no clock, no network, no AWS; the same change gives the same bytes.

Imports models and nothing else of this package. Each function answers with the requests in sending order and with
what the API knows once each was taken; what it knows now comes in as an argument.
"""

from shopwire.mapper.carts import cart_content, cart_event, recycle_state_id
from shopwire.mapper.contacts import contact_digest, contact_request, erase_requests
from shopwire.mapper.orders import (
    OrderKnown,
    Planned,
    fact_event,
    known_otherwise,
    order_events,
    order_reference,
)
from shopwire.mapper.params import ApiRequest, Unmappable
from shopwire.mapper.views import view_event

__all__ = [
    "ApiRequest",
    "OrderKnown",
    "Planned",
    "Unmappable",
    "cart_content",
    "cart_event",
    "contact_digest",
    "contact_request",
    "erase_requests",
    "fact_event",
    "known_otherwise",
    "order_events",
    "order_reference",
    "recycle_state_id",
    "view_event",
]
