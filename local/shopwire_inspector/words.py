"""Outcomes as sentences: what happened, and what follows. The sentences about reasons are in `delivery/reasons.py`."""

from shopwire.delivery.reasons import SENTENCES, Reason

_CODES = frozenset(Reason)

OUTCOMES = {
    "in progress": "The webhook has arrived, and the function has not responded yet.",
    "delivered": "The API accepted all requests that follow from this webhook.",
    "queued": "It could not be delivered at once. It waits in the queue behind earlier changes of the same entity, and "
    "it is retried automatically.",
    "waiting": "The last attempt did not deliver it. The next attempt follows automatically.",
    "duplicate": "The same delivery was handled before. Platforms repeat a webhook when they get no answer in time. "
    "Nothing was sent.",
    "stale": "The API has, or may have, a later version of this entity. Nothing was sent, because this version would "
    "replace the later one.",
    "unchanged": "What would be sent does not differ from what was sent last, so nothing was sent.",
    "superseded": "A later version of the same entity was sent while this one waited. It was dropped, because it would "
    "replace the later one.",
    "ignored": "Nothing was sent, on purpose.",
    "parked": "shopwire stopped trying to deliver it. It is kept for 30 days. Replay it when the cause is fixed.",
    "unverified": "The signature is not valid, so nothing in it was used, stored or sent. The response was 401.",
    "invalid": "The body has mistakes that its sender can correct, so nothing in it was used, stored or sent. The "
    "response was 400 and lists all of them.",
    "unavailable": "Neither the queue nor the table could be reached. The response was 503, so the platform sends it "
    "again.",
    "refused": "The request was refused before its body was read.",
}


def explain(outcome: str, reason: str | None) -> list[str]:
    """Return sentences that explain the outcome and, if it is known, the reason."""
    what = OUTCOMES.get(outcome, "")
    why = SENTENCES[Reason(reason)] if reason in _CODES else ""
    return [sentence for sentence in (what, why) if sentence]
