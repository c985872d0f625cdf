"""The reasons of outcomes: every code, with one sentence for people about it.

The codes are `Reason` (`models/reason.py`), because the platforms give some of them and must not import this package.
Responses, log lines, metrics, the inspector and the command line use the code. Its sentence is written only here.
"""

from collections.abc import Mapping

from shopwire.models import Reason

__all__ = ["DETAILS", "SENTENCES", "Reason", "describe"]

DETAILS = ("cause", "error", "error_code", "fetched", "field", "http_status", "params", "path", "problem", "tries")
"""The fields that may accompany a reason in log lines and in parked webhooks."""

SENTENCES: dict[Reason, str] = {
    # Outcome `ignored`.
    Reason.ANONYMOUS: "It contains no contact, and the API accepts events only for a contact. A cart gets its contact"
    " from a checkout or an order with the same token, or from the storefront; its next change is sent then.",
    Reason.UNKNOWN_TOPIC: "shopwire does not use this topic. The webhook can be removed at the platform.",
    Reason.PING: "The platform checked whether the URL exists.",
    Reason.SIGNAL: "It says that something changed, but not what. Another webhook of the platform contains the state.",
    Reason.NOT_DELIVERED_YET: "The parcel is still under way. Its delivery will be sent.",
    Reason.DRAFT: "The order is a draft: nothing was bought yet.",
    Reason.STATUS_IGNORED: "The shop's setting `statuses` says that orders with this status are ignored.",
    Reason.SUB_ORDER: "It is a part of another order, which contains the whole purchase (setting `sub_orders`).",
    Reason.STAFF_ACCOUNT: "The account belongs to the shop's staff, not to a customer.",
    Reason.CHECKOUT_COMPLETED: "The checkout became an order. The order's own webhooks contain the rest.",
    Reason.CHECKOUT_DELETED: "A checkout was deleted. That says nothing about the cart.",
    Reason.ACCOUNT_DELETED: "An account was deleted, which is not an erasure request. Or a change of an account arrived"
    " after its deletion.",
    Reason.CONSENT_NOT_SAID: "It says neither that the customer wants marketing messages nor that they do not, such as"
    " while a confirmation is awaited.",
    Reason.DATA_REQUEST: "A customer asked the shop for their data. The shop answers such a request itself.",
    Reason.APP_UNINSTALLED: "The app was uninstalled, so the platform deleted its webhooks. The shop can be removed.",
    Reason.ERROR_BODY: "The platform could not write the body and sent an error in its place. The next webhook of the"
    " entity contains the state.",
    Reason.EMPTY_BODY: "The platform signed an empty body, as a plugin that removes everything of it does. The next"
    " webhook of the entity contains the state.",
    Reason.NO_PRICES: "The cart has no prices, and the API accepts no cart without them.",
    Reason.TEST_ORDER: "It is a test order, and the shop's setting `ignore_test_orders` is on.",
    Reason.OLD_ORDER: "The order was older than `old_order_days` when it was first seen. It is recorded, so that later"
    " changes are understood, but it is not sent.",
    Reason.CART_CONVERTED: "The cart became an order. No event of a cart is sent after its purchase.",
    Reason.CART_OF_ANOTHER_CONTACT: "A visitor sent the cart of a contact whom the platform named, but signed as"
    " another contact. The platform's own webhooks bring the cart.",
    Reason.PARTLY_SHIPPED: "The delivery of the parcel is recorded. The order counts as delivered when all of it is"
    " shipped and every parcel has arrived.",
    Reason.PARCELS_UNDERWAY: "The delivery of the parcel is recorded. The order counts as delivered when every parcel"
    " has arrived.",
    Reason.ORDER_NOT_SENT: "It concerns an order that was deliberately not sent.",
    Reason.ERASED: "The person, or the whole shop, was erased by an erasure request.",
    Reason.NOT_AT_PLATFORM: "The platform does not have it any more, such as a cart that became an order.",
    # Outcomes `queued` and `waiting`.
    Reason.QUEUED_FIRST: "It went to the queue without an attempt, because the last requests of the shop failed,"
    " the direct budget is 0, or the whole shop is being erased.",
    Reason.EARLIER_CHANGE_PENDING: "An earlier change of the same entity waits or is being sent. This one waits behind"
    " it, so that nothing overtakes.",
    Reason.EARLIER_MESSAGE_WAITS: "An earlier message of the same entity in this batch is not finished.",
    Reason.LEASE_HELD: "Another invocation holds the lease of the entity.",
    Reason.CART_BUSY: "A change of the order's cart is being sent. The order follows it.",
    Reason.CONTACT_BUSY: "Other webhooks of the same person are being sent.",
    Reason.NOT_DUE: "The next attempt is not due yet.",
    Reason.NO_TIME_LEFT: "The time budget ended before the API could be asked.",
    Reason.SHOP_PAUSED: "The shop is paused because its last requests failed. When the pause ends, one message probes"
    " whether the API accepts requests again; then the rest follows.",
    Reason.SHOP_NOT_LISTED_YET: "The shop was connected a moment ago, and the cached list of shops is older.",
    Reason.API_NO_ANSWER: "The API did not answer in time. It may have received the request, so the same content is"
    " sent again.",
    Reason.API_FAILED: "The API answered with a temporary error.",
    Reason.API_THROTTLED: "The API answered 429. The webhook waits for as long as the API asks for, otherwise 1 to 2"
    " seconds, and longer while it goes on.",
    Reason.API_REPEATED: "The API received the same request less than a minute ago, and it is not known what became of"
    " it. The request is sent again after that minute.",
    Reason.API_UNAUTHORIZED: "The API does not accept the shop's key. eSputnik switches off a key that was not used for"
    " 90 days, and a key needs the rights for events and for contacts: `path` says which request was refused. The"
    " shop's webhooks wait until `esputnik_key` is right.",
    Reason.PLATFORM_NO_ANSWER: "The platform's API did not answer in time. `fetched` says what it was asked for.",
    Reason.PLATFORM_FAILED: "The platform's API answered with a temporary error.",
    Reason.PLATFORM_THROTTLED: "The platform's API answered 429. The webhook waits for as long as it asks for.",
    Reason.PLATFORM_UNAUTHORIZED: "The platform's API does not accept the shop's token, or the token lacks a right:"
    " `fetched` says for what. The shop's webhooks wait until the setting `api` is right.",
    Reason.PLATFORM_PAUSED: "The platform's API is not asked for now, because its last answers were failures. When the"
    " pause ends, one message probes it; then the rest follows.",
    Reason.FETCHED_JUST_NOW: "The state was fetched less than five seconds ago. The next fetch serves all webhooks that"
    " arrive until then.",
    Reason.FETCHED_OLD_STATE: "The platform's API answered with an older state than it did before. It is asked again.",
    Reason.FETCHED_TOO_SOON: "What was fetched right after the change may be older than the change. It was sent, and is"
    " fetched once more ten seconds after the webhook arrived.",
    Reason.LEDGER_UNAVAILABLE: "DynamoDB did not answer. The webhook waits in the queue until it does.",
    Reason.SETTINGS_UNAVAILABLE: "SSM did not answer, and the settings of the shop are not in the cache.",
    Reason.SETTINGS_WRONG: "The settings of the shop are wrong. `shopwire shop list` says which field.",
    Reason.MORE_TO_ERASE: "The erasure request needs several invocations.",
    Reason.NEWER_FORMAT: "A newer release of shopwire wrote it. It waits until that release is deployed again.",
    Reason.NOT_A_MESSAGE: "The queue contains something that shopwire did not write.",
    # Outcome `parked`.
    Reason.UNREADABLE: "The body is not what the platform documents. `field` and `problem` say where and how.",
    Reason.TOPIC_MISMATCH: "The body does not fit its topic, so nothing was done with it. The topic is not signed, so a"
    " captured webhook can be sent again under another one. `field` and `problem` say what does not fit.",
    Reason.STORE_NOT_NAMED: "The request erases people, so its signed body must name the shop's `store`. Set `store` to"
    " the shop's own name at the platform and replay it, if the request is genuine.",
    Reason.REPEATED_ERASURE: "The same erasure request was executed before, and the person, or the shop, may have come"
    " back since. Replay it if it is a new request.",
    Reason.INCOMPLETE: "The API needs a field that is missing. `field` says which.",
    Reason.ADDRESS_UNUSABLE: "It names an e-mail address or a phone, but none that can be used, and the API finds a"
    " contact by nothing else. Correct the address in the shop. The webhook of that change is sent.",
    Reason.ID_TOO_LONG: "The platform's id is longer than a key of the table may be.",
    Reason.TOO_LARGE: "What it says is larger than what can be sent or recorded. What fits was recorded, so that its"
    " later changes are understood.",
    Reason.INTERNAL_ERROR: "shopwire has a bug. `error` says its type and place. Fix the bug, deploy, then replay.",
    Reason.BREAKS_API_RULE: "The API would refuse or ignore what shopwire made of it. `field` says which value. This is"
    " a bug of shopwire: fix it, deploy, then replay.",
    Reason.API_REJECTED: "The API rejected the request permanently. Look at its response, fix the cause, then replay."
    " `params` are the params that its answer lists: those that it expects, if the validation of the event type is"
    " switched on. `problem` is why an order of v1/orders failed; such an answer is 200.",
    Reason.PLATFORM_REJECTED: "The platform's API refused the request for what `fetched` says, or its answer is larger"
    " than 5 MB.",
    Reason.PLATFORM_ACCESS_MISSING: "The shop's settings `store` and `api` do not say how its platform's API is asked."
    " Correct them, then replay.",
    Reason.KEEPS_FAILING: "It failed many times while other webhooks of its shop were accepted, so the cause is in it.",
    Reason.CRASHES: "The function was terminated three times during this webhook.",
    Reason.TOO_OLD: "It is older than the maximum age of its kind (views 1 hour, carts 24 hours, others 3 days).",
    Reason.ORDER_NOT_SEEN: "It concerns an order that never arrived. It is applied automatically when the order"
    " arrives.",
    Reason.DELIVERY_NOT_FOUND: "This release finds no delivery with the recorded key in the body.",
    Reason.SHOP_DISCONNECTED: "The settings of the shop were removed.",
    # Outcome `unverified`.
    Reason.SIGNATURE_MISSING: "The call has no signature. Only the platform's own calls have one.",
    Reason.SIGNATURE_MISMATCH: "The signature does not match any secret of the shop.",
    Reason.STORE_MISSING: "The signature is valid, but the call does not name the store that it comes from, and the"
    " shop has a `store`.",
    Reason.OTHER_STORE: "The signature is valid, but the call comes from another store.",
    Reason.NO_STOREFRONT_SECRET: "The shop has no `storefront_secret`, so that the contact of a visitor cannot be"
    " verified.",
}


def describe(reason: str | None, details: Mapping[str, str | int]) -> str:
    """Return the code with its details, for people: "api_failed (http_status 503)"."""
    facts = ", ".join(f"{name} {value}" for name, value in details.items())
    return f"{reason or ''} ({facts})".strip() if facts else reason or ""
