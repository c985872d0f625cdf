"""The FIFO retry queue: put a message, and set how long it stays invisible.

Messages of one entity share a group, so that SQS keeps their order and no other entity waits for them. Lambda's event
source mapping receives them.
"""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shopwire.errors import MessageTooLarge, QueueUnavailable
from shopwire.message import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# SQS accepts 1 MiB per message, its attributes included (AWS, "Amazon SQS message quotas").
MAX_MESSAGE_BYTES = (1 << 20) - 1024
# SQS accepts 10 messages per batch, and 1 MiB of all messages together (AWS, "SendMessageBatch").
MAX_BATCH_MESSAGES = 10
# SQS allows 12 hours since the message was received. An hour of it is kept for a slow invocation.
_MAX_INVISIBLE_SECONDS = 43_200 - 3_600


class RetryQueue:
    """Puts messages, and holds back received ones."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def put(self, message: Message, entity: str) -> None:
        """Put a message into its entity's group.

        The deduplication id is new for each call: SQS drops a repeated one for 5 minutes, also after the message was
        consumed, so that a replay would vanish. Only the ledger deduplicates. The client's own second attempt repeats
        the id, so that a lost response makes no second message.

        Args:
            entity: the partition key of the entity's ledger entry.

        Raises:
            QueueUnavailable, MessageTooLarge.
        """
        text = message.pack()
        if len(text) > MAX_MESSAGE_BYTES:
            raise MessageTooLarge
        self._call("send_message", **_arguments(text, entity))

    def put_many(self, messages: Sequence[tuple[str, str]]) -> dict[int, str]:
        """Put messages in batches, each with one call.

        SQS accepts or refuses each message of a batch by itself. If it refuses one and accepts a later one of the same
        entity, the later one is first. So `messages` must have one message of an entity at most.

        Args:
            messages: packed messages, each with the partition key of its entity's ledger entry.

        Returns:
            Why SQS did not accept a message, as a code, by the message's index in `messages`. It may have such a
            message all the same.

        Raises:
            QueueUnavailable: SQS did not answer the first call. Whether it has the messages of that call is unknown.
        """
        refused: dict[int, str] = {}
        for indexes in _batches([text for text, _ in messages]):
            entries = [{"Id": str(index), **_arguments(*messages[index])} for index in indexes]
            try:
                answer = self._call("send_message_batch", Entries=entries)
            except QueueUnavailable as error:
                if indexes.start == 0:
                    raise
                return refused | dict.fromkeys(range(indexes.start, len(messages)), str(error))
            accepted = {entry["Id"] for entry in answer.get("Successful", ())}
            codes = {entry["Id"]: entry["Code"] for entry in answer.get("Failed", ())}
            refused |= {index: codes.get(str(index), "NoResult") for index in indexes if str(index) not in accepted}
        return refused

    def hold_back(self, receipt_handle: str, seconds: float) -> None:
        """Keep a received message invisible for this long (0: visible at once). A lost call costs only a delay."""
        seconds = min(max(int(seconds), 0), _MAX_INVISIBLE_SECONDS)
        with suppress(QueueUnavailable):  # otherwise it returns after the queue's own visibility timeout
            self._call("change_message_visibility", ReceiptHandle=receipt_handle, VisibilityTimeout=seconds)

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client, operation)(QueueUrl=self._url, **arguments)
        except (ClientError, BotoCoreError) as error:
            raise QueueUnavailable(type(error).__name__) from None


def _batches(texts: Sequence[str]) -> Iterator[range]:
    """Yield the indexes of the messages of each batch. Packed messages are ASCII, so a character is a byte."""
    start, size = 0, 0
    for index, text in enumerate(texts):
        size += len(text)
        if index > start and (index - start == MAX_BATCH_MESSAGES or size > MAX_MESSAGE_BYTES):
            yield range(start, index)
            start, size = index, len(text)
    if texts:
        yield range(start, len(texts))


def _arguments(text: str, entity: str) -> dict[str, str]:
    return {
        "MessageBody": text,
        "MessageGroupId": hashlib.sha256(entity.encode()).hexdigest()[:32],
        "MessageDeduplicationId": uuid.uuid4().hex,
    }
