"""The fields of a ledger entry as sentences (`stores.entry.Entry`)."""

LEDGER_FIELDS = {
    "format": "The version of the entry's format.",
    "lease": "Which invocation works on the entity right now, until when, and on which delivery.",
    "crashes": "How many invocations in a row died while they worked on the same change. The third one parks it.",
    "version": "The latest state that was settled: its time and rank. An earlier state is stale.",
    "attempted_version": "A state that the API may have accepted, although no response came. An earlier one is stale.",
    "settled_keys": "Hashes of the last deliveries that were settled. The same delivery again is a duplicate.",
    "pending": "A change that waits, where it waits, and until when later changes wait behind it.",
    "tries": "How often the waiting change was tried.",
    "tries_key": "Hash of the delivery whose tries are counted.",
    "own_failures": "How often in a row the change failed while others of its shop were accepted. Too many park it.",
    "failing_since": "When the first of these failures was.",
    "unanswered": "Digest of a request that got no answer. The same content may be sent again.",
    "accepted": "Beginnings of the digests of the last accepted requests.",
    "sent": "What the API accepted last. A state with the same digest is unchanged, and is not sent.",
    "order_reference": "What the event of a milestone repeats of the order, such as its delivery.",
    "contact_ref": "The contact of the order or cart.",
    "contact_by_platform": "The platform named the cart's contact, so no visitor replaces it.",
    "named_identities": "Hashes of the addresses and ids under which the platform named the contact.",
    "open_parcels": "Parcels that are still under way. The order is delivered when none is left.",
    "arrived_parcels": "Parcels that a carrier reported as delivered.",
    "skipped": "The order is deliberately not sent: a draft, an ignored status, or a part of another order.",
    "deleted_at": "When the shop deleted the order.",
    "erased_at": "When the erasure request arrived that names the order.",
    "converted": "The cart became an order. No event of it is sent any more.",
    "parked_facts": "Parked milestones that are applied when the order arrives.",
    "needs_reconcile": "The platform may have a later state that it will never send.",
    "left_to_erase": "What a request made of an erased person at the API is still to be erased.",
    "fetched_at": "When the last fetch of the state from the platform's API began whose result was delivered.",
}
"""Field -> what it means."""

MOMENTS = ("failing_since", "deleted_at", "erased_at")
"""Fields that are times."""
