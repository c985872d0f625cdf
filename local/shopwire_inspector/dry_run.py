"""The dry run: what a webhook would send now. It reads the table, and writes, sends and queues nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shopwire.delivery.task import Task, bug_details, delivery_of, unreadable_failure
from shopwire.environment import Environment
from shopwire.errors import TableUnavailable, Unreadable
from shopwire.mapper import ApiRequest
from shopwire.message import Message
from shopwire.models import Nothing, Reason, Shop

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """The outcome with its reason, and the requests in sending order."""

    outcome: str
    reason: str | None = None
    details: Mapping[str, str | int] = field(default_factory=dict)
    requests: list[ApiRequest] = field(default_factory=list)


def dry_run(environment: Environment, shop: Shop, message: Message) -> DryRunResult:
    """Return what would happen if the message were handled now.

    Raises:
        TableUnavailable.
    """
    try:
        delivery = delivery_of(message, shop)
    except Unreadable as error:
        failure = unreadable_failure(error)
        return DryRunResult("parked", failure.reason, failure.details)
    except Exception as error:
        return DryRunResult("parked", Reason.INTERNAL_ERROR, bug_details(error))
    if delivery is None:
        return DryRunResult("parked", Reason.DELIVERY_NOT_FOUND)
    if isinstance(delivery.change, Nothing):
        return DryRunResult("ignored", delivery.change.reason, delivery.change.details)
    now = environment.clock()
    task = Task(shop, message, delivery, "dry-run", now + _MINUTE_MS, now + _MINUTE_MS)
    entry = environment.ledger.get(shop.id, task.entity, now)
    if task.key in entry.settled_keys:
        return DryRunResult("duplicate")
    if entry.is_past(task.version):
        return DryRunResult("superseded")
    try:
        outcome, requests = environment.handler.preview(task, entry)
    except TableUnavailable:
        raise
    except Exception as error:
        return DryRunResult("parked", Reason.INTERNAL_ERROR, bug_details(error))
    return DryRunResult(outcome.status, outcome.reason, outcome.details, requests)
