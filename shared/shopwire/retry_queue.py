"""The FIFO retry queue: put a message, set how long it stays unseen.

Messages of one entity share a group, so that SQS keeps their order and no other entity waits for them. Lambda's
event source mapping takes them; what becomes of one is decided elsewhere.
"""

import hashlib
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shopwire.message import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# SQS takes 1 MiB a message, its attributes included (AWS, "Amazon SQS message quotas").
LARGEST = (1 << 20) - 1024
_LONGEST_INVISIBLE = 43_200 - 3_600  # SQS allows 12 h since the message was received; an hour of it for slow hands


class QueueDown(Exception):
    """SQS did not take the message: whether it has it all the same is unknown."""


class MessageTooLarge(Exception):
    """The packed message is over what SQS takes."""


class RetryQueue:
    """Puts and holds back messages."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def put(self, message: Message, entity: str) -> None:
        """Put a message into its entity's group.

        The deduplication id is fresh for every deliberate put: SQS drops a repeated one for 5 minutes, also after it
        was consumed, and a replay would vanish. Only the ledger deduplicates. The client's own second attempt repeats
        the id, so that an answer lost on the way makes no second message.

        Args:
            entity: the partition key of its ledger entry.

        Raises:
            QueueDown, MessageTooLarge.
        """
        text = message.pack()
        if len(text) > LARGEST:
            raise MessageTooLarge
        self._call(
            "send_message",
            MessageBody=text,
            MessageGroupId=hashlib.sha256(entity.encode()).hexdigest()[:32],
            MessageDeduplicationId=uuid.uuid4().hex,
        )

    def hold_back(self, receipt_handle: str, seconds: float) -> None:
        """Keep a received message unseen for so long (0: see it at once). A lost call costs a delay, nothing else."""
        seconds = min(max(int(seconds), 0), _LONGEST_INVISIBLE)
        with suppress(QueueDown):  # else the queue's own visibility time-out brings it back
            self._call("change_message_visibility", ReceiptHandle=receipt_handle, VisibilityTimeout=seconds)

    def _call(self, operation: str, **arguments: Any) -> None:
        try:
            getattr(self._client, operation)(QueueUrl=self._url, **arguments)
        except (ClientError, BotoCoreError) as error:
            raise QueueDown(type(error).__name__) from None
