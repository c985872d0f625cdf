"""The work of `shopwire map`: read the body, assume what the API knows, and make the requests."""

import argparse
import json
from collections.abc import Mapping, Sequence

from pydantic_core import from_json

from shopwire import platforms
from shopwire.delivery.reasons import SENTENCES
from shopwire.errors import InvalidBody, PermanentFailure, RetryLater, Unreadable
from shopwire.mapper import ApiRequest
from shopwire.models import (
    AccountDeleted,
    Change,
    Contact,
    Nothing,
    Reason,
    Shop,
    ShopRedaction,
    Status,
    ThinChange,
)
from shopwire.models.contact import person
from shopwire.platforms.base import Platform
from shopwire_cli.errors import UserError
from shopwire_cli.files import read_file
from shopwire_cli.suggestions import did_you_mean
from shopwire_testkit.expected import result
from shopwire_testkit.fetched import CannedApi, with_state
from shopwire_testkit.samples import signed_webhook

PLANNED_PLATFORMS = (
    "saleor",
    "horoshop",
    "keycrm",
    "salesdrive",
    "ecwid",
    "shopware",
    "adobe-commerce",
)
"""Platforms that may not be supported yet. The error for those that are not registered says so."""

# The time of receipt that is assumed, UTC milliseconds. It is fixed, because the same body must give the same bytes.
_RECEIVED_AT_MS = 1_767_225_600_000


class NothingToSend(Exception):
    """No request follows. The text is the reason."""


def make_requests(change: Change, shop: Shop, *, new: bool, contact: Contact | None) -> list[ApiRequest]:
    """Return the requests that follow from the change, in sending order.

    Args:
        new: the API has neither the contact nor the order, and the order is recent. Otherwise it has the contact, and
            the order with another status and the same content.
        contact: the contact that the cart's token is known to belong to; for a fact, the contact of the order, which is
            wholly shipped in one parcel.

    Raises:
        NothingToSend: no request follows.
    """
    found = result(change, shop, known=not new, contact=contact)
    if isinstance(found, list):
        return found
    if found["outcome"] == "erased":
        raise NothingToSend(_explain_erasure(change))
    reason, details = found.pop("reason"), {name: fact for name, fact in found.items() if name != "outcome"}
    raise NothingToSend(_explain(reason, details))


def _explain(reason: Reason | None, details: Mapping[str, str | int]) -> str:
    if reason is None:
        return "the API has this already"
    hint = f" ({_HINTS[reason]})" if reason in _HINTS else ""
    facts = "".join(f", {name} {value}" for name, value in details.items())
    return f"{reason}{facts}{hint}: {SENTENCES[reason]}"


_HINTS = {
    Reason.ANONYMOUS: "--contact EMAIL names the contact of the cart",
    Reason.ORDER_NOT_SEEN: "--contact EMAIL names the contact of the order",
}


def _explain_erasure(change: Change) -> str:
    if isinstance(change, ShopRedaction):
        return "everything stored for the shop would be deleted; the API is not asked"
    if isinstance(change, AccountDeleted):
        return f"contact {change.id} would be deleted, by a DELETE request"
    return f"contact {change.contact.customer_id or '(a guest)'} would be erased, by DELETE requests"


def find_platform(name: str) -> Platform:
    """Return the platform of this name.

    Raises:
        UserError: there is no such platform, or not yet.
    """
    if name in PLANNED_PLATFORMS and name not in platforms.NAMES:
        raise UserError(f"{name} is not supported yet: choose one of {', '.join(platforms.NAMES)}")
    try:
        return platforms.get(name)
    except KeyError:
        guess = did_you_mean(name, platforms.NAMES)
        raise UserError(f"there is no platform {name!r}{guess}: choose one of {', '.join(platforms.NAMES)}") from None


def make_shop(options: argparse.Namespace) -> Shop:
    """Return a shop with the settings that the options give.

    Raises:
        UserError: an option is wrong.
    """
    region = options.region.upper() if options.region else None
    if region and not (len(region) == 2 and region.isascii() and region.isalpha()):
        raise UserError(f"--region: must be a two-letter country code, like UA, not {options.region!r}")
    return Shop.model_validate(
        {
            "id": "shop",
            "platform": options.platform,
            "secrets": ("shop",),
            "esputnik_key": "shop",
            "region": region,
            "item_id": options.item_id,
            "shipped_is_delivered": options.shipped_is_delivered,
            "statuses": dict(map(_parse_status, options.status)),
            "key_value": options.key_value,
            "orders": options.orders,
            "ignore_test_orders": options.ignore_test_orders,
            "old_order_days": 0,
            "store": platforms.get(options.platform).store_example or None,
            "api": {"token": "shop"},
        }
    )


def make_contact(email: str | None) -> Contact | None:
    """Return the contact with this e-mail address, None if no address is given.

    Raises:
        UserError: the address cannot be a contact's.
    """
    if email is None:
        return None
    contact = person(emails=[email], phones=[], region=None)
    if not contact.email:
        raise UserError(f"--contact: must be a contact's e-mail address, like ann@example.com, not {email!r}")
    return contact


def read_object(file: str) -> bytes:
    """Return the bytes of a file that holds a JSON object. "-" is stdin.

    Raises:
        UserError: the file cannot be read, or is not a JSON object.
    """
    body = read_file(file)
    try:
        parsed = from_json(body)
    except ValueError:
        raise UserError(f"{_name(file)}: the body is not JSON") from None
    if not isinstance(parsed, dict):
        raise UserError(f"{_name(file)}: the body is JSON, but not an object")
    return body


def _name(file: str) -> str:
    return "stdin" if file == "-" else file


def read_answers(platform: Platform, platform_name: str, topic: str, files: Sequence[str]) -> dict[str, bytes | None]:
    """Return the answers of the platform's API in the files, by their names in `Platform.fetches`.

    Args:
        files: in the order in which the answers are fetched.

    Raises:
        UserError: a file cannot be read or is not JSON, there are too many, or the topic needs none.
    """
    names = platform.fetched_names(topic)
    if not names and files:
        carries = f"webhooks of {platform_name} carry the state" if not platform.fetches else f"nothing follows {topic}"
        raise UserError(f"--fetched: {carries}, so leave this option out")
    if len(files) > len(names):
        raise UserError(f"--fetched: at most {len(names)} files, in this order: {', '.join(names)}")
    return {name: _read_answer(name, file) for name, file in zip(names, files, strict=False)}


def _read_answer(name: str, file: str) -> bytes | None:
    """Return an answer: b"" of an empty file (204), None of a file with `null` (404).

    Raises:
        UserError: the file cannot be read, or is not JSON.
    """
    answer = read_file(file)
    try:
        return None if answer.strip() and from_json(answer) is None else answer.strip()
    except ValueError:
        raise UserError(f"{_name(file)}: the answer ({name}) is not JSON") from None


def parse_changes(
    platform: Platform, topic: str, file: str, body: bytes, shop: Shop, answers: Mapping[str, bytes | None]
) -> list[Change]:
    """Return the changes that the platform's adapter makes of the body of the file.

    Args:
        answers: the answers of the platform's API, if the body carries no state.

    Raises:
        UserError: the body, or an answer, does not have the platform's shape.
    """
    found = platform.topic(topic)
    if found is None:
        return [Nothing(Reason.UNKNOWN_TOPIC)]
    webhook = signed_webhook(platform, topic, body, shop, _RECEIVED_AT_MS)
    if found.store_of:
        shop = shop.model_copy(update={"store": found.store_of(webhook)})  # a shop that the body names
    try:
        changes = [delivery.change for delivery in platform.read(webhook, shop)]
    except InvalidBody as error:
        raise UserError(
            *(f"{_name(file)}: `{mistake.field}` {mistake.problem}" for mistake in error.mistakes)
        ) from None
    except Unreadable as error:
        raise UserError(f"{_name(file)}: the body is not what {platform.name} sends as {topic}: {error}") from None
    if any(isinstance(change, ThinChange) for change in changes) and not answers:
        names = ", ".join(f"{name}.json" for name in platform.fetched_names(topic))
        raise UserError(f"the body carries no state, so --fetched must name what the API answers: {names}")
    try:
        return [with_state(change, platform, shop, CannedApi(answers)) for change in changes]
    except (Unreadable, PermanentFailure, RetryLater) as error:
        order = ", ".join(platform.fetched_names(topic))
        raise UserError(f"--fetched (in this order: {order}): not what {platform.title} answers: {error}") from None


def to_json(requests: Sequence[ApiRequest]) -> str:
    """Return the requests as a JSON array. Their bodies are the bytes that would be sent."""
    pieces = (f'{{"path":{json.dumps(request.path)},"body":{request.body.decode()}}}' for request in requests)
    return f"[{','.join(pieces)}]"


def _parse_status(text: str) -> tuple[str, str]:
    word, _, status = text.rpartition("=")
    if not word or status not in Status.__members__:
        raise UserError(f"--status: must be WORD=STATUS, where STATUS is one of {', '.join(Status)}, not {text!r}")
    return word, status
