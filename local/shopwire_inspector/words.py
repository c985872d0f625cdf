"""Outcomes and reasons as sentences: what happened, and what follows or what a person can do. Only tables.

A test checks that each reason in the code has a sentence here.
"""

import re

OUTCOMES = {
    "in progress": "The webhook has arrived, and the function has not responded yet.",
    "delivered": "The API accepted all requests that follow from this webhook.",
    "queued": "It could not be delivered at once. It is stored durably behind earlier changes of the same entity, and "
    "it is retried automatically.",
    "waiting": "The last attempt did not deliver it. The next attempt follows automatically.",
    "duplicate": "The same delivery was handled before, because platforms repeat a webhook that they believe lost. "
    "Nothing was sent.",
    "stale": "The API has, or may have, a later version of this entity. Nothing was sent, because this version would "
    "replace the later one.",
    "unchanged": "What would be sent does not differ from what was sent last, so nothing was sent.",
    "superseded": "A later version of the same entity was sent while this one waited. It was dropped, because it would "
    "replace the later one.",
    "ignored": "It was deliberately not sent, and it is counted.",
    "parked": "No request can be made from it, or the API rejected the request permanently. It is kept for 30 days. "
    "Replay it when the cause is fixed.",
    "unverified": "The signature is not valid, so nothing in it was used, stored or sent. The response was 401.",
    "unavailable": "Neither the queue nor the table could be reached. The response was 503, so the platform sends it "
    "again.",
    "refused": "The request was refused before its body was read.",
}

# Regular expressions on the reason, the first that fits.
REASONS = (
    (
        r"anonymous",
        "Nobody is named by it, and the API takes events only of somebody. A cart gets its person from a checkout "
        "or an order with the same token, or from the storefront; its next change is sent then.",
    ),
    (
        r"(what waits was )?written by a newer shopwire",
        "A newer shopwire wrote it, or something that it must look through, and this one may not touch that: it waits "
        "until the newer one is deployed again.",
    ),
    (
        r"draft",
        "It is a draft: no order yet.",
    ),
    (
        r"error body.*",
        "The platform failed to write the order and sent an error in its place. Its next webhook of the order "
        "brings it.",
    ),
    (
        r"unknown topic",
        "No event follows from this topic. It may be switched off at the platform.",
    ),
    (
        r"staff account",
        "The account is one of the shop's staff, not a customer's.",
    ),
    (
        r"a deleted account is no wish to be forgotten",
        "An account was deleted; that alone asks nobody to forget the person.",
    ),
    (
        r"completed: the order tells",
        "The checkout was completed; the order that came of it tells the rest.",
    ),
    (
        r"signal: orders/updated brings the state",
        "It says that something changed, not what: orders/updated, which comes too, brings the state.",
    ),
    (
        r"signal: not delivered yet",
        "The parcel is still on its way; that it has arrived will be sent.",
    ),
    (
        r"signal.*",
        "It says that something changed, not what; another topic brings the state.",
    ),
    (
        r"test order",
        "A test order, and the shop's setting ignore_test_orders is on.",
    ),
    (
        r"old order",
        "The order is older than old_order_days when first seen: it is recorded, so that later changes are "
        "understood, and not sent.",
    ),
    (
        r"redacted",
        "The person, or the shop, asked to be forgotten.",
    ),
    (
        r"too old",
        "It is past the age up to which its kind is of use (views 1 hour, carts 24 hours, orders and contacts 3 days).",
    ),
    (
        r"the cart became an order",
        "The cart was bought: no cart event follows its purchase.",
    ),
    (
        r"parcel noted: the order is not wholly shipped",
        "The parcel's arrival is noted. The order counts as delivered when it is wholly shipped and each parcel "
        "has arrived.",
    ),
    (
        r"parcel noted: others are on their way",
        "The parcel's arrival is noted. The order counts as delivered when each of its parcels has arrived.",
    ),
    (
        r"the order was not sent",
        "It is about an order that was deliberately not sent.",
    ),
    (
        r"order not seen",
        "It is about an order that never came. It is applied by itself when the order shows up.",
    ),
    (
        r"the ping of a new webhook",
        "WooCommerce's unsigned ping when a webhook is created. It was not read.",
    ),
    (
        r"straight to the queue",
        "The shop failed three times in a row just now (or the direct budget is 0), so it went to the queue "
        "without a try.",
    ),
    (
        r"an earlier change is on its way",
        "An earlier change of the same entity is being sent or waits; this one lines up behind it so that nothing "
        "overtakes.",
    ),
    (
        r"an earlier change waits",
        "An earlier change of the same entity waits in the outbox; this one lines up behind it.",
    ),
    (
        r"the ledger does not answer",
        "DynamoDB did not answer. It waits in the queue until the ledger is back.",
    ),
    (
        r"the API did not answer",
        "No answer came in time: the API may have taken it or not. The same content is sent again.",
    ),
    (
        r"the API throttles.*",
        "The API asks for patience (429); the shop is paused for as long as it says.",
    ),
    (
        r"the API failed.*",
        "The API answered with an error that time heals.",
    ),
    (
        r"the API does not accept the shop's key.*",
        "The API does not accept the shop's key: its webhooks wait until esputnik_key is mended.",
    ),
    (
        r"the API refused .*",
        "The API says that the request itself is bad; sending it again would not help. Look at its answer below, "
        "mend the cause, replay.",
    ),
    (
        r"paused: .*",
        "The shop is paused, since its last calls failed. One message tries when the pause is over; then the rest "
        "follows.",
    ),
    (
        r"failed for itself.*",
        "It failed many times while other webhooks of its shop got through: the fault is its own.",
    ),
    (
        r"it stopped the function three times",
        "The function died over it three times; it is kept away from the others.",
    ),
    (
        r"not before",
        "It backs off: the time for the next try has not come.",
    ),
    (
        r"follows one that waits",
        "It stands behind one of the same entity that waits.",
    ),
    (
        r"somebody is at work on it",
        "Another invocation holds the entity at the moment.",
    ),
    (
        r"a change of its cart is being sent",
        "A change of the order's cart is being sent; the order follows it.",
    ),
    (
        r"more is to be deleted",
        "A person or a shop is being forgotten; there is more than one invocation can look through.",
    ),
    (
        r"no time left",
        "The time that the platform waits for its answer was over before the API could be asked.",
    ),
    (
        r"no such shop yet",
        "The list of shops is a moment old.",
    ),
    (
        r"the shop is not connected any more",
        "The shop's settings are gone.",
    ),
    (
        r"the delivery is not in its webhook any more",
        "The code as it is now reads another delivery out of this body.",
    ),
    (
        r"the entity's id is too long for a key",
        "The platform's id is longer than a key of the table may be.",
    ),
    (
        r"written by a newer shopwire",
        "A newer version of shopwire put it into the queue: it waits for that one.",
    ),
    (
        r"our bug: .*",
        "An error of our own; type and place are in the reason. After a correction, replay.",
    ),
    (
        r"\w+: .* is missing",
        "The view lacks what the API needs.",
    ),
    (
        r"X-\S+ is missing.*",
        "The call carries no signature: only the platform's own calls do.",
    ),
    (
        r"the signature does not match.*|the HMAC does not match.*",
        "The secret here is another than the platform's.",
    ),
    (
        r"another store's webhook.*",
        "The call is signed rightly, but by another store of the same app.",
    ),
    (
        r"the shop has no .*|the contact's signature.*",
        "Who the visitor is is not proved.",
    ),
    (
        r"[\w.]+: [\w_]+",
        "A field of the body is not what the platform documents: its name and what is wrong with it are the reason.",
    ),
)


def explain(outcome: str, reason: str | None) -> list[str]:
    """Return sentences that explain the outcome and, if it is known, the reason."""
    what = OUTCOMES.get(outcome, "")
    why = next((sentence for pattern, sentence in REASONS if reason and re.fullmatch(pattern, reason)), "")
    return [sentence for sentence in (what, why) if sentence]
