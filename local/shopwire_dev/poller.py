"""What AWS runs in a deployed stack: the event source mapping of the retry queue, and the schedule of `upkeep`.

Neither reads message bodies. Of a handler's result, only the ids of failed messages matter.
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
_BATCH_SIZE = 10
_ERROR_PAUSE_SECONDS = 0.5
# With long polling, moto does not see which groups other consumers have in flight, so this is short polling.
_IDLE_SECONDS = 0.15
_STOP_TIMEOUT_SECONDS = 5.0


class Poller:
    """Receives batches from a FIFO queue and invokes a function with them.

    It deletes the messages that the function did not report as failed.

    Args:
        sqs: a boto3 client.
        threads: maximum number of batches in progress, like the maximum concurrency of an event source mapping.
    """

    def __init__(self, sqs: Any, queue_url: str, function: Function, threads: int = 4) -> None:
        self._sqs = sqs
        self.queue_url = queue_url
        self._function = function
        self._stop = threading.Event()
        self._busy = threading.Event()
        """Set while the queue is not empty. Only one thread polls an empty queue."""
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
                self._stop.wait(_ERROR_PAUSE_SECONDS)  # SQS fails; AWS's own poller also continues
            except Exception:
                _log.error("poller: %s", traceback.format_exc(limit=3))
                self._stop.wait(_ERROR_PAUSE_SECONDS)

    def poll_once(self) -> bool:
        """Receive and handle one batch. Return False if the queue was empty."""
        messages = self._sqs.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=_BATCH_SIZE,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            return False
        failed_ids = self._invoke({"Records": [_record(message, self.queue_url) for message in messages]})
        if failed_ids is None:
            return True
        for message in messages:
            if message["MessageId"] not in failed_ids:
                self._delete(message["ReceiptHandle"])
        return True

    def _delete(self, receipt_handle: str) -> None:
        # A message that is not deleted blocks its group until the visibility timeout, so the deletion is repeated.
        while True:
            try:
                self._sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=receipt_handle)
                return
            except (ClientError, BotoCoreError):
                if self._stop.wait(_ERROR_PAUSE_SECONDS):
                    return

    def _invoke(self, event: dict[str, Any]) -> set[str] | None:
        """Invoke the function. Return the ids of the messages that stay in the queue, or None if all of them stay."""
        try:
            result = self._function.invoke(event)
        except Exception:
            _log.error("retry: %s", traceback.format_exc(limit=3))
            return None
        # AWS, "Implementing partial batch responses": an empty list means success, a malformed result means failure.
        if result is None:
            return set()
        if not isinstance(result, dict):
            return None
        failures = result.get("batchItemFailures")
        if failures is None:
            return set()
        received_ids = {record["messageId"] for record in event["Records"]}
        try:
            failed_ids = {failure["itemIdentifier"] for failure in failures}
        except (TypeError, KeyError):
            return None
        return failed_ids if failed_ids <= received_ids else None


class Schedule:
    """Invokes a function at an interval in seconds, one invocation at a time."""

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
    """Wait for the threads to end, at most `_STOP_TIMEOUT_SECONDS` for all of them."""
    end = time.monotonic() + _STOP_TIMEOUT_SECONDS
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
