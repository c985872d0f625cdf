"""The API saves what every body becomes: our samples and, if SHOPWIRE_CORPUS names one, a folder of captured webhooks
(tests/support/corpus.py)."""

import json

import pytest

from shopwire import platforms
from shopwire.errors import Unreadable
from shopwire_testkit.expected import OWNER, result
from shopwire_testkit.fetched import CannedApi, with_state
from shopwire_testkit.samples import sample_shop, signed_webhook
from tests.support.corpus import BODIES, Body
from tests.support.emulated_api import problems

# These bodies are not what the platform sends.
_UNREADABLE = {
    "shopify/orders_cancelled--1.json": "id: missing",
}
_RECEIVED_AT = 1_798_761_600_000


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
@pytest.mark.parametrize("choice", ["events", "orders", "both"])
@pytest.mark.parametrize("captured", BODIES, ids=lambda captured: captured.name)
def test_api_saves_what_a_body_becomes(captured: Body, choice: str, known: bool) -> None:
    platform = platforms.get(captured.platform)
    shop = sample_shop(platform).model_copy(update={"orders": choice})
    webhook = signed_webhook(platform, captured.topic, captured.body, shop, _RECEIVED_AT)
    if captured.name in _UNREADABLE:
        with pytest.raises(Unreadable, match=f"^{_UNREADABLE[captured.name]}$"):
            platform.read(webhook, shop)
        return
    for delivery in platform.read(webhook, shop):
        change = with_state(delivery.change, platform, shop, CannedApi(captured.answers))
        found = result(change, shop, known=known, contact=OWNER if known else None)
        if isinstance(found, dict):
            assert found["outcome"] in ("ignored", "parked", "erased")
            continue
        assert found
        requests = [{"path": request.path, "body": json.loads(request.body)} for request in found]
        # The event of a fact contains less of its order than others.
        fact = change.version is None
        assert problems(requests, known=known, fact=fact) == []
