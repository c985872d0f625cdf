"""The mapper: models to requests of the API. It is pure, so the same change always gives the same bytes.

It imports the models and nothing else of shopwire. What the API has now comes in as an argument; what it has after each
request goes out beside the request.
"""

from shopwire.mapper.api_rules import ORDERS_PATH
from shopwire.mapper.carts import cart_content, cart_steps, recycle_state_id
from shopwire.mapper.contacts import CONTACT_ID, contact_request, contact_requests, delete_request, erase_requests
from shopwire.mapper.orders import (
    SentOrder,
    fact_steps,
    order_reference,
    order_steps,
    sent_with_another_status,
)
from shopwire.mapper.params import ApiRequest, Step
from shopwire.mapper.views import view_steps

__all__ = [
    "CONTACT_ID",
    "ORDERS_PATH",
    "ApiRequest",
    "SentOrder",
    "Step",
    "cart_content",
    "cart_steps",
    "contact_request",
    "contact_requests",
    "delete_request",
    "erase_requests",
    "fact_steps",
    "order_reference",
    "order_steps",
    "recycle_state_id",
    "sent_with_another_status",
    "view_steps",
]
