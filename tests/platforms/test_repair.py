"""What is odd in a body costs nothing else of it. It holds for each sample of every platform that signs its bodies."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from shopwire import platforms
from shopwire.errors import Unreadable
from shopwire.models import Entity, Nothing, Reason, Webhook
from shopwire.models.base import Amount, Id, Moment
from shopwire.platforms.base import Platform
from shopwire.platforms.parts import Body, Part, Parts, parse
from shopwire.platforms.repair import id_of, is_empty
from shopwire_testkit.samples import Sample, signed_webhook
from tests.support.conformance import NOW, PLATFORMS, each_sample, read, samples_of, shop_of

BODIES_ARE_SIGNED = [
    platform for platform in PLATFORMS if platform.signature.covers_body and not platform.reports_mistakes
]
"""The storefront's format and the generic one are our own: what is odd there is answered to the one who wrote it."""


def with_lists(value: Any, change: Callable[[list[Any]], Any]) -> Any:
    """Return a body with each list of objects changed, from the inside."""
    if isinstance(value, dict):
        return {name: with_lists(part, change) for name, part in value.items()}
    if not isinstance(value, list):
        return value
    entries = [with_lists(part, change) for part in value]
    return change(entries) if any(isinstance(entry, dict) for entry in entries) else entries


def as_php_writes_a_list_with_gaps(entries: list[Any]) -> dict[str, Any]:
    return {str(2 * place + 1): entry for place, entry in enumerate(entries)}


def as_unsaved_lines(entries: list[Any]) -> dict[str, Any]:
    return {f"new:line_items{place}": entry for place, entry in enumerate(entries)}


def with_nothing_between(entries: list[Any]) -> list[Any]:
    return [None, *(part for entry in entries for part in (entry, [], False, "", "text", 7))]


def destroys(sample: Sample) -> bool:
    topic = platforms.get(sample.platform).topic(sample.topic)
    return topic is not None and topic.destroys


@each_sample(BODIES_ARE_SIGNED)
@pytest.mark.parametrize("change", [as_php_writes_a_list_with_gaps, as_unsaved_lines, with_nothing_between])
def test_odd_list_costs_no_entry(sample: Sample, change: Callable[[list[Any]], Any]) -> None:
    platform = platforms.get(sample.platform)
    body = json.dumps(with_lists(json.loads(sample.body), change)).encode()
    if destroys(sample):
        assert body == sample.body or read(platform, sample.topic, body) in (
            [],
            read(platform, sample.topic, sample.body),
        )
        return
    assert read(platform, sample.topic, body) == read(platform, sample.topic, sample.body)


HALF, BYTE = b"\\ud83d", b"\xf0\x9f"


@each_sample(BODIES_ARE_SIGNED)
@pytest.mark.parametrize("damage", [HALF, BYTE], ids=["half of a character", "invalid bytes"])
def test_damaged_text_that_is_not_read_costs_nothing(sample: Sample, damage: bytes) -> None:
    platform, whole = platforms.get(sample.platform), sample.body.rstrip()
    body = whole.removesuffix(b"}") + b',"x_unread":"a \\\\ud83d ' + damage + b'"}'
    expected = [] if destroys(sample) else read(platform, sample.topic, sample.body)
    assert read(platform, sample.topic, body) == expected


@each_sample(BODIES_ARE_SIGNED)
def test_control_character_within_a_text_costs_nothing(sample: Sample) -> None:
    platform, whole = platforms.get(sample.platform), sample.body.rstrip()
    body = whole.removesuffix(b"}") + b',"x_unread":"a\x01b\nc\x00"}'
    expected = [] if destroys(sample) else read(platform, sample.topic, sample.body)
    assert read(platform, sample.topic, body) == expected


@each_sample(BODIES_ARE_SIGNED)
def test_byte_order_mark_is_no_part_of_the_body(sample: Sample) -> None:
    platform = platforms.get(sample.platform)
    expected = [] if destroys(sample) else read(platform, sample.topic, sample.body)
    assert read(platform, sample.topic, b"\xef\xbb\xbf" + sample.body) == expected


def snapshots() -> list[tuple[Platform, str]]:
    # Where the body names the topic, an empty one is of no topic.
    platforms = [of for of in BODIES_ARE_SIGNED if signed_webhook(of, "topic", b"{}", shop_of(of), NOW).body == b"{}"]
    return [(of, topic.name) for of in platforms for topic in of.topics if topic.parse and not topic.store_of]


@pytest.mark.parametrize(("platform", "topic"), snapshots(), ids=lambda value: getattr(value, "name", value))
@pytest.mark.parametrize("body", [b"", b" \n", b"[]", b"{}", b"null", b'""', b"false", b"\xef\xbb\xbf"])
def test_empty_body_is_ignored_with_a_reason(platform: Platform, topic: str, body: bytes) -> None:
    """There is nothing to replay, so a parked one would help no person."""
    assert read(platform, topic, body) == [Nothing(Reason.EMPTY_BODY)]


class Line(Body):
    """An entry of a list."""

    name: str | None = None
    price: Amount
    image: "Part[Line]" = None


class Example(Body):
    """A body with one field of each kind."""

    id: Id
    text: str | None = None
    moment: Moment | None = None
    flag: bool | None = None
    total: Amount | None = None
    line: Line | None = None
    lines: list[Line] | None = None
    extras: Parts[Line] = None


def example(**fields: Any) -> Example:
    return parse(Example, json.dumps({"id": 1, **fields}).encode())


@pytest.mark.parametrize("nothing", [False, [], "", " ", "0000-00-00 00:00:00"])
@pytest.mark.parametrize("field", ["moment", "flag", "line", "lines", "extras"])
def test_optional_value_that_says_nothing_is_missing(field: str, nothing: Any) -> None:
    found = example(**{field: nothing, "text": "a", "total": "1.50"})
    assert not getattr(found, field)
    assert (found.text, str(found.total)) == ("a", "1.50")


@pytest.mark.parametrize("odd", [False, True, [], ["a"], {}, {"a": 1}])
def test_optional_text_that_is_no_text_is_missing(odd: Any) -> None:
    assert example(text=odd).text is None
    assert example(lines=[{"name": odd, "price": 5}]).lines == [Line(price=Decimal(5))]


@pytest.mark.parametrize("entry", [{}, {"name": "Tea"}, {"price": None, "name": None} | {"price": None}])
def test_line_without_its_amount_is_left_out(entry: dict[str, Any]) -> None:
    entry.pop("price", None)
    found = example(lines=[entry, {"name": "Tea", "price": "2"}, entry, {"name": "Cup", "price": "3"}, entry])
    assert [line.name for line in found.lines or ()] == ["Tea", "Cup"]


def test_line_that_is_left_out_costs_nothing_of_the_next_one() -> None:
    assert example(lines=[{"name": []}, {"name": "Tea", "price": "2"}]).lines == [Line(name="Tea", price=Decimal(2))]


@pytest.mark.parametrize("odd", [7, "text", True, {"price": "x"}, [[1]]])
def test_entry_of_an_optional_list_costs_no_other(odd: Any) -> None:
    assert [line.name for line in example(extras=[odd, {"name": "Tea", "price": 1}]).extras or ()] == ["Tea"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"total": "money"}, "total: decimal_parsing"),
        ({"total": ""}, "total: decimal_parsing"),
        ({"total": []}, "total: decimal_type"),
        ({"lines": [{"price": "x"}]}, "lines.0.price: decimal_parsing"),
        ({"lines": {"3": {"price": "x"}}}, "lines.0.price: decimal_parsing"),
        ({"lines": [None, {"price": True}]}, "lines.0.price: decimal_type"),
        ({"lines": "text"}, "lines: list_type"),
        ({"lines": {"name": "Tea", "price": 1}}, "lines: list_type"),
        ({"moment": "soon"}, "moment: datetime_from_date_parsing"),
        ({"moment": "2026-01-01T00:00:00"}, "moment: timezone_aware"),
        ({"flag": "maybe"}, "flag: bool_parsing"),
        ({"line": "text"}, "line: model_type"),
        ({"line": {}}, "line.price: missing"),
        ({"id": ""}, "id: missing"),
        ({"id": False}, "id: missing"),
        ({"id": "\u200b"}, "id: unreadable_id"),
        ({"id": 0}, "id: unreadable_id"),
    ],
)
def test_what_says_something_unreadable_makes_the_body_unreadable(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(Unreadable, match=f"^{problem}$"):
        example(**fields)


@pytest.mark.parametrize("body", [b'{"id":"1\\udc00"}', b'{"id":"1\xff"}'])
def test_damaged_id_makes_the_body_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match=r"^id: unreadable_id$"):
        parse(Example, body)


def test_damaged_text_has_the_replacement_character() -> None:
    body = b'{"id":1,"text":"\\ud83d\\ude00 \\ud83d \\\\ud83d \xe2\x82"}'
    assert parse(Example, body).text == "😀 \ufffd \\ud83d \ufffd"


def test_many_problems_are_not_repaired() -> None:
    with pytest.raises(Unreadable):
        example(lines=[None] * 2_000)


@pytest.mark.parametrize(
    ("body", "id"),
    [
        (b'{"id": 71, "total": "x"}', "71"),
        (b'{"id": "71", "note": "\\ud83d"}', "71"),
        (b'{"id":71,"note":"cut off', "71"),
        (b'{"note":"cut off', None),
        (b'{"id": true}', None),
        (b'{"id": []}', None),
        (b"[71]", None),
        (b"\xff", None),
    ],
)
def test_id_of_an_unreadable_body(body: bytes, id: str | None) -> None:
    assert id_of(body, "id") == id


def test_body_with_content_is_not_empty() -> None:
    assert is_empty(b" [] ")
    assert not any(map(is_empty, (b"[1]", b'{"id":1}', b"0", b"x")))


@pytest.mark.parametrize(
    "sample", [samples_of(of)[0] for of in BODIES_ARE_SIGNED if of.entities], ids=lambda of: of.platform
)
def test_topic_and_order_of_an_unreadable_body_are_named(sample: Sample) -> None:
    platform = platforms.get(sample.platform)
    topic = next(topic for topic in platform.topic_names() if topic.startswith("order"))
    header = next(name for name in platform.shown_headers if name.startswith("x-")) + (
        "topic" if sample.platform == "shopify" else "webhook-topic"
    )
    assert platform.subject(Webhook({header: topic}, b'{"id":71,"total', 0)) == (topic, Entity("order", "71"))
    assert platform.subject(Webhook({}, b"[", 0)) == ("", None)
