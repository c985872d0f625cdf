"""Checks that each request names persons of its own story only, and a cart or a visit the person whose it is."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from shopwire_testkit.announcements import CartState, Erasure, Meaning, Person, Purchase, Story, Visit

IDENTIFIERS = ("email", "phone", "externalCustomerId")


def persons(meaning: Meaning | None) -> Iterator[Person]:
    """Yield the person that a meaning names, if it names one."""
    state = meaning.state if isinstance(meaning, Purchase) else meaning
    person = getattr(state, "person", None)
    if isinstance(person, Person):
        yield person


def identities_of(story: Story) -> frozenset[str]:
    """Return every identity of the persons in a story."""
    of_persons = {
        value
        for meaning in story.meanings.values()
        for person in persons(meaning)
        for value in (person.email, person.phone, person.customer_id)
        if value
    }
    erasures = [meaning for meaning in story.meanings.values() if isinstance(meaning, Erasure)]
    return frozenset(of_persons.union(*(erasure.identities for erasure in erasures)))


def identifiers_of(path: str, body: bytes) -> dict[str, str]:
    """Return the identities that the body of a request contains, by their names."""
    sent: Any = json.loads(body)
    if path == "POST v1/event":
        sent = {param["name"]: param["value"] for param in sent["params"]}
    elif path == "POST v1/orders":
        (sent,) = sent["orders"]
    elif path in ("POST v1/contact", "POST v1/contact/subscribe"):
        sent = sent.get("contact", sent)
        names = {"email": "email", "sms": "phone"}
        channels = {names[channel["type"]]: channel["value"] for channel in sent["channels"]}
        sent = {name: sent[name] for name in ("externalCustomerId",) if name in sent} | channels
    else:
        return {}
    return {name: sent[name] for name in IDENTIFIERS if name in sent}


def contact_problem(
    meaning: CartState | Visit, key: str, params: Mapping[str, str], of_story: Collection[str]
) -> str | None:
    """Return what is wrong with the contact of the event of a cart or a visit.

    Args:
        key: the event's keyValue.
        of_story: every identity of the persons in its story.
    """
    sent = {name: params[name] for name in IDENTIFIERS if name in params}
    if key not in sent.values():
        return "keyValue is none of the event's own identifiers"
    if (wanted := next((sent[name] for name in IDENTIFIERS if name in sent), None)) and key != wanted:
        return "keyValue is not the first of the event's identifiers"
    if meaning.person is None or (isinstance(meaning, CartState) and meaning.by_other_customer):
        return None if key in of_story else "sent to a person who is not in its story"
    person = meaning.person
    named = {"email": person.email, "phone": person.phone, "externalCustomerId": person.customer_id}
    # A visitor names one address. The event of a cart whose contact is known has that contact's other identities too.
    is_exact = isinstance(meaning, Visit)
    if not is_exact and not person.customer_id and sent.get("externalCustomerId") in of_story:
        # It names the customer by the id, and the address that the customer's own webhook said last.
        return None
    wrong = [name for name in IDENTIFIERS if sent.get(name) != named[name] and (named[name] or is_exact)]
    return f"the event names another person than the webhook: {', '.join(wrong)}" if wrong else None
