"""Messages as text: unpacking restores all that was packed, and accepts no other text."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import shopwire.message
from shopwire.errors import NewerMessageFormat
from shopwire.message import FORMAT, Message, unpack, worth_keeping
from shopwire.models import Webhook

MESSAGES = st.builds(
    lambda key, headers, body, query, times, platform: Message(
        "little-shop", key, Webhook(headers, body, times[0], query), times[1], times[2], platform
    ),
    st.text(),
    st.dictionaries(st.text(), st.text(), max_size=4),
    st.binary(max_size=2000),
    st.dictionaries(st.text(), st.text(), max_size=2),
    st.tuples(*[st.integers(0, 10**14)] * 3),
    st.sampled_from(["", "storefront"]),
)


@given(MESSAGES)
def test_unpacked_message_equals_the_packed_one(message: Message) -> None:
    text = message.pack()
    assert text.isascii()
    assert unpack(text) == message


def test_message_of_a_newer_format_is_recognised() -> None:
    packed = json.loads(Message("s", "k", Webhook({}, b"x", 1)).pack())
    with pytest.raises(NewerMessageFormat):
        unpack(json.dumps(packed | {"format": FORMAT + 1, "body": None}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "canary",
        "null",
        "[]",
        "{}",
        '{"format": "canary"}',
        '{"format": 1, "shop": "canary"}',
        '{"format": 1, "body": "canary"}',
        '{"format": 1, "body": "Y2FuYXJ5"}',
    ],
)
def test_other_text_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        unpack(text)
    assert "canary" not in str(error.value)


@pytest.mark.parametrize("field", ["shop", "key", "received_at", "not_before", "headers", "query", "platform", "body"])
@pytest.mark.parametrize("value", [None, True, 1.5, [], "\ud800" * 3])
def test_field_of_another_type_is_a_value_error(field: str, value: Any) -> None:
    packed = json.loads(Message("s", "k", Webhook({}, b"x", 1)).pack())
    if not isinstance(value, str) or field not in ("shop", "key", "platform"):
        with pytest.raises(ValueError, match=r"."):
            unpack(json.dumps(packed | {field: value}))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": 1, "shop": ' + "[" * 100_000, "9" * 5000])
def test_text_without_end_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(text)


FIELDS = ("shop", "key", "received_at", "not_before", "replayed_at", "headers", "query", "platform", "body")


@pytest.mark.parametrize("field", FIELDS)
def test_message_without_a_field_is_a_value_error(field: str) -> None:
    packed = json.loads(Message("s", "k", Webhook({}, b"x", 1)).pack())
    del packed[field]
    with pytest.raises(ValueError, match="not a message: KeyError"):
        unpack(json.dumps(packed))


def test_age_of_a_replayed_message_counts_from_the_replay() -> None:
    assert Message("s", "k", Webhook({}, b"", 5)).waits_since == 5
    assert Message("s", "k", Webhook({}, b"", 5), replayed_at=9).waits_since == 9


def test_headers_of_the_platform_are_kept_without_signatures() -> None:
    headers = {"x-shop-topic": "t", "x-shop-hmac-sha256": "s", "x-shop-signature": "s", "cookie": "c", "via": "v"}
    assert worth_keeping(headers, ("x-shop-",)) == {"x-shop-topic": "t"}


def test_body_that_unpacks_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shopwire.message, "_MAX_BODY_BYTES", 100)
    packed = Message("shop", "k", Webhook({}, b"x" * 1_000, 0)).pack()
    assert unpack(packed).webhook.body == b"x" * 100
