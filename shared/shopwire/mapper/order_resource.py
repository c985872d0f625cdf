"""An order becomes a request to v1/orders, with the content that its events have.

v1/orders has a fixed set of fields with JSON types (docs.yespo.io/reference/ordersbulkinsert-1). A param of the events
that is no field of it becomes an entry of `additionalInfo`, which is an object of texts there.
"""

from pydantic_core import from_json

from shopwire.mapper.api_rules import ORDER_TEXTS, ORDERS_PATH, check_order
from shopwire.mapper.params import ApiRequest, Params, json_text

# The events carry these as text that is JSON already: plain numbers, and the list of items.
_JSON_VALUES = frozenset({"totalCost", "shipping", "discount", "taxes", "items"})
_NOTE = "additionalInfo"


def orders_request(params: Params) -> ApiRequest:
    """Return the request that creates or updates one order.

    The API keeps it without segmentation, creates its contact if it is missing, and starts the workflows of the order's
    status. The same request again changes nothing of the order.

    Args:
        params: of the order's events, before anything is left out: no size limit of v1/orders is documented. Amounts
            keep their digits.

    Raises:
        Unmappable: the API would refuse the order (`api_rules`).
    """
    # As bytes, because the items may be megabytes, and as text with Cyrillic letters they take twice as many.
    fields, more = [], {}
    for name, value in params:
        if name in _JSON_VALUES:
            fields.append(f'"{name}":{value}'.encode())
        elif name in ORDER_TEXTS:
            fields.append(f'"{name}":{json_text(value)}'.encode())
        else:
            more["note" if name == _NOTE else name] = value
    if more:
        fields.append(f'"{_NOTE}":{json_text(more)}'.encode())
    body = b'{"orders":[{%b}]}' % b",".join(fields)
    (order,) = from_json(body)["orders"]
    check_order(order)
    return ApiRequest(ORDERS_PATH, body)
