"""An SQS client over one FIFO queue with high throughput: message groups, visibility, deduplication, redrive.

AWS, "FIFO queue delivery logic", "Exactly-once processing in Amazon SQS", "Amazon SQS visibility timeout".
"""

import hashlib
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

Hook = Callable[[str, str], None]

_LARGEST = 1 << 20
_DEDUPLICATION = 5 * 60_000
_LONGEST_INVISIBLE = 12 * 3_600_000
_RETENTION = 14 * 86_400_000
_MOST = 10


@dataclass(slots=True)
class _Message:
    id: str
    body: str
    group: str
    deduplication_id: str
    sent_at: int
    number: int
    receives: int = 0
    first_received_at: int = 0
    received_at: int = 0
    visible_at: int = 0
    handle: str = ""


@dataclass(slots=True)
class _Group:
    waiting: deque[_Message] = field(default_factory=deque)
    """In the order of sending, those in flight too."""
    deduplication: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)


class FakeQueue:
    """One FIFO queue, deduplication scope and throughput limit per message group.

    Args:
        clock: UTC milliseconds.
        visibility: milliseconds.
        dead_letters: where a message goes that was received more than `max_receives` times.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        hook: Hook | None = None,
        *,
        url: str,
        visibility: int = 30_000,
        dead_letters: "FakeQueue | None" = None,
        max_receives: int = 1000,
    ) -> None:
        if not 1 <= max_receives <= 1000:
            raise _error("InvalidParameterValue", "maxReceiveCount is between 1 and 1000", "CreateQueue")
        self._clock = clock
        self._hook = hook or (lambda operation, phase: None)
        self._url = url
        self._visibility = visibility
        self._dead_letters = dead_letters
        self._max_receives = max_receives
        self._groups: dict[str, _Group] = {}
        self._due: list[tuple[int, int, str]] = []
        self._handles: dict[str, _Message] = {}
        self._numbers = itertools.count(1)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def messages(self) -> Iterator[dict[str, Any]]:
        """Everything in the queue."""
        for group in self._groups.values():
            for message in group.waiting:
                yield _shown(message)

    def send_message(
        self, *, QueueUrl: str, MessageBody: str, MessageGroupId: str, MessageDeduplicationId: str
    ) -> dict[str, Any]:
        self._hook("send_message", "before")
        if len(MessageBody.encode()) > _LARGEST:
            raise _error("InvalidParameterValue", "Message must be shorter than 1048576 bytes.", "SendMessage")
        answer = self._send(MessageBody, MessageGroupId, MessageDeduplicationId)
        self._hook("send_message", "after")
        return answer

    def receive_message(
        self, *, QueueUrl: str, MaxNumberOfMessages: int = 1, AttributeNames: list[str] | None = None
    ) -> dict[str, Any]:
        self._hook("receive_message", "before")
        if not 1 <= MaxNumberOfMessages <= _MOST:
            raise _error("InvalidParameterValue", "MaxNumberOfMessages is between 1 and 10", "ReceiveMessage")
        now = self._clock()
        received: list[_Message] = []
        while self._due and self._due[0][0] <= now and len(received) < MaxNumberOfMessages:
            _, _, name = heapq.heappop(self._due)
            received += self._receive_group(name, MaxNumberOfMessages - len(received), now)
        self._hook("receive_message", "after")
        return {"Messages": [_shown(message) for message in received]} if received else {}

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> dict[str, Any]:
        self._hook("change_message_visibility", "before")
        now = self._clock()
        message = self._handles.get(ReceiptHandle)
        if message is None or message.visible_at <= now:
            raise _error("MessageNotInflight", "The message is not in flight", "ChangeMessageVisibility")
        until = now + VisibilityTimeout * 1000
        if until - message.received_at > _LONGEST_INVISIBLE:
            raise _error(
                "InvalidParameterValue", "Total VisibilityTimeout is beyond 12 hours", "ChangeMessageVisibility"
            )
        message.visible_at = until
        self._schedule(message.group)
        self._hook("change_message_visibility", "after")
        return {}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:
        self._hook("delete_message", "before")
        message = self._handles.pop(ReceiptHandle, None)
        # A FIFO queue does not delete by the handle of a receive whose visibility time-out is over.
        if message is not None and message.visible_at > self._clock():
            self._remove(message)
        self._hook("delete_message", "after")
        return {}

    def _send(self, body: str, group_name: str, deduplication_id: str) -> dict[str, Any]:
        now = self._clock()
        group = self._groups.setdefault(group_name, _Group())
        known = group.deduplication.get(deduplication_id)
        if known is not None and now - known[0] < _DEDUPLICATION:
            return dict(known[1])  # taken and not delivered, also when the first was consumed long since
        number = next(self._numbers)
        id = hashlib.sha256(f"{group_name}:{number}".encode()).hexdigest()[:32]
        answer = {"MessageId": id, "MD5OfMessageBody": "", "SequenceNumber": f"{number:020d}"}
        if len(group.deduplication) > 64:
            kept = {key: entry for key, entry in group.deduplication.items() if now - entry[0] < _DEDUPLICATION}
            group.deduplication = kept
        group.deduplication[deduplication_id] = (now, answer)
        group.waiting.append(_Message(id, body, group_name, deduplication_id, now, number))
        self._count += 1
        self._schedule(group_name)
        return dict(answer)

    def _receive_group(self, name: str, most: int, now: int) -> list[_Message]:
        group = self._groups[name]
        received: list[_Message] = []
        if any(message.visible_at > now for message in group.waiting):
            self._schedule(name)  # one of the group is in flight: the rest of it waits
            return received
        for message in list(group.waiting):
            if len(received) == most:
                break
            if now - message.sent_at > _RETENTION:
                self._remove(message)
                continue
            if message.receives >= self._max_receives and self._dead_letters is not None:
                self._remove(message)
                self._dead_letters._send(message.body, message.group, message.deduplication_id)
                continue
            message.receives += 1
            message.received_at = now
            message.first_received_at = message.first_received_at or now
            message.visible_at = now + self._visibility
            self._handles.pop(message.handle, None)
            message.handle = f"{message.id}#{message.receives}"
            self._handles[message.handle] = message
            received.append(message)
        self._schedule(name)
        return received

    def _remove(self, message: _Message) -> None:
        group = self._groups[message.group]
        group.waiting.remove(message)
        self._handles.pop(message.handle, None)
        self._count -= 1
        self._schedule(message.group)

    def _schedule(self, name: str) -> None:
        """Note when the group may be looked at: when its first message is visible and none before it is in flight."""
        group = self._groups[name]
        if group.waiting:
            # A group is locked as long as any of its messages is in flight.
            now = self._clock()
            in_flight = [message.visible_at for message in group.waiting if message.visible_at > now]
            first = group.waiting[0]
            due = first.visible_at if first.visible_at > now else (min(in_flight) if in_flight else now)
            heapq.heappush(self._due, (due, next(self._numbers), name))


def _shown(message: _Message) -> dict[str, Any]:
    return {
        "MessageId": message.id,
        "ReceiptHandle": message.handle,
        "Body": message.body,
        "MD5OfBody": "",
        "Attributes": {
            "SenderId": "simulated",
            "SentTimestamp": str(message.sent_at),
            "ApproximateReceiveCount": str(message.receives),
            "ApproximateFirstReceiveTimestamp": str(message.first_received_at),
            "SequenceNumber": f"{message.number:020d}",
            "MessageDeduplicationId": message.deduplication_id,
            "MessageGroupId": message.group,
        },
    }


def _error(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
