"""The public format: the bodies that a shop sends. `make schema` writes docs/schema/*.json from these models.

The format is ours, so the sender can correct what is wrong: an unknown field is a mistake, and each mistake is reported
(`mistakes`). What people typed (addresses, phones, names) is never a mistake. Descriptions are for the shop's engineer.
"""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, WithJsonSchema
from pydantic_core import PydanticCustomError

from shopwire.models import Status
from shopwire.models.base import MAX_ID_LENGTH, Amount, Currency, Id, Moment, Token

_MOMENT = (
    r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"[Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?([Zz]|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])"
)
_is_moment = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)", re.ASCII).fullmatch
_is_number = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch
_MAX_WHOLE_FLOAT = 2**53


def _id_text(value: Any) -> Any:
    # A number is an id in most shops, also 7.0, as some languages write it. A fraction is none, nor is a number whose
    # sender lost the digits of a long id.
    if isinstance(value, float) and value.is_integer() and abs(value) <= _MAX_WHOLE_FLOAT:
        value = int(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _none_if_blank(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _written_moment(value: Any) -> Any:
    if not (isinstance(value, str) and _is_moment(value)):
        raise PydanticCustomError("moment", 'must be a time with its offset, like "2026-11-26T18:05:00.250+02:00"')
    return value


def _written_number(value: Any) -> Any:
    if isinstance(value, str) and not _is_number(value):
        raise PydanticCustomError("number", 'must be a number, best as text, like "1250.50"')
    if isinstance(value, bool):
        raise PydanticCustomError("number", 'must be a number, best as text, like "1250.50"')
    return value


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("format", "must be 1")
    return value


# The schemas say as much of these checks as a schema can. What they cannot say: whether a day exists in its month.
_VISIBLE = (
    r"[^\s\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffd]"
)
_SOUND = r"[^\u0000-\u001f\u007f\ufffd]"
_ID_SCHEMA: dict[str, Any] = {
    "type": ["string", "integer"],
    "maxLength": MAX_ID_LENGTH,
    "pattern": rf"^\s*{_SOUND}*{_VISIBLE}{_SOUND}*\s*$",
    "not": {"enum": [0, "0", "null", "NULL", "undefined", "[object Object]"]},
}
_OPTIONAL_ID_SCHEMA = _ID_SCHEMA | {"pattern": rf"^\s*$|{_ID_SCHEMA['pattern']}"}
_CUSTOMER_ID_SCHEMA = _OPTIONAL_ID_SCHEMA | {"allOf": [{"not": {"type": "string", "pattern": r"@|^\s*\+"}}]}
_DIGITS = r"(?=[0-9.]{1,41}$)[0-9]{1,40}(\.[0-9]+)?"
_NUMBER_SCHEMA = {"type": ["string", "number"], "exclusiveMaximum": 1e40}
_MONEY_SCHEMA = _NUMBER_SCHEMA | {"pattern": rf"^({_DIGITS}|-0+(\.0+)?)$", "minimum": 0}
_QUANTITY_SCHEMA = _NUMBER_SCHEMA | {"pattern": rf"^(?=.*[1-9]){_DIGITS}$", "exclusiveMinimum": 0}
_MOMENT_SCHEMA = {"type": "string", "pattern": f"^{_MOMENT}$"}
_TOKEN_PATTERN = r"[!-?A-~]([ -?A-~]{0,253}[!-?A-~])?"


def _named_schema(*names: str) -> dict[str, Any]:
    """Return what a schema says of a person who must have one of these fields."""
    filled = {"type": ["string", "integer"], "pattern": r"\S"}
    return {"anyOf": [{"required": [name], "properties": {name: filled}} for name in names]}


RequiredId = Annotated[Id, BeforeValidator(_id_text), WithJsonSchema(_ID_SCHEMA | {"minLength": 1})]
OptionalId = Annotated[
    Annotated[Id, BeforeValidator(_id_text), WithJsonSchema(_OPTIONAL_ID_SCHEMA)] | None,
    BeforeValidator(_none_if_blank),
]
# The main store of an engine may have the id 0.
StoreId = Annotated[
    Annotated[
        str,
        BeforeValidator(_id_text),
        Field(max_length=MAX_ID_LENGTH),
        WithJsonSchema({"type": ["string", "integer"], "maxLength": MAX_ID_LENGTH}),
    ]
    | None,
    BeforeValidator(_none_if_blank),
]
RequiredMoney = Annotated[Amount, BeforeValidator(_written_number), Field(ge=0), WithJsonSchema(_MONEY_SCHEMA)]
Quantity = Annotated[Amount, BeforeValidator(_written_number), Field(gt=0), WithJsonSchema(_QUANTITY_SCHEMA)]
Money = RequiredMoney | None
Time = Annotated[Moment, BeforeValidator(_written_moment), WithJsonSchema(_MOMENT_SCHEMA)]
RequiredToken = Annotated[Token, WithJsonSchema({"type": "string", "pattern": rf"^\s*{_TOKEN_PATTERN}\s*$"})]
OptionalToken = Annotated[
    Annotated[Token, WithJsonSchema({"type": "string", "pattern": rf"^\s*({_TOKEN_PATTERN}\s*)?$"})] | None,
    BeforeValidator(_none_if_blank),
]
Code = Annotated[Currency, WithJsonSchema({"type": "string", "pattern": r"^\s*[A-Za-z]{3}\s*$"})]
Text = str | None


class Part(BaseModel):
    """A part of a body. Unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class Address(Part):
    """A postal address."""

    country: Annotated[Text, Field(description="ISO 3166 code, like UA. It completes a local phone number")] = None
    region: Text = None
    town: Text = None
    street: Annotated[Text, Field(description="street, house and flat in one line")] = None
    postcode: Text = None


class Consent(Part):
    """Whether the person wants marketing messages."""

    subscribed: StrictBool
    at: Annotated[Time | None, Field(description="when the person decided; default: the time of this state")] = None
    channel: Annotated[
        Literal["email", "sms"], Field(description="sms counts only for a person without an e-mail address")
    ] = "email"


def _no_address(id: str) -> str:
    if "@" in id or id.startswith("+"):
        raise PydanticCustomError("address_as_id", "must be the shop's own id, not an e-mail address or a phone")
    return id


class Identity(Part):
    """What identifies a person."""

    id: Annotated[
        Annotated[Id, BeforeValidator(_id_text), AfterValidator(_no_address), WithJsonSchema(_CUSTOMER_ID_SCHEMA)]
        | None,
        BeforeValidator(_none_if_blank),
        Field(description="the shop's own customer id. A guest has none"),
    ] = None
    email: Text = None
    phone: Annotated[Text, Field(description="as it was typed; a number without a country gets the address's")] = None

    @property
    def is_named(self) -> bool:
        return any(value and value.strip() for value in (self.id, self.email, self.phone))


class Contact(Identity):
    """A person, as the shop knows them. What people typed is cleaned: capitals, blanks, local phone numbers."""

    first_name: Annotated[Text, Field(description="or the whole name, if the shop has one field")] = None
    last_name: Text = None
    language: Annotated[Text, Field(description="RFC 5646, like uk or uk-UA")] = None
    address: Address | None = None
    consent: Annotated[Consent | None, Field(description="leave it out if the shop did not ask")] = None


P = TypeVar("P", bound=Identity)


def _named(person: P) -> P:
    if not person.is_named:
        raise PydanticCustomError("no_identity", "must have an email, a phone or an id")
    return person


def _with_id(contact: Contact) -> Contact:
    if not contact.id:
        raise PydanticCustomError("no_customer_id", "must have an id, the shop's own customer id")
    return contact


class Product(Part):
    """What an item and a line of a cart have in common."""

    id: Annotated[RequiredId, Field(description="id of the variant; of the product if it has no variants")]
    product_id: Annotated[OptionalId, Field(description="sent in place of id if the shop's `item_id` is product")] = (
        None
    )
    sku: Annotated[OptionalId, Field(description="sent in place of id if the shop's `item_id` is sku")] = None
    name: Text = None
    category: Text = None
    url: Text = None
    image_url: Text = None


class Item(Product):
    """A line of what is still bought."""

    quantity: Quantity
    total: Annotated[
        RequiredMoney,
        Field(description="what the whole line costs, after its own discounts; with tax if the prices include it"),
    ]
    discount: Annotated[
        Money, Field(description="what was taken off this line already; only for the sum of the discounts")
    ] = None
    description: Text = None


class CartItem(Product):
    """A line of a cart."""

    quantity: Quantity
    price: Annotated[RequiredMoney, Field(description="price of one unit, after its discount")]
    discount: Annotated[Money, Field(description="what was taken off one unit already")] = None


class Parcel(Part):
    """A parcel of an order that was sent."""

    id: RequiredId
    delivered: Annotated[StrictBool, Field(description="the person has it")] = False
    tracking_number: Text = None
    tracking_url: Text = None
    carrier: Text = None


class Body(Part):
    """The top of every body."""

    format: Annotated[Literal[1], BeforeValidator(_no_bool), Field(description="version of this format")] = 1


class Order(Body):
    """An order as it stands: always the whole of it, after each change."""

    type: Literal["order"]
    version: Annotated[
        Time | None,
        Field(description="the moment when this state was read from the shop's database. The latest one counts"),
    ] = None
    id: RequiredId
    number: Annotated[OptionalId, Field(description="what people see, if it is not the id")] = None
    created_at: Time
    status: Annotated[Status, Field(description="INITIALIZED: placed. IN_PROGRESS: accepted, paid or sent")]
    status_text: Annotated[Text, Field(description="the shop's own name of the status")] = None
    currency: Code
    total: Annotated[
        RequiredMoney,
        Field(description="what the order costs now, after refunds; of a cancelled one, what it cost just before"),
    ]
    items: list[Item] = []
    discount: Annotated[
        Money, Field(description="taken off the whole order, not yet off the items' totals; the items share it")
    ] = None
    shipping: Money = None
    taxes: Annotated[Money, Field(description="only tax on top of the items' totals")] = None
    fees: Money = None
    duties: Money = None
    tips: Money = None
    refunded: Annotated[Money, Field(description="what was given back so far; `total` is without it")] = None
    contact: Annotated[Contact, AfterValidator(_named), Field(json_schema_extra=_named_schema("email", "phone", "id"))]
    parcels: list[Parcel] = []
    shipped: Annotated[StrictBool, Field(description="nothing is left to send")] = False
    coupons: list[str] = []
    cancel_reason: Text = None
    url: Annotated[Text, Field(description="page on which the buyer can pay or see the order")] = None
    payment_method: Text = None
    delivery_method: Text = None
    delivery_address: Annotated[Text, Field(description="in one line")] = None
    note: Text = None
    store_id: StoreId = None
    source: Literal["online", "offline"] | None = None
    cart_token: Annotated[OptionalToken, Field(description="token of the cart that became this order")] = None
    test: StrictBool = False
    restored: Annotated[StrictBool, Field(description="it was deleted before, and exists again")] = False


class Cart(Body):
    """A cart as it stands: always the whole of it. An empty cart has no items."""

    type: Literal["cart"]
    version: Annotated[Time | None, Field(description="as of an order")] = None
    token: Annotated[RequiredToken, Field(description="names the cart, also in the storefront's visits and in orders")]
    created_at: Time | None = None
    currency: Code | None = None
    items: list[CartItem] = []
    contact: Annotated[Contact | None, Field(description="the person, once the shop knows them")] = None
    url: Annotated[Text, Field(description="page that restores the cart")] = None


class Customer(Body):
    """A customer's account, as it stands."""

    type: Literal["contact"]
    version: Annotated[Time | None, Field(description="as of an order")] = None
    created_at: Annotated[Time | None, Field(description="when the account was made")] = None
    contact: Annotated[Contact, AfterValidator(_with_id), Field(json_schema_extra=_named_schema("id"))]


class OrderDeleted(Body):
    """The shop deleted an order. It becomes CANCELLED."""

    type: Literal["order_deleted"]
    id: RequiredId


class ParcelDelivered(Body):
    """A carrier delivered a parcel that the order lists."""

    type: Literal["parcel_delivered"]
    order_id: RequiredId
    parcel_id: RequiredId


class Erase(Body):
    """A person asked to be erased. It cannot be taken back."""

    type: Literal["erase"]
    contact: Annotated[
        Identity,
        AfterValidator(_named),
        Field(description="by everything that the shop knows", json_schema_extra=_named_schema("email", "phone", "id")),
    ]
    orders: Annotated[list[RequiredId], Field(description="ids of the orders to erase too; [] for none")]


class Envelope(BaseModel):
    """What every body has. It is read first, because the rest depends on it."""

    type: str


FORMATS: dict[str, type[Body]] = {
    "order": Order,
    "cart": Cart,
    "contact": Customer,
    "order_deleted": OrderDeleted,
    "parcel_delivered": ParcelDelivered,
    "erase": Erase,
}
"""The body of each type."""

ZERO = Decimal(0)
