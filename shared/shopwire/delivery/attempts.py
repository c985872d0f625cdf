"""What is recorded of a change that failed half way."""

from shopwire.delivery.task import Task
from shopwire.errors import RetryLater
from shopwire.esputnik import Verdict
from shopwire.stores.entry import EntryUpdate


def attempted(task: Task, update: EntryUpdate, failure: RetryLater | None = None) -> EntryUpdate:
    """Return what the entry records of a change that failed half way.

    If the API accepted one of its requests, or did not answer, then it has, or may have, this version, and no lower one
    may follow.

    Args:
        failure: why it waits; None if it does not.
    """
    answer = failure.answer if failure else None
    unanswered = failure.request if failure and answer and answer.verdict is Verdict.UNANSWERED else None
    recorded: EntryUpdate = {}
    if failure is None or answer:
        recorded["unanswered"] = unanswered
    if task.version is not None and (unanswered or "accepted" in update):
        recorded["attempted_version"] = task.version
    return recorded
