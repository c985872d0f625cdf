"""An SQS client over one FIFO queue with high throughput (deduplication scope and throughput limit: message group).

AWS, "FIFO queue delivery logic in Amazon SQS", "Exactly-once processing in Amazon SQS", "Amazon SQS visibility
timeout", "Using dead-letter queues in Amazon SQS", "Amazon SQS message quotas". Groups are served in the order in which
they became free, which AWS leaves open.
"""

import hashlib
import heapq
import itertools
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from shopwire_simulation.fakes.errors import refusal
from shopwire_simulation.fakes.operations import Clock, Fake, Hook, operation

_DEDUPLICATION = 5 * 60_000
_LONGEST_INVISIBLE = 43_200
_MOST_RECEIVES = 1000
_MOST = 10
# AWS, SendMessage: what a message's text may consist of, and its group and deduplication ids.
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ID = re.compile(r"[!-~]{1,128}")
_HANDLE = re.compile(r"receipt-(\d+)-(\d+)")


@dataclass(slots=True, eq=False)
class _Message:
    number: int
    id: str
    body: str
    md5: str
    group: str
    deduplication_id: str
    sent_at: int
    receives: int = 0
    first_received_at: int = 0
    received_at: int = 0
    visible_at: int = 0
    source: str = ""
    ahead: bool = False
    gone: bool = False


@dataclass(slots=True)
class _Group:
    waiting: deque[_Message] = field(default_factory=deque)
    """In the order of sending, those in flight too."""
    in_flight: list[_Message] = field(default_factory=list)
    ticket: int = 0
    """Of its valid place in the agenda; 0: none."""


class FakeQueue(Fake):
    """One FIFO queue. Durations are milliseconds.

    Args:
        clock: UTC milliseconds.
        visibility: how long a received message stays unseen.
        dead_letters: where a message goes, instead of being received, once it was received `max_receives` times.
        look_ahead: how many messages of a backlog SQS looks through for groups; None: all.
    """

    def __init__(
        self,
        clock: Clock,
        hook: Hook | None = None,
        *,
        url: str,
        visibility: int = 30_000,
        dead_letters: "FakeQueue | None" = None,
        max_receives: int = _MOST_RECEIVES,
        retention: int = 14 * 86_400_000,
        largest: int = 1 << 20,
        look_ahead: int | None = 120_000,
    ) -> None:
        super().__init__(hook)
        if not 1 <= max_receives <= _MOST_RECEIVES:
            raise _invalid("create_queue", max_receives, "maxReceiveCount", "valid values are from 1 to 1000")
        self._clock = clock
        self._url = url
        self._visibility = visibility
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
        self._agenda: list[tuple[int, int, str]] = []
        """When which group is free, and the ticket by which that still holds."""
        self._taken: dict[tuple[str, str], dict[str, Any]] = {}
        self._taken_at: deque[tuple[int, tuple[str, str]]] = deque()
        self._ahead = 0
        self._behind: deque[_Message] = deque()

    def __len__(self) -> int:
        return len(self._messages)

    def messages(self) -> Iterator[dict[str, Any]]:
        """Everything in the queue, in the order of sending, as a receiver would see it."""
        return (_shown(message, ("All",)) for message in self._messages.values())

    def oldest_waiting(self) -> int | None:
        """When the oldest message in the queue was sent, seen or unseen; None: there is none."""
        self._expire(self._clock())
        return next((message.sent_at for message in self._messages.values()), None)

    @operation
    def send_message(
        self, *, QueueUrl: str, MessageBody: str, MessageGroupId: str = "", MessageDeduplicationId: str = ""
    ) -> dict[str, Any]:
        self._check("send_message", QueueUrl)
        if not MessageBody or not MessageGroupId:
            name = "MessageGroupId" if MessageBody else "MessageBody"
            raise refusal("send_message", "MissingParameter", f"The request must contain the parameter {name}.")
        if not MessageDeduplicationId:
            raise refusal(
                "send_message",
                "InvalidParameterValue",
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided"
                " explicitly",
            )
        for name, value in (("MessageGroupId", MessageGroupId), ("MessageDeduplicationId", MessageDeduplicationId)):
            if not _ID.fullmatch(value):
                raise _invalid("send_message", value, name, "it is 1 to 128 letters, digits and marks")
        text = MessageBody.encode("utf-8", "surrogatepass")
        if len(text) > self._largest:
            reason = f"One or more parameters are invalid. Reason: Message must be shorter than {self._largest} bytes."
            raise refusal("send_message", "InvalidParameterValue", reason)
        if _FORBIDDEN.search(MessageBody):
            raise refusal("send_message", "InvalidMessageContents", "Invalid characters were found in the message.")
        now = self._clock()
        self._expire(now)
        place = (MessageGroupId, MessageDeduplicationId)
        if place in self._taken:
            return dict(self._taken[place])  # not delivered, also when the first was consumed long since
        number = next(self._numbers)
        id = hashlib.md5(f"{self._url} {number}".encode(), usedforsecurity=False).hexdigest()
        md5 = hashlib.md5(text, usedforsecurity=False).hexdigest()
        self._put(_Message(number, id, MessageBody, md5, MessageGroupId, MessageDeduplicationId, now), now)
        answer = {"MD5OfMessageBody": md5, "MessageId": id, "SequenceNumber": _sequence(number)}
        self._taken[place] = answer
        self._taken_at.append((now, place))
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
        if not 1 <= MaxNumberOfMessages <= _MOST:
            raise _invalid("receive_message", MaxNumberOfMessages, "MaxNumberOfMessages", "must be between 1 and 10")
        now = self._clock()
        self._expire(now)
        visibility = self._visibility if VisibilityTimeout is None else VisibilityTimeout * 1000
        received: list[_Message] = []
        looked_at: list[str] = []
        while self._agenda and self._agenda[0][0] <= now and len(received) < MaxNumberOfMessages:
            _, ticket, name = heapq.heappop(self._agenda)
            group = self._groups.get(name)
            if group is None or group.ticket != ticket:
                continue
            looked_at.append(name)
            group.in_flight = self._take(group, MaxNumberOfMessages - len(received), now, now + visibility)
            group.ticket = 0  # not twice in one answer
            received += group.in_flight
        for name in looked_at:
            self._plan(name, now)
        shown = {*AttributeNames, *MessageSystemAttributeNames}
        return {"Messages": [_shown(message, shown) for message in received]} if received else {}

    @operation
    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> dict[str, Any]:
        self._check("change_message_visibility", QueueUrl)
        name, now = "change_message_visibility", self._clock()
        if not 0 <= VisibilityTimeout <= _LONGEST_INVISIBLE:
            raise _invalid(name, VisibilityTimeout, "VisibilityTimeout", "must be between 0 and 43200")
        message = self._of_handle(name, ReceiptHandle)
        if message is None:
            raise _invalid(name, ReceiptHandle, "ReceiptHandle", "Message does not exist or is not available")
        if message.visible_at <= now:
            code = "AWS.SimpleQueueService.MessageNotInflight"
            raise refusal(name, code, "The specified message isn't in flight.")
        until = now + VisibilityTimeout * 1000
        # Counted from this receipt: no change makes it start anew.
        if until - message.received_at > _LONGEST_INVISIBLE * 1000:
            reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
            raise _invalid(name, VisibilityTimeout, "VisibilityTimeout", reason)
        message.visible_at = until
        self._plan(message.group, now)
        return {}

    @operation
    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:
        self._check("delete_message", QueueUrl)
        now = self._clock()
        message = self._of_handle("delete_message", ReceiptHandle)
        if message is not None:
            # On a FIFO queue a handle is good for nothing once its visibility time-out is over.
            if message.visible_at <= now:
                raise _invalid("delete_message", ReceiptHandle, "ReceiptHandle", "The receipt handle has expired.")
            self._remove(message, now)
        return {}

    @operation
    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Collection[str]) -> dict[str, Any]:
        self._check("get_queue_attributes", QueueUrl)
        now = self._clock()
        self._expire(now)
        unseen = sum(message.visible_at > now for group in self._groups.values() for message in group.in_flight)
        every = {
            "ApproximateNumberOfMessages": len(self._messages) - unseen,
            "ApproximateNumberOfMessagesNotVisible": unseen,
            "ApproximateNumberOfMessagesDelayed": 0,
            "VisibilityTimeout": self._visibility // 1000,
            "MessageRetentionPeriod": self._retention // 1000,
            "MaximumMessageSize": self._largest,
        }
        wanted = every if "All" in AttributeNames else {name: every[name] for name in AttributeNames}
        return {"Attributes": {name: str(value) for name, value in wanted.items()}}

    # -- what is in the queue --

    def _check(self, operation: str, url: str) -> None:
        if url != self._url:
            code = "AWS.SimpleQueueService.NonExistentQueue"
            raise refusal(operation, code, "The specified queue does not exist.")

    def _of_handle(self, operation: str, handle: str) -> _Message | None:
        """The message that was received with this handle last; None: it is deleted."""
        match = _HANDLE.fullmatch(handle)
        if match is None or int(match[1]) > self._last:
            raise refusal(operation, "ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        message = self._messages.get(int(match[1]))
        if message is not None and message.receives != int(match[2]):
            raise _invalid(operation, handle, "ReceiptHandle", "The receipt handle has expired.")
        return message

    def _put(self, message: _Message, now: int) -> None:
        self._last = message.number
        self._messages[message.number] = message
        group = self._groups.setdefault(message.group, _Group())
        group.waiting.append(message)
        if self._look_ahead is None or self._ahead < self._look_ahead:
            message.ahead = True
            self._ahead += 1
            if len(group.waiting) == 1:
                self._plan(message.group, now)
        else:
            self._behind.append(message)

    def _take(self, group: _Group, most: int, now: int, visible_at: int) -> list[_Message]:
        """The first messages of a free group."""
        taken: list[_Message] = []
        while len(taken) < most and len(taken) < len(group.waiting):
            message = group.waiting[len(taken)]
            if not message.ahead:
                break
            if self._dead_letters is not None and message.receives >= self._max_receives:
                self._remove(message, now)
                self._dead_letters._bury(message, self._url)
                continue
            message.receives += 1
            message.received_at = now
            message.first_received_at = message.first_received_at or now
            message.visible_at = visible_at
            taken.append(message)
        return taken

    def _bury(self, message: _Message, source: str) -> None:
        # Its id stays and takes the place of the deduplication id; the time for which it is kept begins anew.
        now = self._clock()
        self._expire(now)
        number = next(self._numbers)
        buried = _Message(number, message.id, message.body, message.md5, message.group, message.id, now)
        buried.receives, buried.first_received_at = message.receives, message.first_received_at
        buried.source = f"arn:aws:sqs:eu-central-1:000000000000:{source.rpartition('/')[2]}"
        self._put(buried, now)

    def _remove(self, message: _Message, now: int) -> None:
        del self._messages[message.number]
        message.gone = True
        group = self._groups[message.group]
        group.waiting.remove(message)
        if message in group.in_flight:
            group.in_flight.remove(message)
        self._plan(message.group, now)
        if not message.ahead:
            return
        self._ahead -= 1
        while self._behind and (self._look_ahead is None or self._ahead < self._look_ahead):
            follower = self._behind.popleft()
            if not follower.gone:
                follower.ahead = True
                self._ahead += 1
                self._plan(follower.group, now)

    def _plan(self, name: str, now: int) -> None:
        """Note when a group is free: when none of it is in flight any more."""
        group = self._groups.get(name)
        if group is None:
            return
        if not group.waiting:
            del self._groups[name]
            return
        group.ticket = 0
        if group.waiting[0].ahead:
            free_at = max((message.visible_at for message in group.in_flight), default=now)
            group.ticket = next(self._tickets)
            heapq.heappush(self._agenda, (max(free_at, now), group.ticket, name))

    def _expire(self, now: int) -> None:
        while self._taken_at and now - self._taken_at[0][0] >= _DEDUPLICATION:
            del self._taken[self._taken_at.popleft()[1]]
        while self._messages:
            oldest = next(iter(self._messages.values()))
            if now - oldest.sent_at < self._retention:
                return
            self._remove(oldest, now)


_SHOWN: dict[str, Callable[[_Message], str]] = {
    "SenderId": lambda message: "AIDASIMULATED",
    "SentTimestamp": lambda message: str(message.sent_at),
    "ApproximateReceiveCount": lambda message: str(message.receives),
    "ApproximateFirstReceiveTimestamp": lambda message: str(message.first_received_at),
    "SequenceNumber": lambda message: _sequence(message.number),
    "MessageDeduplicationId": lambda message: message.deduplication_id,
    "MessageGroupId": lambda message: message.group,
    "DeadLetterQueueSourceArn": lambda message: message.source,
}


def _shown(message: _Message, names: Collection[str]) -> dict[str, Any]:
    every = "All" in names
    attributes = {name: show(message) for name, show in _SHOWN.items() if every or name in names}
    if not message.source:
        attributes.pop("DeadLetterQueueSourceArn", None)
    shown = {
        "MessageId": message.id,
        "ReceiptHandle": f"receipt-{message.number}-{message.receives}",
        "MD5OfBody": message.md5,
        "Body": message.body,
    }
    return shown | {"Attributes": attributes} if attributes else shown


def _sequence(number: int) -> str:
    return f"{number:020d}"


def _invalid(operation: str, value: object, name: str, reason: str) -> Exception:
    message = f"Value {value} for parameter {name} is invalid. Reason: {reason}"
    return refusal(operation, "InvalidParameterValue", message)
