"""What the conformance suite needs: each platform with its samples, altered calls and bodies, and personal values.

Nothing here is particular to a platform. What differs between platforms is data on `Platform`.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import strategies as st

from shopwire import platforms
from shopwire.errors import NotVerified, Unreadable
from shopwire.mapper import order_reference
from shopwire.models import (
    CartChange,
    Change,
    ContactChange,
    Nothing,
    OrderChange,
    ParcelArrived,
    Redaction,
    Shop,
    ShopRedaction,
    ThinChange,
    ViewChange,
    Webhook,
)
from shopwire.platforms.base import Kind, Platform
from shopwire_testkit.fetched import CannedApi, with_state
from shopwire_testkit.samples import Sample, file_word, folder, sample_shop, samples, signed_webhook
from shopwire_testkit.scenarios import SCENARIOS, scenarios_of

ROOT = Path(__file__).parents[2]
NOW = 1_798_761_600_000  # 2027-01-01T00:00:00Z


def problem_of_class(name: str) -> str | None:
    """Return what keeps the registered platform from being used at all; None if nothing does."""
    module, name_of_class = f"shopwire.platforms.{name}", platforms.CLASSES[name]
    path = f"shared/shopwire/platforms/{name}/__init__.py"
    if find_spec(module) is None:
        return f"{path} is missing. shared/shopwire/platforms/__init__.py registers the class {name_of_class} there."
    found = getattr(import_module(module), name_of_class, None)
    if found is None:
        return f"{path}: the class {name_of_class}, which is registered, is missing."
    if missing := sorted(found.__abstractmethods__):
        return f"{path}: the class {name_of_class} lacks {', '.join(missing)}."
    return None


PLATFORMS = [platforms.get(name) for name in platforms.NAMES if not problem_of_class(name)]
SECRET, NEXT_SECRET = "секрет із пробілом & <1>", "another-secret-of-the-shop"
UNKNOWN_TOPIC = "an/unknown.topic"


@cache
def samples_of(platform: Platform) -> list[Sample]:
    """Return the samples; none if a file is wrong, which the test of completeness reports."""
    try:
        return samples(platform.name)
    except ValueError:
        return []


@cache
def shop_of(platform: Platform, **settings: Any) -> Shop:
    """Return a shop with two secrets, where every topic does what it can. It cannot be changed, so tests share it."""
    given = {"secrets": (SECRET, NEXT_SECRET), "storefront_secret": (SECRET, NEXT_SECRET), "deleted_accounts": "delete"}
    return sample_shop(platform, **given | settings)


def call(sample: Sample, **settings: Any) -> Webhook:
    """Return the signed call of a sample."""
    platform = platforms.get(sample.platform)
    return signed_webhook(platform, sample.topic, sample.body, shop_of(platform, **settings), NOW)


def each_platform(chosen: Iterable[Platform] = PLATFORMS) -> pytest.MarkDecorator:
    """Run a test for each of these platforms."""
    return pytest.mark.parametrize("platform", chosen, ids=lambda platform: platform.name)


def each_sample(chosen: Iterable[Platform] = PLATFORMS) -> pytest.MarkDecorator:
    """Run a test for each sample of these platforms."""
    found = [sample for platform in chosen for sample in samples_of(platform)]
    return pytest.mark.parametrize("sample", found, ids=lambda sample: f"{sample.platform}-{sample.name}")


def each_topic() -> pytest.MarkDecorator:
    """Run a test for each topic of each platform, and for a topic that the platform does not have."""
    found = [(platform, topic) for platform in PLATFORMS for topic in (*platform.topic_names(), UNKNOWN_TOPIC)]
    return pytest.mark.parametrize(("platform", "topic"), found, ids=[f"{of.name}-{topic}" for of, topic in found])


def each_parser() -> pytest.MarkDecorator:
    """Run a test for each parser of each platform, with the samples of all topics that it parses."""
    found: dict[tuple[str, Any], list[Sample]] = {}
    for platform in PLATFORMS:
        for sample in samples_of(platform):
            topic = platform.topic(sample.topic)
            found.setdefault((platform.name, topic and topic.parse), []).append(sample)
    ids = [f"{name}-{chosen[0].topic}" for (name, _), chosen in found.items()]
    return pytest.mark.parametrize("of_parser", found.values(), ids=ids)


# Signatures.


def signature_of(platform: Platform, webhook: Webhook) -> str:
    """Return the signature of a signed call."""
    if platform.signature.field:
        found: str = json.loads(webhook.body)[platform.signature.field]
        return found
    (name,) = (name for name in platform.signature.headers if name in webhook.headers)
    return webhook.headers[name]


def with_signature(platform: Platform, webhook: Webhook, value: str | None) -> Webhook:
    """Return the call with another signature, or with none."""
    if field := platform.signature.field:
        rest = {name: part for name, part in json.loads(webhook.body).items() if name != field}
        return replace(webhook, body=json.dumps(rest if value is None else rest | {field: value}).encode())
    names = [name for name in platform.signature.headers if name in webhook.headers]
    kept = {name: part for name, part in webhook.headers.items() if name not in names}
    return replace(webhook, headers=kept if value is None else kept | {names[0]: value})


def signed_sample(platform: Platform) -> Sample:
    """Return a sample of a topic that is used, whose call is signed."""
    field = platform.signature.field
    return next(
        sample
        for sample in samples_of(platform)
        if (topic := platform.topic(sample.topic)) and topic.kind is not Kind.UNUSED
        if not field or field in json.loads(call(sample).body)
    )


def refusal(platform: Platform, webhook: Webhook, shop: Shop) -> NotVerified | Unreadable:
    """Return why the call is refused. A signature within the body may make the body unreadable."""
    try:
        platform.verify(webhook, shop)
        if platform.signature.field:
            platform.read(webhook, shop)
    except (NotVerified, Unreadable) as error:
        return error
    raise AssertionError("the call verifies")


# Bodies.

ODD_TEXTS = ["", " ", "NaN", "-0", "1e40", "9" * 40, "0." + "0" * 38 + "1", "0000-00-00", "2026-10-05", "x" * 5000]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(ODD_TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
DROPPED = object()
PATHS = st.lists(st.integers(0, 200), min_size=1, max_size=6)
CHANGES = st.lists(st.tuples(PATHS, JSON | st.just(DROPPED)), min_size=1, max_size=3)


def altered(body: Any, changes: Iterable[tuple[list[int], Any]]) -> bytes:
    """Return the body with other values, or without values, at some places. A path picks a child at each level."""
    for path, value in changes:
        body = _with_part(body, path, value)
    return json.dumps(body).encode()


def _with_part(body: Any, path: list[int], value: Any) -> Any:
    if not path or not body or not isinstance(body, dict | list):
        return None if value is DROPPED else value
    keys = list(body) if isinstance(body, dict) else list(range(len(body)))
    key = keys[path[0] % len(keys)]
    copy = body.copy()
    if value is DROPPED and (len(path) == 1 or not isinstance(body[key], dict | list)):
        del copy[key]
    else:
        copy[key] = _with_part(body[key], path[1:], value)
    return copy


def with_texts(body: Any, path: Iterable[int], texts: Iterable[str]) -> Iterator[bytes]:
    """Yield the body with each of these JSON texts, valid or not, in place of the value at the path."""
    marked = altered(body, [(list(path), _MARK)])
    return (marked.replace(json.dumps(_MARK).encode(), text.encode()) for text in texts)


_MARK = "-> the text <-"


def numbers(body: Any, path: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """Return the path of every number in a body, also of those that are written as text."""
    return [place for place in places(body, path) if _is_number(_part(body, place))]


def _part(body: Any, path: tuple[int, ...]) -> Any:
    for place in path:
        body = (list(body.values()) if isinstance(body, dict) else body)[place]
    return body


def _is_number(part: Any) -> bool:
    return isinstance(part, int | float) or (isinstance(part, str) and bool(re.fullmatch(r"-?\d+(\.\d+)?", part)))


def places(body: Any, path: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """Return the path of every value in a body. The later values of a list are left out."""
    children = list(body.values()) if isinstance(body, dict) else body[:1] if isinstance(body, list) else []
    return [path, *(place for number, child in enumerate(children) for place in places(child, (*path, number)))]


def read(platform: Platform, topic: str, body: bytes) -> list[Any]:
    """Return the changes of a body; none if it is unreadable."""
    shop = shop_of(platform)
    with suppress(Unreadable):
        return [delivery.change for delivery in platform.read(signed_webhook(platform, topic, body, shop, NOW), shop)]
    return []


def each_answer() -> pytest.MarkDecorator:
    """Run a test for each answer of a platform's API, with the sample that has the longest one."""
    found: dict[tuple[str, str], Sample] = {}
    for platform in PLATFORMS:
        for sample in samples_of(platform):
            for name, answer in sample.answers.items():
                longest = found.setdefault((platform.name, name), sample)
                if len(answer or b"") > len(longest.answers[name] or b""):
                    found[platform.name, name] = sample
    cases = [(sample, name) for (_, name), sample in found.items()]
    return pytest.mark.parametrize(("sample", "name"), cases, ids=[f"{of.platform}-{name}" for of, name in cases])


def states(sample: Sample, changes: Iterable[Change], **answers: bytes | None) -> list[Change]:
    """Return the changes, with what is fetched in the place of thin ones. Other answers replace those of the sample.

    Raises:
        Unreadable: an answer is not what the platform documents.
    """
    platform = platforms.get(sample.platform)
    api = CannedApi(sample.answers | answers)
    return [with_state(change, platform, shop_of(platform), api) for change in changes]


def states_or_none(sample: Sample, body: bytes, **answers: bytes | None) -> list[Change]:
    """Return the states that follow from a body; none if it or an answer is unreadable."""
    with suppress(Unreadable):
        return states(sample, read(platforms.get(sample.platform), sample.topic, body), **answers)
    return []


def reads_body(change: Change) -> bool:
    """Return whether a change contains anything of the body."""
    return not isinstance(change, Nothing | ShopRedaction)


def stored_texts(change: Change) -> list[str]:
    """Return the texts of a change that become part of keys, of ledger entries or of recorded contacts."""
    contact = change.contact
    found = [change.cart_token, contact.email, contact.phone, contact.customer_id]
    found += [change.entity.id] if change.entity else []
    if isinstance(change, OrderChange):
        found += [*order_reference(change.order).values(), *(parcel.id for parcel in change.order.parcels)]
    if isinstance(change, CartChange | ViewChange):
        found.append((change.cart if isinstance(change, CartChange) else change.view).currency)
    if isinstance(change, ParcelArrived):
        found.append(change.parcel.id)
    if isinstance(change, Redaction):
        found += change.order_ids
    return [text for text in found if text]


# Personal values.

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
_PHONE = re.compile(r"\+\d[\d ()-]{8,}")


def personal_texts(sample: Sample) -> set[str]:
    """Return texts that tell who a person is, lower case: e-mail addresses, phones, names, streets, notes."""
    found = {text for text in texts(json.loads(sample.body)) if _EMAIL.fullmatch(text) or _PHONE.fullmatch(text)}
    platform = platforms.get(sample.platform)
    for delivery in platform.read(call(sample), shop_of(platform)):
        contact = delivery.change.contact
        found |= {part for part in (contact.email, contact.phone, contact.first_name, contact.last_name) if part}
        if isinstance(delivery.change, OrderChange):
            order = delivery.change.order
            parts = [*(order.delivery_address or "").split(", "), *(order.note or "").splitlines()]
            # A shorter part is the code of a country or region, or a postcode.
            found |= {part for part in parts if len(part) > 6}
    return {text.lower() for text in found}


def texts(value: Any) -> list[str]:
    """Return every value of a body as text."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


# Completeness.


def missing_rows(platform: Platform) -> list[str]:
    """Return what a platform lacks: one line for each file or attribute, with what to put there."""
    name, module = platform.name, f"shared/shopwire/platforms/{platform.name}/__init__.py"
    lines = [
        f"{module}: `{attribute}` is missing in the class. shared/shopwire/platforms/base.py says what it holds."
        for attribute in get_type_hints(Platform)
        if not hasattr(platform, attribute)
    ]
    try:
        found = samples(name)
    except ValueError as error:
        return [*lines, str(error)]
    topics_with_sample = {sample.topic for sample in found}
    for topic in platform.topic_names():
        path = folder(name).relative_to(ROOT) / f"{file_word(topic)}.json"
        if topic not in topics_with_sample:
            lines.append(f"{path} is missing. Put a whole body of the topic {topic} into it, with invented people.")
    changes = [change for sample in found for change in read(platform, sample.topic, sample.body)]
    lines += [
        f"{sample.fetched_path.relative_to(ROOT)} is missing. Put the API's answers into it, an object with "
        f"{', '.join(platform.fetched_names(sample.topic))}. `null` is an answer of 404."
        for sample in found
        if not sample.fetched_path.exists()
        and any(isinstance(change, ThinChange) for change in read(platform, sample.topic, sample.body))
    ]
    lines += _unlisted_parcels(changes) + _customers_without_beginning(changes)
    folders = [f"local/shopwire_testkit/{name}/__init__.py", f"tests/platforms/{name}"]
    lines += [f"{path} is missing." for path in folders if not (ROOT / path).exists()]
    lines += [
        f"{sample.expected_path.relative_to(ROOT)} is missing. Run `make expected` and check what it wrote."
        for sample in found
        if not sample.expected_path.exists()
    ]
    events = [f"events/{name}_{sample.path.stem.replace('--', '_')}.json" for sample in found]
    if any(not (ROOT / event).exists() for event in events):
        lines.append(f"events/{name}_*.json: files are missing. Run `make events`.")
    if name in platforms.OF_SHOPS:
        missing = [scenario.name for scenario in SCENARIOS if scenario not in scenarios_of(name)]
        if missing:
            path = f"local/shopwire_testkit/{name}/scenarios.py"
            lines.append(f"{path}: STEPS lacks {', '.join(missing)}. Carts may come from the storefront's samples.")
        page = f"docs/platforms/{name}.md"
        if not (ROOT / page).exists():
            lines.append(f"{page} is missing. It leads a shop from nothing to its first order in eSputnik.")
        if f"]({page})" not in (ROOT / "README.md").read_text(encoding="utf-8"):
            lines.append(f"README.md: the table of platforms has no row that links to {page}.")
    return lines


def _unlisted_parcels(changes: list[Change]) -> list[str]:
    """Return the fault if parcels arrive of which no order says that they exist."""
    arrived = any(isinstance(change, ParcelArrived) for change in changes)
    listed = any(isinstance(change, OrderChange) and change.order.parcels for change in changes)
    if not arrived or listed:
        return []
    return [
        "a parcel that arrives counts only if the order's snapshot lists it, and no sample of an order has `parcels`. "
        "Fill `Order.parcels`, or make the topic of the parcel a signal."
    ]


def _customers_without_beginning(changes: list[Change]) -> list[str]:
    """Return the fault if no customer says when the account was made, although people can be erased."""
    customers = [change for change in changes if isinstance(change, ContactChange)]
    is_erased = any(isinstance(change, Redaction) for change in changes)
    if not (is_erased and customers) or any(change.created_at is not None for change in customers):
        return []
    return [
        "a person who was erased and comes back is known again only if `ContactChange.created_at` is later than the "
        "erasure, and no sample of a customer has it. Use the time at which the account was made, or at which the "
        "webhook says that it was."
    ]
