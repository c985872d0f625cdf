"""The rows of the lists: of webhooks, and of what is parked."""

from typing import Any

from shopwire.stores.parked import Parked
from shopwire_inspector.minutes import outcome_group
from shopwire_inspector.recorded import RecordedWebhook
from shopwire_inspector.times import format_moment, format_time

Row = dict[str, Any]

_TAIL = 6
"""The number of characters at the end of an id that are always visible, because ids differ there."""


def webhook_row(webhook: RecordedWebhook, now: int) -> Row:
    """Return a row of the list of webhooks. `now` is UTC milliseconds."""
    head, tail = cut_entity(webhook.entity or "")
    return {
        "id": webhook.id,
        "time": format_time(webhook.received_at, now),
        "moment": format_moment(webhook.received_at),
        "shop": webhook.shop,
        "topic": webhook.topic or "(not read)",
        "entity": webhook.entity or "",
        "entity_head": head,
        "entity_tail": tail,
        "outcome": webhook.outcome,
        "group": outcome_group(webhook.outcome),
        "sent": ", ".join(webhook.sent),
        "problem": "; ".join(f"not saved: {problem}" for problem in webhook.not_saved),
        "reason": webhook.last_reason or webhook.refusal or "",
        "attempts": webhook.attempt_count,
        "duration_ms": webhook.duration_ms,
    }


def parked_row(parked: Parked) -> Row:
    """Return a row of the list of parked webhooks."""
    times = f"{parked.tries} {'time' if parked.tries == 1 else 'times'}"
    return parked.summary | {
        "time": format_moment(parked.last),
        "first_time": format_moment(parked.first),
        "times": times,
    }


def cut_entity(entity: str) -> tuple[str, str]:
    """Return the entity in two parts. A narrow column cuts only the first one."""
    kind, space, id = entity.partition(" ")
    place = max(len(id) - _TAIL, 0)
    return f"{kind}{space}{id[:place]}", id[place:]
