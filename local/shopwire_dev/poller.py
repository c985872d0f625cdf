"""What AWS does by itself: the event source mapping of the retry queue, and the schedule of `upkeep`.

What stands in a message or an answer is not looked at, but for the ids of those that stay.
"""

import logging
import threading
import time
import traceback
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shopwire_dev.aws import REGION
from shopwire_dev.lambdas import Function, queue_record

_log = logging.getLogger(__name__)
_BATCH = 10
_REST_SECONDS = 0.5
# Short polling: while moto waits for messages it loses sight of the groups that others have in flight.
_IDLE_SECONDS = 0.15
_STOP_SECONDS = 5.0


class Poller:
    """Takes batches off a FIFO queue and invokes the function with them; deletes what it did not report as failed.

    Args:
        sqs: a boto3 client.
        threads: how many batches may be under way: the mapping's maximum concurrency.
    """

    def __init__(self, sqs: Any, queue_url: str, function: Function, threads: int = 4) -> None:
        self._sqs = sqs
        self.queue_url = queue_url
        self._function = function
        self._stop = threading.Event()
        self._busy = threading.Event()
        """Set while there is work for more than the one thread that looks into an empty queue."""
        self._threads = [
            threading.Thread(target=self._run, args=(n > 0,), name=f"poller-{n}", daemon=True) for n in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._busy.set()
        _join(self._threads)

    def _run(self, only_when_busy: bool) -> None:
        while not self._stop.is_set():
            try:
                if only_when_busy:
                    self._busy.wait()
                if self.poll_once():
                    self._busy.set()
                elif not self._stop.is_set():
                    self._busy.clear()
                    self._stop.wait(_IDLE_SECONDS)
            except (ClientError, BotoCoreError):
                self._stop.wait(_REST_SECONDS)  # SQS is broken: AWS's own poller tries on too
            except Exception:
                _log.error("poller: %s", traceback.format_exc(limit=3))
                self._stop.wait(_REST_SECONDS)

    def poll_once(self) -> bool:
        """Take one batch, if there is one, and deal with it; answers whether there was one."""
        messages = self._sqs.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=_BATCH,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            return False
        failed = self._failed({"Records": [_record(message, self.queue_url) for message in messages]})
        if failed is None:
            return True
        for message in messages:
            if message["MessageId"] not in failed:
                self._delete(message["ReceiptHandle"])
        return True

    def _delete(self, receipt_handle: str) -> None:
        # Given up at once, it would come again after the visibility time-out, its group held up until then.
        while True:
            try:
                self._sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=receipt_handle)
                return
            except (ClientError, BotoCoreError):
                if self._stop.wait(_REST_SECONDS):
                    return

    def _failed(self, event: dict[str, Any]) -> set[str] | None:
        """The ids that stay in the queue; None: all of them."""
        try:
            answer = self._function.invoke(event)
        except Exception:
            _log.error("retry: %s", traceback.format_exc(limit=3))
            return None
        # AWS, "Implementing partial batch responses": nothing listed is success, a malformed answer is failure.
        if answer is None:
            return set()
        if not isinstance(answer, dict):
            return None
        failures = answer.get("batchItemFailures")
        if failures is None:
            return set()
        known = {record["messageId"] for record in event["Records"]}
        try:
            ids = {failure["itemIdentifier"] for failure in failures}
        except (TypeError, KeyError):
            return None
        return ids if ids <= known else None


class Schedule:
    """Invokes a function every so often, never twice at once."""

    def __init__(self, function: Function, seconds: float) -> None:
        self._function = function
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="schedule", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        _join([self._thread])

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self._function.invoke({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
            except Exception:
                _log.error("%s: %s", self._function.name, traceback.format_exc(limit=3))


def _join(threads: Iterable[threading.Thread]) -> None:
    end = time.monotonic() + _STOP_SECONDS
    for thread in threads:
        thread.join(timeout=max(0.0, end - time.monotonic()))


def _record(message: dict[str, Any], url: str) -> dict[str, Any]:
    return queue_record(message) | {
        "messageAttributes": message.get("MessageAttributes", {}),
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:000000000000:{url.rpartition('/')[2]}",
        "awsRegion": REGION,
    }
