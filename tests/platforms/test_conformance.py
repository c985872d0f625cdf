"""What holds for every platform. A new platform is tested here as soon as it is registered.

A platform's own tests are in the folder of its name; they contain only what is particular to it.
"""

import itertools
import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopwire import platforms
from shopwire.errors import NotVerified, Unreadable, UnsignedCall
from shopwire.message import worth_keeping
from shopwire.models import (
    AccountDeleted,
    CartChange,
    ContactChange,
    Nothing,
    OrderChange,
    OrderDeleted,
    OrderSkipped,
    ParcelArrived,
    Reason,
    Redaction,
    ShopRedaction,
    ThinChange,
    ViewChange,
    Webhook,
)
from shopwire.models.change import Snapshot
from shopwire.platforms.base import Kind, Platform
from shopwire_inspector.masking import mask
from shopwire_testkit.expected import OWNER, expected_text, result
from shopwire_testkit.fresh import NotRefreshable, refresh
from shopwire_testkit.hostile import HOSTILE, HOSTILE_NUMBERS
from shopwire_testkit.samples import Sample, changed_at, signed_webhook, value_at
from tests.support.conformance import (
    CHANGES,
    JSON,
    NEXT_SECRET,
    NOW,
    PLATFORMS,
    SECRET,
    UNKNOWN_TOPIC,
    altered,
    call,
    each_answer,
    each_parser,
    each_platform,
    each_sample,
    each_topic,
    missing_rows,
    numbers,
    personal_texts,
    places,
    problem_of_class,
    read,
    reads_body,
    refusal,
    samples_of,
    shop_of,
    signature_of,
    signed_sample,
    states,
    states_or_none,
    stored_texts,
    texts,
    with_signature,
    with_texts,
)

WITH_SAMPLES = [platform for platform in PLATFORMS if samples_of(platform)]
# The storefront signs only the contact, and its signature is in the body.
BODY_IS_SIGNED = [platform for platform in WITH_SAMPLES if platform.signature.covers_body]
SECRETS_SIGN = [platform for platform in WITH_SAMPLES if platform.signature.headers]
STORE_IS_NAMED = [platform for platform in WITH_SAMPLES if platform.store_example]

CHANGES_OF_KIND: dict[Kind, tuple[type, ...]] = {
    Kind.SNAPSHOT: (OrderChange, CartChange, ContactChange, ViewChange),
    Kind.FACT: (ParcelArrived, OrderDeleted, AccountDeleted, Redaction, ShopRedaction),
    Kind.SIGNAL: (ThinChange,),
    Kind.UNUSED: (),
}


@pytest.mark.parametrize("name", platforms.NAMES)
def test_registered_class_exists(name: str) -> None:
    problem = problem_of_class(name)
    assert not problem, problem


@each_platform()
def test_nothing_is_missing(platform: Platform) -> None:
    missing = missing_rows(platform)
    assert not missing, f"{platform.title} is not complete:\n- " + "\n- ".join(missing)


@each_platform()
def test_attributes_of_the_platform_are_consistent(platform: Platform) -> None:
    names = platform.topic_names()
    assert len(set(names)) == len(names)
    for topic in platform.topics:
        assert (topic.parse is None) == (topic.kind is Kind.UNUSED), f"{topic.name}: only an unused topic has no parser"
    for name in (*platform.kept_headers, *platform.shown_headers, *platform.signature.headers):
        assert name == name.lower(), f"{name}: names of headers are in lower case"
    assert bool(platform.signature.headers) != bool(platform.signature.field)


# Signatures.


@each_sample()
def test_signed_sample_verifies_and_is_read_as_its_topic(sample: Sample) -> None:
    platform = platforms.get(sample.platform)
    webhook = call(sample)
    platform.verify(webhook, shop_of(platform))
    deliveries = platform.read(webhook, shop_of(platform))
    assert {delivery.topic for delivery in deliveries} == {sample.topic}
    topic = platform.topic(sample.topic)
    assert topic
    for change in (delivery.change for delivery in deliveries):
        assert isinstance(change, (*CHANGES_OF_KIND[topic.kind], Nothing, OrderSkipped)), (
            f"{sample.topic} is a {topic.kind}"
        )
        assert change != Nothing(Reason.UNKNOWN_TOPIC)
    if platform.signature.headers:
        assert webhook.body == sample.body, "`sign` must not change a sample, which names its topic and store itself"


@each_platform(WITH_SAMPLES)
def test_missing_signature_is_refused(platform: Platform) -> None:
    webhook = with_signature(platform, call(signed_sample(platform)), None)
    error = refusal(platform, webhook, shop_of(platform))
    expected = Reason.SIGNATURE_MISSING if platform.signature.headers else Reason.SIGNATURE_MISMATCH
    assert isinstance(error, NotVerified)
    assert error.reason is expected


WRONG_SIGNATURES = {
    "empty": lambda right: "",
    "blank": lambda right: " ",
    "truncated": lambda right: right[:-1],
    "beginning": lambda right: right[:10],
    "longer": lambda right: right + "=",
    "zero byte": lambda right: right + "\0",
    "other case": lambda right: right.swapcase(),
    "zeros": lambda right: "0" * len(right),
    "one letter not ASCII": lambda right: "\N{CYRILLIC CAPITAL LETTER A}" + right[1:],
    "not ASCII": lambda right: "підпис",
    "lone surrogates": lambda right: "\udcff\ud800",
    "enormous": lambda right: "a" * 100_000,
}


@pytest.mark.parametrize("wrong", WRONG_SIGNATURES.values(), ids=WRONG_SIGNATURES)
@each_platform(WITH_SAMPLES)
def test_wrong_signature_is_refused(platform: Platform, wrong: Callable[[str], str]) -> None:
    webhook = call(signed_sample(platform))
    other = with_signature(platform, webhook, wrong(signature_of(platform, webhook)))
    refusal(platform, other, shop_of(platform))


@each_platform(WITH_SAMPLES)
def test_signature_of_another_shop_is_refused(platform: Platform) -> None:
    webhook = call(signed_sample(platform), secrets=("another-shops",), storefront_secret="another-shops-secret")
    error = refusal(platform, webhook, shop_of(platform))
    assert isinstance(error, NotVerified)
    assert error.reason is Reason.SIGNATURE_MISMATCH


@each_platform(WITH_SAMPLES)
def test_both_secrets_verify_while_one_is_being_replaced(platform: Platform) -> None:
    for secret in (SECRET, NEXT_SECRET):
        webhook = call(signed_sample(platform), secrets=(secret,), storefront_secret=secret)
        platform.verify(webhook, shop_of(platform))


@each_platform([platform for platform in SECRETS_SIGN if platform.signature.covers_body])
def test_signature_of_another_body_is_refused(platform: Platform) -> None:
    sample = signed_sample(platform)
    for body in (b"", b"{}", sample.body + b" "):
        other = signed_webhook(platform, sample.topic, body, shop_of(platform), NOW)
        webhook = with_signature(platform, call(sample), signature_of(platform, other))
        refusal(platform, webhook, shop_of(platform))


@each_platform(BODY_IS_SIGNED)
@given(data=st.data())
def test_one_altered_byte_is_refused(platform: Platform, data: st.DataObject) -> None:
    webhook = call(signed_sample(platform))
    place, by = data.draw(st.integers(0, len(webhook.body) - 1)), data.draw(st.integers(1, 255))
    body = bytearray(webhook.body)
    body[place] ^= by
    error = refusal(platform, replace(webhook, body=bytes(body)), shop_of(platform))
    assert isinstance(error, NotVerified)


@each_platform(BODY_IS_SIGNED)
def test_body_that_was_serialised_again_is_refused(platform: Platform) -> None:
    webhook = call(signed_sample(platform))
    parsed = json.loads(webhook.body)
    spellings = [
        json.dumps(parsed, ensure_ascii=ascii, indent=indent) for ascii in (True, False) for indent in (None, 3)
    ]
    for body in {spelling.encode() for spelling in spellings} - {webhook.body}:
        refusal(platform, replace(webhook, body=body), shop_of(platform))


@each_platform(STORE_IS_NAMED)
def test_call_of_another_store_is_refused(platform: Platform) -> None:
    webhook = call(signed_sample(platform), store="another-store.example")
    error = refusal(platform, webhook, shop_of(platform))
    assert isinstance(error, NotVerified)
    assert error.reason is Reason.OTHER_STORE
    platform.verify(webhook, shop_of(platform, store=None))


@each_platform(WITH_SAMPLES)
def test_error_of_a_refused_call_contains_no_value(platform: Platform) -> None:
    sample = signed_sample(platform)
    others = [{"secrets": ("another-shops",), "storefront_secret": "another-shops-secret"}]
    if platform.store_example:
        others.append({"store": "another-store.example"})
    for other in others:
        text = str(refusal(platform, call(sample, **other), shop_of(platform))).lower()
        values = {SECRET, NEXT_SECRET, "another-shops", "another-store", signature_of(platform, call(sample))}
        assert [value for value in values | personal_texts(sample) if value.lower() in text] == []


@each_platform()
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_verification_of_any_body_raises_nothing_else(platform: Platform, body: bytes) -> None:
    for webhook in (Webhook({}, body, NOW), signed_webhook(platform, UNKNOWN_TOPIC, body, shop_of(platform), NOW)):
        with suppress(NotVerified, UnsignedCall):
            platform.verify(webhook, shop_of(platform))


@each_platform([platform for platform in PLATFORMS if platform.ping])
def test_ping_is_an_unsigned_call(platform: Platform) -> None:
    assert platform.ping
    with pytest.raises(UnsignedCall):
        platform.verify(Webhook(platform.ping.headers, platform.ping.body, NOW), shop_of(platform))


# Bodies that are not what the platform documents.


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"{}",
        b"{",
        b"[{}]",
        b"a=b&c=d",
        b"\xff\xfe",
        b"[" * 999 + b"]" * 999,
    ],
    ids=lambda body: repr(body[:10]),
)
@each_topic()
def test_body_without_content_means_nothing(platform: Platform, topic: str, body: bytes) -> None:
    assert not any(map(reads_body, read(platform, topic, body)))


@each_sample()
def test_truncated_or_wrongly_encoded_body_means_nothing(sample: Sample) -> None:
    platform, text = platforms.get(sample.platform), sample.body.decode()
    bodies = [sample.body[:length] for length in (1, len(sample.body) // 2, len(sample.body.rstrip()) - 1)]
    for body in (*bodies, text.encode("utf-16"), b"\xff" + sample.body):
        assert not any(map(reads_body, read(platform, sample.topic, body)))


@each_topic()
@settings(max_examples=30)
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_unreadable(platform: Platform, topic: str, body: bytes) -> None:
    read(platform, topic, body)


@each_parser()
@given(data=st.data(), changes=CHANGES)
def test_altered_sample_is_read_or_unreadable(
    of_parser: list[Sample], data: st.DataObject, changes: list[tuple[list[int], Any]]
) -> None:
    sample = data.draw(st.sampled_from(of_parser))
    body = altered(json.loads(sample.body), changes)
    read(platforms.get(sample.platform), sample.topic, body)


@each_parser()
def test_hostile_number_is_mapped_to_a_short_text_or_unreadable(of_parser: list[Sample]) -> None:
    sample = max(of_parser, key=lambda sample: len(sample.body))
    body = json.loads(sample.body)
    for place in numbers(body):
        for hostile in with_texts(body, place, HOSTILE_NUMBERS):
            read_and_map(sample, hostile)


@each_parser()
@given(data=st.data(), text=st.sampled_from(HOSTILE))
def test_hostile_value_is_mapped_to_a_short_text_or_unreadable(
    of_parser: list[Sample], data: st.DataObject, text: str
) -> None:
    sample = data.draw(st.sampled_from(of_parser))
    body = json.loads(sample.body)
    (hostile,) = with_texts(body, data.draw(st.sampled_from(places(body))), [text])
    read_and_map(sample, hostile)


def read_and_map(sample: Sample, body: bytes, **answers: bytes | None) -> None:
    platform = platforms.get(sample.platform)
    for change in states_or_none(sample, body, **answers):
        for known in (True, False):
            requests = result(change, shop_of(platform), known=known, contact=OWNER)
            if isinstance(requests, list):
                assert max((len(request.body) for request in requests), default=0) < 100_000


@each_parser()
def test_text_that_is_stored_has_at_most_255_characters(of_parser: list[Sample]) -> None:
    sample = max(of_parser, key=lambda sample: len(sample.body))
    platform, parsed = platforms.get(sample.platform), json.loads(sample.body)
    for place, text in itertools.product(places(parsed), ("x" * 256, f"{'x' * 300}@example.com", "9" * 5000, 10**300)):
        for change in read(platform, sample.topic, altered(parsed, [(list(place), text)])):
            assert max(map(len, stored_texts(change)), default=0) <= 255, place


@each_sample(BODY_IS_SIGNED)
def test_spelling_of_the_json_does_not_matter(sample: Sample) -> None:
    platform = platforms.get(sample.platform)
    unknown = {"x-unknown": {"deep": [None, 1, "x"]}}
    topic = platform.topic(sample.topic)
    has_exact_fields = platform.reports_mistakes or (topic and topic.destroys)
    body = json.loads(sample.body) | ({} if has_exact_fields else unknown)
    for spelling in (
        json.dumps(body, sort_keys=True, ensure_ascii=False, indent=1),
        json.dumps(dict(reversed(body.items())), separators=(",", ":")),
    ):
        assert read(platform, sample.topic, spelling.encode()) == read(platform, sample.topic, sample.body)


# Answers of a platform's API, for webhooks that carry no state.


@each_answer()
@settings(max_examples=50)
@given(data=st.data(), changes=CHANGES)
def test_altered_answer_is_read_or_unreadable(
    sample: Sample, name: str, data: st.DataObject, changes: list[tuple[list[int], Any]]
) -> None:
    answer = altered(json.loads(sample.answers[name] or b"null"), changes)
    states_or_none(sample, sample.body, **{name: answer})


@each_answer()
def test_answer_that_is_something_else_is_no_state(sample: Sample, name: str) -> None:
    answer = sample.answers[name] or b""
    for other in (b"null", b"7", b'"text"', b"<html></html>", answer[: len(answer) // 2], b'{"status": 404}'):
        assert not any(isinstance(found, Snapshot) for found in states_or_none(sample, sample.body, **{name: other}))


@each_answer()
def test_hostile_number_of_an_answer_is_mapped_to_a_short_text_or_unreadable(sample: Sample, name: str) -> None:
    answer = json.loads(sample.answers[name] or b"null")
    for place in numbers(answer):
        for hostile in with_texts(answer, place, HOSTILE_NUMBERS):
            read_and_map(sample, sample.body, **{name: hostile})


@each_answer()
@given(data=st.data(), text=st.sampled_from(HOSTILE))
def test_hostile_value_of_an_answer_is_mapped_to_a_short_text_or_unreadable(
    sample: Sample, name: str, data: st.DataObject, text: str
) -> None:
    answer = json.loads(sample.answers[name] or b"null")
    (hostile,) = with_texts(answer, data.draw(st.sampled_from(places(answer))), [text])
    read_and_map(sample, sample.body, **{name: hostile})


@each_answer()
def test_text_of_an_answer_that_is_stored_has_at_most_255_characters(sample: Sample, name: str) -> None:
    answer = json.loads(sample.answers[name] or b"null")
    for place, text in itertools.product(places(answer), ("x" * 256, f"{'x' * 300}@example.com", "9" * 5000, 10**300)):
        for change in states_or_none(sample, sample.body, **{name: altered(answer, [(list(place), text)])}):
            assert max(map(len, stored_texts(change)), default=0) <= 255, place


@each_answer()
def test_error_of_an_unreadable_answer_contains_no_value(sample: Sample, name: str) -> None:
    answer, value = json.loads(sample.answers[name] or b"null"), "canary@example.com +380501112233"
    changes = read(platforms.get(sample.platform), sample.topic, sample.body)
    for place, part in itertools.product(places(answer), (value, {value: {value: value}})):
        try:
            states(sample, changes, **{name: altered(answer, [(list(place), part)])})
        except Unreadable as error:
            text = f"{error} {error.field} {error.problem}"
            assert not re.search("canary|38050", text), text


# Private values.


@each_parser()
def test_error_of_an_unreadable_body_contains_no_value(of_parser: list[Sample]) -> None:
    sample = max(of_parser, key=lambda sample: len(sample.body))
    platform, parsed = platforms.get(sample.platform), json.loads(sample.body)
    shop, value = shop_of(platform), "canary@example.com +380501112233"
    for place, part in itertools.product(places(parsed), (value, {value: {value: value}})):
        body = altered(parsed, [(list(place), part)])
        try:
            platform.read(signed_webhook(platform, sample.topic, body, shop, NOW), shop)
        except Unreadable as error:
            text = f"{error} {error.field} {error.problem}"
            assert not re.search("canary|38050", text), text


@each_sample()
def test_kept_headers_suffice_to_read_and_contain_nothing_private(sample: Sample) -> None:
    platform, webhook = platforms.get(sample.platform), call(sample)
    kept = worth_keeping(dict(webhook.headers), platform.kept_headers)
    deliveries = platform.read(webhook, shop_of(platform))
    again = platform.read(replace(webhook, headers=kept), shop_of(platform))
    assert again == deliveries, "`kept_headers` lacks a header that `read` needs"
    assert not kept.keys() & set(platform.signature.headers), "`kept_headers` must not cover the signature"
    shown = {name: value for name, value in webhook.headers.items() if name.startswith(platform.shown_headers)}
    text = json.dumps([kept, shown], ensure_ascii=False).lower()
    private = [value for value in personal_texts(sample) if value in text]
    assert not private, "`kept_headers` or `shown_headers` covers a header with a personal value"


@each_sample()
def test_inspector_masks_every_personal_value(sample: Sample) -> None:
    shown = [text.lower() for text in texts(mask(json.loads(sample.body)))]
    digits = [re.sub(r"\D", "", text) for text in shown]
    for value in personal_texts(sample):
        assert not any(value in text for text in shown), "the inspector's masking.py shows a personal value"
        assert not value.isdigit() or value not in digits, "the inspector's masking.py shows a phone number"


# Samples.


@each_sample()
def test_sample_becomes_the_expected_result(sample: Sample) -> None:
    if sample.expected_path.exists():  # test_nothing_is_missing reports a missing file
        written = sample.expected_path.read_text(encoding="utf-8")
        assert expected_text(sample) == written, "Run `make expected` and check the difference."


def changed_second(change: OrderChange | CartChange | ContactChange) -> int | None:
    """Return when the entity changed, or the consent if the change is only that. Seconds since 1970."""
    if change.version is None:
        return change.contact.consent.at // 1000 if change.contact.consent else None
    return change.version // 10_000


@each_sample()
def test_sample_can_be_made_fresh(sample: Sample) -> None:
    platform, shop = platforms.get(sample.platform), shop_of(platforms.get(sample.platform))
    fields, parsed = platform.sample_fields, json.loads(sample.body)
    named = any(value_at(parsed, path) for path in fields.ids) or changed_at(parsed, fields)
    if not (named or fields.every_call_is_new):
        with pytest.raises(NotRefreshable, match="has none of the fields"):
            refresh(sample.body, fields, NOW)
        return
    body = refresh(sample.body, fields, NOW)
    webhook = signed_webhook(platform, sample.topic, body, shop, NOW)
    platform.verify(webhook, shop)
    old = platform.read(call(sample), shop)
    for before, after in zip(old, platform.read(webhook, shop), strict=True):
        assert type(after.change) is type(before.change)
        if isinstance(after.change, OrderChange | CartChange | ContactChange):
            assert after.entity != before.entity, "`sample_fields.ids` lacks the field that identifies the entity"
            # A body keeps its fraction of a second.
            moved = changed_second(after.change) == NOW // 1000
            assert moved, "`sample_fields.changed` must begin with the field that `updated_at` is read from"
