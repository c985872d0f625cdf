"""`shopwire map`: what holds for each of our samples. test_map_examples.py compares some of them value by value."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shopwire import platforms
from shopwire_cli.main import main
from shopwire_testkit.samples import Sample, samples
from tests.support.emulated_api import problems

Captured = pytest.CaptureFixture[str]
SAMPLES = [sample for name in platforms.NAMES for sample in samples(name)]
EACH_SAMPLE = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.platform} {sample.name}")

# The requests that samples become with --known and with --new. "c" is v1/contact, "-" is nothing, the other
# words are in `WORDS`. A later platform
# needs no rows here, because the file beside each of its samples says the same.
REQUESTS = """
shopify app/uninstalled                                       -                       -
shopify carts/create                                          -                       -
shopify carts/update                                          -                       -
shopify carts/update--empty                                   -                       -
shopify checkouts/create                                      cartUpdated             c cartUpdated
shopify checkouts/create--anonymous                           -                       -
shopify checkouts/delete                                      -                       -
shopify checkouts/update                                      cartUpdated             c cartUpdated
shopify customers/create                                      c                       c
shopify customers/create--not_subscribed                      c add                   subscribe
shopify customers/create--without_consent                     c                       c
shopify customers/data_request                                -                       -
shopify customers/delete                                      -                       -
shopify customers/redact                                      -                       -
shopify customers/update                                      c                       c
shopify customers/update--no_phone                            c                       c
shopify customers_email_marketing_consent/update              c add                   subscribe
shopify customers_email_marketing_consent/update--pending     -                       -
shopify customers_email_marketing_consent/update--subscribed  c delete                c
shopify customers_marketing_consent/update                    c                       c
shopify fulfillment_events/create                             -                       -
shopify fulfillment_events/create--delivered                  -                       -
shopify fulfillments/create                                   -                       -
shopify fulfillments/update                                   -                       -
shopify fulfillments/update--delivered                        -                       -
shopify orders/cancelled                                      orderCancelled          c orderCreated orderCancelled
shopify orders/create                                         orderUpdated            c orderCreated
shopify orders/create--draft                                  orderUpdated            c orderCreated
shopify orders/create--guest_pos                              orderDelivered          c orderCreated orderDelivered
shopify orders/delete                                         -                       -
shopify orders/edited                                         -                       -
shopify orders/fulfilled                                      orderUpdated            c orderCreated
shopify orders/paid                                           orderUpdated            c orderCreated
shopify orders/partially_fulfilled                            orderUpdated            c orderCreated
shopify orders/updated                                        orderUpdated            c orderCreated
shopify orders/updated--delivered                             orderDelivered          c orderCreated orderDelivered
shopify orders/updated--discounts                             orderUpdated            c orderCreated
shopify orders/updated--gift_card_and_custom_line             orderUpdated            c orderCreated
shopify orders/updated--jpy                                   orderUpdated            c orderCreated
shopify orders/updated--kwd                                   orderUpdated            c orderCreated
shopify orders/updated--partly_refunded                       orderUpdated            c orderCreated
shopify orders/updated--presentment                           orderUpdated            c orderCreated
shopify orders/updated--refunded                              orderCancelled          c orderCreated orderCancelled
shopify orders/updated--taxes_included                        orderUpdated            c orderCreated
shopify refunds/create                                        -                       -
shopify shop/redact                                           -                       -
woocommerce customer.created                                  c                       c
woocommerce customer.created--staff                           -                       -
woocommerce customer.deleted                                  -                       -
woocommerce customer.updated                                  c                       c
woocommerce customer.updated--unsubscribed                    c add                   subscribe
woocommerce order.created                                     orderUpdated            c orderCreated
woocommerce order.created--error_body                         -                       -
woocommerce order.deleted                                     -                       -
woocommerce order.restored                                    orderUpdated            c orderCreated
woocommerce order.updated                                     orderUpdated            c orderCreated
woocommerce order.updated--cancelled                          orderCancelled          c orderCreated orderCancelled
woocommerce order.updated--completed                          orderDelivered          c orderCreated orderDelivered
woocommerce order.updated--coupon                             orderUpdated            c orderCreated
woocommerce order.updated--customer                           orderUpdated            c orderCreated
woocommerce order.updated--deleted_product                    orderUpdated            c orderCreated
woocommerce order.updated--draft                              -                       -
woocommerce order.updated--erased                             -                       -
woocommerce order.updated--failed                             orderCancelled          c orderCreated orderCancelled
woocommerce order.updated--float_quantity                     orderUpdated            c orderCreated
woocommerce order.updated--jpy                                orderUpdated            c orderCreated
woocommerce order.updated--newsletter                         orderUpdated            c orderCreated
woocommerce order.updated--no_newsletter                      orderUpdated            subscribe orderCreated
woocommerce order.updated--on_hold                            orderUpdated            c orderCreated
woocommerce order.updated--own_status                         orderUpdated            c orderCreated
woocommerce order.updated--partly_refunded                    orderUpdated            c orderCreated
woocommerce order.updated--prices_with_tax                    orderUpdated            c orderCreated
woocommerce order.updated--refunded                           orderCancelled          c orderCreated orderCancelled
woocommerce order.updated--sequential_number                  orderUpdated            c orderCreated
woocommerce order.updated--trash                              orderCancelled          c orderCreated orderCancelled
storefront cart                                               cartUpdated             c cartUpdated
storefront cart--empty                                        cartUpdated             c cartUpdated
storefront category                                           productCategoryViewed   c productCategoryViewed
storefront page                                               pageViewed              c pageViewed
storefront page--anonymous                                    -                       -
storefront page--deep_link                                    pageViewed              c pageViewed
storefront product                                            productViewed           c productViewed
storefront search                                             searchRequest           c searchRequest
storefront search--found                                      searchRequest           c searchRequest
storefront search--only_text                                  searchRequest           c searchRequest
storefront wishlist                                           productAddedToWishlist  c productAddedToWishlist
"""
ROWS = {
    tuple(name.split()): requests
    for name, *requests in (re.split(r" {2,}", line) for line in REQUESTS.strip().splitlines())
}
WORDS = {
    "v1/contact": "c",
    "v1/contact/subscribe": "subscribe",
    "v1/emails/unsubscribed/add": "add",
    "v1/emails/unsubscribed/delete": "delete",
}


def printed(capsys: Captured, sample: Sample, *options: str) -> str:
    """Return what `shopwire map` prints for the sample."""
    with tempfile.TemporaryDirectory() as folder:
        fetched = ["--fetched", *fetched_files(sample, Path(folder))] if sample.answers else []
        words = ["map", sample.platform, sample.topic, str(sample.path), "--region", "UA", *options, *fetched]
        assert main(words) == 0
    return capsys.readouterr().out


def fetched_files(sample: Sample, folder: Path) -> Iterator[str]:
    """Write the answers of the platform's API into files, and yield their paths in fetching order."""
    for name in platforms.get(sample.platform).fetched_names(sample.topic):
        file, answer = folder / f"{name}.json", sample.answers.get(name, b"")
        file.write_bytes(b"null" if answer is None else answer)
        yield str(file)


# tests/platforms/test_corpus.py checks the same for the samples of Shopify and WooCommerce.
@pytest.mark.parametrize("sample", samples("storefront"), ids=lambda sample: sample.name)
@pytest.mark.parametrize("mode", [["--known"], ["--new"], ["--contact", "who@example.com"]], ids=" ".join)
def test_api_saves_what_a_storefront_sample_becomes(capsys: Captured, sample: Sample, mode: list[str]) -> None:
    requests = json.loads(printed(capsys, sample, *mode))
    assert problems(requests, known=mode != ["--new"], fact=True) == []


@EACH_SAMPLE
def test_same_body_gives_the_same_bytes(capsys: Captured, sample: Sample) -> None:
    options = ("--new", "--contact", "who@example.com")
    assert printed(capsys, sample, *options) == printed(capsys, sample, *options)


@EACH_SAMPLE
def test_order_of_keys_escapes_and_unknown_fields_change_nothing(
    capsys: Captured, tmp_path: Path, sample: Sample
) -> None:
    body = json.loads(sample.body)
    platform = platforms.get(sample.platform)
    topic = platform.topic(sample.topic)
    assert topic
    # An unknown field of a storefront event is a property that the shop defines. What destroys has no unknown fields,
    # and where the sender can correct a body, an unknown field is a mistake.
    if sample.platform != "storefront" and not (topic.destroys or platform.reports_mistakes):
        body["x-unknown"] = {"deep": [None, 1, "x"]}
    file = tmp_path / "body.json"
    # Numbers keep their digits (10.0 is not 10.00), because the output repeats them.
    file.write_text(json.dumps(body, sort_keys=True, ensure_ascii=b"\\u" not in sample.body, indent=1))
    if sample.answers:
        (tmp_path / "body.fetched.json").write_bytes(sample.fetched_path.read_bytes())
    rewritten = Sample(sample.platform, sample.topic, sample.variant, file)
    options = ("--new", "--contact", "who@example.com")
    assert parsed(printed(capsys, rewritten, *options)) == parsed(printed(capsys, sample, *options))


def parsed(out: str) -> list[dict[str, Any]]:
    """Return the requests with params that hold JSON parsed, so that the order of their keys does not matter."""
    requests: list[dict[str, Any]] = json.loads(out)
    for request in requests:
        for param in request["body"].get("params", ()):
            if param["value"][:1] in "[{":
                param["value"] = json.loads(param["value"])
    return requests


def test_table_names_every_sample_of_its_platforms() -> None:
    tabled = {platform for platform, _ in ROWS}
    assert tabled >= {"shopify", "woocommerce", "storefront"}
    assert set(ROWS) == {(sample.platform, sample.name) for sample in SAMPLES if sample.platform in tabled}


@pytest.mark.parametrize(
    "sample",
    [sample for sample in SAMPLES if (sample.platform, sample.name) in ROWS],
    ids=lambda sample: f"{sample.platform} {sample.name}",
)
def test_sample_becomes_the_requests_of_the_table(capsys: Captured, sample: Sample) -> None:
    for mode, expected in zip(("--known", "--new"), ROWS[sample.platform, sample.name], strict=True):
        requests = json.loads(printed(capsys, sample, mode))
        words = (WORDS.get(request["path"]) or request["body"]["eventTypeKey"] for request in requests)
        assert (" ".join(words) or "-") == expected


@pytest.mark.parametrize("platform", platforms.NAMES)
@pytest.mark.parametrize("body", [b"{}", b'{"id": null}', b'{"id": [], "status": {}, "line_items": 7, "type": "page"}'])
def test_object_of_another_shape_is_exit_2_or_nothing_to_send(
    capsys: Captured, tmp_path: Path, platform: str, body: bytes
) -> None:
    file = tmp_path / "body.json"
    file.write_bytes(body)
    for topic in (*platforms.get(platform).topic_names(), "no/such.topic"):
        code = main(["map", platform, topic, str(file), "--new"])
        out, err = capsys.readouterr()
        assert (code, out) in [(2, ""), (0, "[]\n")]
        assert err.count("\n") == 1 or (err and platforms.get(platform).reports_mistakes)
