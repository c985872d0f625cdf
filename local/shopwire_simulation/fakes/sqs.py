"""A fake SQS client with one FIFO queue in memory. Deduplication scope and throughput limit are the message group.

See AWS, "FIFO queue delivery logic in Amazon SQS", "Exactly-once processing in Amazon SQS", "Amazon SQS visibility
timeout", "Amazon SQS delay queues", "Using dead-letter queues in Amazon SQS" and "Amazon SQS message quotas". AWS does
not document in which order groups are served. Here it is the order in which they became free.
"""

import hashlib
import heapq
import itertools
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from shopwire_simulation.fakes.errors import client_error
from shopwire_simulation.fakes.operations import Clock, FakeClient, Hook, operation

_DEDUPLICATION_MS = 5 * 60_000
_MAX_VISIBILITY_SECONDS = 43_200
_MAX_RECEIVE_COUNT = 1000
_MAX_MESSAGES = 10
# AWS, SendMessage: the characters that a message must not contain, and the form of its group and deduplication ids.
_FORBIDDEN_CHARACTERS = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ID = re.compile(r"[!-~]{1,128}")
# AWS, SendMessageBatchRequestEntry: the form of an entry's id.
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_HANDLE = re.compile(r"receipt-(\d+)-(\d+)")


@dataclass(slots=True, eq=False)
class _Message:
    """A message. `searchable` is True if SQS looks at it, `removed` if it is not in the queue any more."""

    number: int
    id: str
    body: str
    md5: str
    group: str
    deduplication_id: str
    sent_at: int
    delayed_until: int = 0
    receives: int = 0
    first_received_at: int = 0
    received_at: int = 0
    visible_at: int = 0
    source: str = ""
    searchable: bool = False
    removed: bool = False


@dataclass(slots=True)
class _Group:
    messages: deque[_Message] = field(default_factory=deque)
    """All messages of the group in the order of sending, also those in flight."""
    in_flight: list[_Message] = field(default_factory=list)
    ticket: int = 0
    """The ticket of the group's valid place in the schedule, or 0 if it has none."""


class FakeQueue(FakeClient):
    """One FIFO queue. Durations are milliseconds.

    Args:
        clock: returns UTC milliseconds.
        visibility: how long a received message stays invisible.
        delay: how long a new message stays invisible.
        dead_letters: the queue to which a message goes after it was received `max_receives` times.
        retention: how long a message is kept.
        largest: the longest body of a message, in bytes.
        look_ahead: how many messages of a backlog SQS searches for groups. None: all.
    """

    def __init__(
        self,
        clock: Clock,
        hook: Hook | None = None,
        *,
        url: str,
        visibility: int = 30_000,
        delay: int = 0,
        dead_letters: "FakeQueue | None" = None,
        max_receives: int = _MAX_RECEIVE_COUNT,
        retention: int = 14 * 86_400_000,
        largest: int = 1 << 20,
        look_ahead: int | None = 120_000,
    ) -> None:
        super().__init__(hook)
        if not 1 <= max_receives <= _MAX_RECEIVE_COUNT:
            raise _invalid("create_queue", max_receives, "maxReceiveCount", "valid values are from 1 to 1000")
        self._clock = clock
        self._url = url
        self._visibility = visibility
        self._delay = delay
        self._dead_letters = dead_letters
        self._max_receives = max_receives
        self._retention = retention
        self._largest = largest
        self._look_ahead = look_ahead
        self._numbers = itertools.count(1)
        self._tickets = itertools.count(1)
        self._last = 0
        self._messages: OrderedDict[int, _Message] = OrderedDict()
        self._groups: dict[str, _Group] = {}
        self._schedule: list[tuple[int, int, str]] = []
        """When a group becomes free, the ticket of this place in the schedule, and the group. A heap."""
        self._deduplication_answers: dict[tuple[str, str], dict[str, Any]] = {}
        """The answers to the messages of the last five minutes, by group and deduplication id."""
        self._deduplication_times: deque[tuple[int, tuple[str, str]]] = deque()
        self._searchable_count = 0
        self._beyond_search: deque[_Message] = deque()
        self.refuses_entry: Callable[[], bool] = lambda: False
        """Returns whether the next entry of a batch fails inside of SQS."""

    def __len__(self) -> int:
        return len(self._messages)

    def messages(self) -> Iterator[dict[str, Any]]:
        """Return all messages in the order of sending, in the form in which a consumer receives them."""
        return (_to_answer(message, ("All",)) for message in self._messages.values())

    def oldest_sent_at(self) -> int | None:
        """Return when the oldest message in the queue was sent, visible or not, or None if the queue is empty."""
        self._expire(self._clock())
        return next((message.sent_at for message in self._messages.values()), None)

    @operation
    def send_message(
        self, *, QueueUrl: str, MessageBody: str, MessageGroupId: str = "", MessageDeduplicationId: str = ""
    ) -> dict[str, Any]:
        self._check("send_message", QueueUrl)
        return self._send(MessageBody, MessageGroupId, MessageDeduplicationId)

    @operation
    def send_message_batch(self, *, QueueUrl: str, Entries: Collection[Mapping[str, Any]]) -> dict[str, Any]:
        self._check("send_message_batch", QueueUrl)
        _check_batch(Entries, self._largest)
        successful, failed = [], []
        for entry in Entries:
            arguments = {"MessageGroupId": "", "MessageDeduplicationId": "", **entry}
            id = arguments.pop("Id")
            if self.refuses_entry():
                failed.append({"Id": id, "SenderFault": False, "Code": "InternalError", "Message": "Internal error."})
                continue
            try:
                answer = self._send(
                    arguments.pop("MessageBody"),
                    arguments.pop("MessageGroupId"),
                    arguments.pop("MessageDeduplicationId"),
                )
            except ClientError as error:
                refusal = error.response["Error"]
                failed.append({"Id": id, "SenderFault": True, "Code": refusal["Code"], "Message": refusal["Message"]})
                continue
            if arguments:
                raise NotImplementedError(f"not simulated: {', '.join(arguments)}")
            successful.append({"Id": id, **answer})
        answers = {"Successful": successful, "Failed": failed}
        return {name: entries for name, entries in answers.items() if entries}

    def _send(self, MessageBody: str, MessageGroupId: str, MessageDeduplicationId: str) -> dict[str, Any]:
        if not MessageBody or not MessageGroupId:
            name = "MessageGroupId" if MessageBody else "MessageBody"
            raise client_error("send_message", "MissingParameter", f"The request must contain the parameter {name}.")
        if not MessageDeduplicationId:
            raise client_error(
                "send_message",
                "InvalidParameterValue",
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided"
                " explicitly",
            )
        for name, value in (("MessageGroupId", MessageGroupId), ("MessageDeduplicationId", MessageDeduplicationId)):
            if not _ID.fullmatch(value):
                raise _invalid(
                    "send_message", value, name, "it must have 1 to 128 letters, digits or punctuation marks"
                )
        text = MessageBody.encode("utf-8", "surrogatepass")
        if len(text) > self._largest:
            reason = f"One or more parameters are invalid. Reason: Message must be shorter than {self._largest} bytes."
            raise client_error("send_message", "InvalidParameterValue", reason)
        if _FORBIDDEN_CHARACTERS.search(MessageBody):
            raise client_error(
                "send_message", "InvalidMessageContents", "Invalid characters were found in the message."
            )
        now = self._clock()
        self._expire(now)
        deduplication_key = (MessageGroupId, MessageDeduplicationId)
        if deduplication_key in self._deduplication_answers:
            # The message is not delivered, even if the first one was consumed before.
            return dict(self._deduplication_answers[deduplication_key])
        number = next(self._numbers)
        id = hashlib.md5(f"{self._url} {number}".encode(), usedforsecurity=False).hexdigest()
        md5 = hashlib.md5(text, usedforsecurity=False).hexdigest()
        delayed_until = now + self._delay
        message = _Message(number, id, MessageBody, md5, MessageGroupId, MessageDeduplicationId, now, delayed_until)
        self._put(message, now)
        answer = {"MD5OfMessageBody": md5, "MessageId": id, "SequenceNumber": _sequence(number)}
        self._deduplication_answers[deduplication_key] = answer
        self._deduplication_times.append((now, deduplication_key))
        return dict(answer)

    @operation
    def receive_message(
        self,
        *,
        QueueUrl: str,
        MaxNumberOfMessages: int = 1,
        VisibilityTimeout: int | None = None,
        WaitTimeSeconds: int = 0,
        AttributeNames: Collection[str] = (),
        MessageSystemAttributeNames: Collection[str] = (),
        MessageAttributeNames: Collection[str] = (),
    ) -> dict[str, Any]:
        self._check("receive_message", QueueUrl)
        if not 1 <= MaxNumberOfMessages <= _MAX_MESSAGES:
            raise _invalid("receive_message", MaxNumberOfMessages, "MaxNumberOfMessages", "must be between 1 and 10")
        now = self._clock()
        self._expire(now)
        visibility = self._visibility if VisibilityTimeout is None else VisibilityTimeout * 1000
        received: list[_Message] = []
        served: list[str] = []
        while self._schedule and self._schedule[0][0] <= now and len(received) < MaxNumberOfMessages:
            _, ticket, name = heapq.heappop(self._schedule)
            group = self._groups.get(name)
            if group is None or group.ticket != ticket:
                continue
            served.append(name)
            group.in_flight = self._receive(group, MaxNumberOfMessages - len(received), now, now + visibility)
            group.ticket = 0  # a group is served once per answer
            received += group.in_flight
        for name in served:
            self._schedule_group(name, now)
        names = {*AttributeNames, *MessageSystemAttributeNames}
        return {"Messages": [_to_answer(message, names) for message in received]} if received else {}

    @operation
    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> dict[str, Any]:
        self._check("change_message_visibility", QueueUrl)
        name, now = "change_message_visibility", self._clock()
        if not 0 <= VisibilityTimeout <= _MAX_VISIBILITY_SECONDS:
            raise _invalid(name, VisibilityTimeout, "VisibilityTimeout", "must be between 0 and 43200")
        message = self._find(name, ReceiptHandle)
        if message is None:
            raise _invalid(name, ReceiptHandle, "ReceiptHandle", "Message does not exist or is not available")
        if message.visible_at <= now:
            code = "AWS.SimpleQueueService.MessageNotInflight"
            raise client_error(name, code, "The specified message isn't in flight.")
        until = now + VisibilityTimeout * 1000
        # The limit counts from the receipt. A change does not restart it.
        if until - message.received_at > _MAX_VISIBILITY_SECONDS * 1000:
            reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
            raise _invalid(name, VisibilityTimeout, "VisibilityTimeout", reason)
        message.visible_at = until
        self._schedule_group(message.group, now)
        return {}

    @operation
    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:
        self._check("delete_message", QueueUrl)
        now = self._clock()
        message = self._find("delete_message", ReceiptHandle)
        if message is not None:
            # On a FIFO queue a handle is not valid any more after the visibility time-out.
            if message.visible_at <= now:
                raise _invalid("delete_message", ReceiptHandle, "ReceiptHandle", "The receipt handle has expired.")
            self._remove(message, now)
        return {}

    @operation
    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Collection[str]) -> dict[str, Any]:
        self._check("get_queue_attributes", QueueUrl)
        now = self._clock()
        self._expire(now)
        invisible = sum(message.visible_at > now for group in self._groups.values() for message in group.in_flight)
        delayed = sum(message.delayed_until > now for message in self._messages.values()) if self._delay else 0
        attributes = {
            "ApproximateNumberOfMessages": len(self._messages) - invisible - delayed,
            "ApproximateNumberOfMessagesNotVisible": invisible,
            "ApproximateNumberOfMessagesDelayed": delayed,
            "VisibilityTimeout": self._visibility // 1000,
            "MessageRetentionPeriod": self._retention // 1000,
            "MaximumMessageSize": self._largest,
        }
        wanted = attributes if "All" in AttributeNames else {name: attributes[name] for name in AttributeNames}
        return {"Attributes": {name: str(value) for name, value in wanted.items()}}

    # -- messages --

    def _check(self, operation: str, url: str) -> None:
        if url != self._url:
            code = "AWS.SimpleQueueService.NonExistentQueue"
            raise client_error(operation, code, "The specified queue does not exist.")

    def _find(self, operation: str, handle: str) -> _Message | None:
        """Return the message that was received with this handle last, or None if it is deleted."""
        match = _HANDLE.fullmatch(handle)
        if match is None or int(match[1]) > self._last:
            raise client_error(operation, "ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        message = self._messages.get(int(match[1]))
        if message is not None and message.receives != int(match[2]):
            raise _invalid(operation, handle, "ReceiptHandle", "The receipt handle has expired.")
        return message

    def _put(self, message: _Message, now: int) -> None:
        self._last = message.number
        self._messages[message.number] = message
        group = self._groups.setdefault(message.group, _Group())
        group.messages.append(message)
        if self._look_ahead is None or self._searchable_count < self._look_ahead:
            message.searchable = True
            self._searchable_count += 1
            if len(group.messages) == 1:
                self._schedule_group(message.group, now)
        else:
            self._beyond_search.append(message)

    def _receive(self, group: _Group, limit: int, now: int, visible_at: int) -> list[_Message]:
        """Receive the first messages of a free group."""
        received: list[_Message] = []
        while len(received) < limit and len(received) < len(group.messages):
            message = group.messages[len(received)]
            if not message.searchable or message.delayed_until > now:
                break
            if self._dead_letters is not None and message.receives >= self._max_receives:
                self._remove(message, now)
                self._dead_letters._add_dead_letter(message, self._url)
                continue
            message.receives += 1
            message.received_at = now
            message.first_received_at = message.first_received_at or now
            message.visible_at = visible_at
            received.append(message)
        return received

    def _add_dead_letter(self, message: _Message, source: str) -> None:
        # The message keeps its id, which also becomes its deduplication id. Its retention starts again.
        now = self._clock()
        self._expire(now)
        number = next(self._numbers)
        dead_letter = _Message(number, message.id, message.body, message.md5, message.group, message.id, now)
        dead_letter.receives, dead_letter.first_received_at = message.receives, message.first_received_at
        dead_letter.source = f"arn:aws:sqs:eu-central-1:000000000000:{source.rpartition('/')[2]}"
        self._put(dead_letter, now)

    def _remove(self, message: _Message, now: int) -> None:
        del self._messages[message.number]
        message.removed = True
        group = self._groups[message.group]
        group.messages.remove(message)
        if message in group.in_flight:
            group.in_flight.remove(message)
        self._schedule_group(message.group, now)
        if not message.searchable:
            return
        self._searchable_count -= 1
        while self._beyond_search and (self._look_ahead is None or self._searchable_count < self._look_ahead):
            follower = self._beyond_search.popleft()
            if not follower.removed:
                follower.searchable = True
                self._searchable_count += 1
                self._schedule_group(follower.group, now)

    def _schedule_group(self, name: str, now: int) -> None:
        """Schedule a group for the time when none of its messages is in flight, and the first one is not delayed."""
        group = self._groups.get(name)
        if group is None:
            return
        if not group.messages:
            del self._groups[name]
            return
        group.ticket = 0
        if group.messages[0].searchable:
            free_at = max((message.visible_at for message in group.in_flight), default=now)
            free_at = max(free_at, group.messages[0].delayed_until)
            group.ticket = next(self._tickets)
            heapq.heappush(self._schedule, (max(free_at, now), group.ticket, name))

    def _expire(self, now: int) -> None:
        while self._deduplication_times and now - self._deduplication_times[0][0] >= _DEDUPLICATION_MS:
            del self._deduplication_answers[self._deduplication_times.popleft()[1]]
        while self._messages:
            oldest = next(iter(self._messages.values()))
            if now - oldest.sent_at < self._retention:
                return
            self._remove(oldest, now)


_ATTRIBUTES: dict[str, Callable[[_Message], str]] = {
    "SenderId": lambda message: "AIDASIMULATED",
    "SentTimestamp": lambda message: str(message.sent_at),
    "ApproximateReceiveCount": lambda message: str(message.receives),
    "ApproximateFirstReceiveTimestamp": lambda message: str(message.first_received_at),
    "SequenceNumber": lambda message: _sequence(message.number),
    "MessageDeduplicationId": lambda message: message.deduplication_id,
    "MessageGroupId": lambda message: message.group,
    "DeadLetterQueueSourceArn": lambda message: message.source,
}


def _to_answer(message: _Message, names: Collection[str]) -> dict[str, Any]:
    wants_all = "All" in names
    attributes = {name: show(message) for name, show in _ATTRIBUTES.items() if wants_all or name in names}
    if not message.source:
        attributes.pop("DeadLetterQueueSourceArn", None)
    answer = {
        "MessageId": message.id,
        "ReceiptHandle": f"receipt-{message.number}-{message.receives}",
        "MD5OfBody": message.md5,
        "Body": message.body,
    }
    return answer | {"Attributes": attributes} if attributes else answer


def _check_batch(entries: Collection[Mapping[str, Any]], largest: int) -> None:
    """Refuse a batch as a whole (AWS, SendMessageBatch, "Errors")."""
    ids = [entry["Id"] for entry in entries]
    error = ""
    if not ids:
        error = "EmptyBatchRequest"
    elif len(ids) > _MAX_MESSAGES:
        error = "TooManyEntriesInBatchRequest"
    elif not all(_ENTRY_ID.fullmatch(id) for id in ids):
        error = "InvalidBatchEntryId"
    elif len(set(ids)) < len(ids):
        error = "BatchEntryIdsNotDistinct"
    elif sum(len(entry["MessageBody"].encode("utf-8", "surrogatepass")) for entry in entries) > largest:
        error = "BatchRequestTooLong"
    if error:
        raise client_error("send_message_batch", f"AWS.SimpleQueueService.{error}", error)


def _sequence(number: int) -> str:
    return f"{number:020d}"


def _invalid(operation: str, value: object, name: str, reason: str) -> Exception:
    message = f"Value {value} for parameter {name} is invalid. Reason: {reason}"
    return client_error(operation, "InvalidParameterValue", message)
