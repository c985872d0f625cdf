"""Every exception that shopwire defines.

    ShopwireError
    ├── StoreUnavailable                a store did not answer, or refused for a reason that passes
    │   ├── TableUnavailable            DynamoDB
    │   │   └── NewerEntryFormat        a newer release wrote the entry; this release must not touch it
    │   ├── QueueUnavailable            SQS
    │   └── SettingsUnavailable         SSM
    ├── NothingDurable                  no store could take the webhook: it is answered 503
    ├── ConditionFailed                 the condition of a conditional write did not hold
    ├── ClaimRefused                    the lease of an entity cannot be taken now
    ├── TooLarge
    │   ├── ItemTooLarge                more than a DynamoDB item holds
    │   └── MessageTooLarge             more than an SQS message holds
    ├── NewerMessageFormat              a newer release wrote the message; it waits for that release
    ├── UnknownShop                     no shop has this id
    ├── BadSettings                     the settings of a shop are wrong
    ├── NotVerified                     the call is not proved to come from the shop: 401
    ├── UnsignedCall                    an unsigned call that means nothing, such as a ping: 200
    ├── Unreadable                      a verified body is not what the platform documents
    │   └── InvalidBody                 its sender can correct it: 400 with all mistakes
    ├── InvalidValue                    a value that no model accepts
    ├── Unmappable                      no API request can be made of a change
    ├── NoAnswer                        the API did not answer in time
    ├── DeliveryStopped                 a change was not delivered
    │   ├── Ignored                     deliberately not sent
    │   ├── RetryLater                  time can heal it
    │   └── PermanentFailure            a person must look at it: the webhook is parked
    ├── UnexpectedError                 a handler raised what it should not; the text is the type of it
    └── HttpError                       the response to a request that is refused

No message contains a value out of a webhook or of a shop's settings.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shopwire.esputnik import Answer
    from shopwire.models import Reason
    from shopwire.stores.entry import Entry


class ShopwireError(Exception):
    """The root of all exceptions of shopwire."""


class StoreUnavailable(ShopwireError):
    """A store did not answer, or refused for a reason that passes. Whether a write happened is unknown."""


class TableUnavailable(StoreUnavailable):
    """DynamoDB did not answer, or refused for a reason that passes. Whether a write happened is unknown."""


class NewerEntryFormat(TableUnavailable):
    """A newer release wrote the entry. This release leaves it alone, as if it were out of reach (docs/formats.md)."""


class QueueUnavailable(StoreUnavailable):
    """SQS did not accept the message. Whether it has the message all the same is unknown."""


class SettingsUnavailable(StoreUnavailable):
    """SSM does not answer, and no earlier settings of the shop are in the cache."""


class NothingDurable(ShopwireError):
    """No store can be reached that would keep the webhook. The answer is 503, so that the platform tries again."""


class ConditionFailed(ShopwireError):
    """The condition of a write did not hold.

    Attributes:
        item: the item as it stands; None if there is none.
    """

    def __init__(self, item: dict[str, Any] | None) -> None:
        super().__init__("condition failed")
        self.item = item


class ClaimRefused(ShopwireError):
    """The lease of an entity cannot be taken now.

    Attributes:
        entry: the ledger entry that says why.
    """

    def __init__(self, entry: "Entry") -> None:
        super().__init__("claim refused")
        self.entry = entry


class TooLarge(ShopwireError):
    """A store does not accept something of this size."""


class ItemTooLarge(TooLarge):
    """The item is larger than DynamoDB's 400 KB, or its key longer than DynamoDB allows."""


class MessageTooLarge(TooLarge):
    """The packed message is larger than SQS accepts."""


class NewerMessageFormat(ShopwireError):
    """A newer release wrote the message. It waits until that release is deployed again (docs/formats.md)."""


class UnknownShop(ShopwireError):
    """No shop has this id."""


class BadSettings(ShopwireError):
    """The settings of a shop are wrong. The text names the shop and the field, never the value."""


class UnexpectedError(ShopwireError):
    """A handler raised an exception of another kind, which is an error of shopwire. The text is only its type."""


class NotVerified(ShopwireError):
    """The call is not proved to come from this shop. It is answered 401.

    Attributes:
        reason: the code for log lines; the text is for the caller, and says how to fix it.
    """

    def __init__(self, reason: "Reason", text: str) -> None:
        super().__init__(text)
        self.reason = reason


class UnsignedCall(ShopwireError):
    """A call that the platform sends unsigned and that means nothing, such as WooCommerce's ping. It is answered 200
    `ignored`, and its body is not read."""


class Unreadable(ShopwireError):
    """A verified body is not what the platform documents.

    Attributes:
        field: the path of the field within the body ("line_items.0.price").
        problem: what is wrong with it, as a code ("missing", "decimal_type"). Never the value.
        reason: why it is parked; None for `Reason.UNREADABLE`.
    """

    def __init__(self, field: str, problem: str, reason: "Reason | None" = None) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem
        self.reason = reason


UNKNOWN_FIELD = "extra_forbidden"
"""The code of a field that the format does not have (pydantic's name for it)."""


class Mistake(NamedTuple):
    """A mistake in a body whose sender can correct it.

    Args:
        field: its path ("items.0.total"). The body chose the name of an unknown field, so only its sender reads this.
        problem: what is wrong, to continue "`field` ...". Never the value.
        code: what is wrong, as a code.
    """

    field: str
    problem: str
    code: str


class InvalidBody(Unreadable):
    """A verified body has mistakes that its sender can correct. It is answered 400, and nothing of it is kept.

    Attributes:
        mistakes: all of them. `field` and `problem` are those of the first one.
    """

    def __init__(self, mistakes: "Sequence[Mistake]") -> None:
        first = mistakes[0]
        is_unknown = first.code == UNKNOWN_FIELD
        super().__init__(first.field.rpartition(".")[0] or "body" if is_unknown else first.field, first.code)
        self.mistakes = mistakes


class InvalidValue(ShopwireError, ValueError):
    """A value that no model accepts.

    Attributes:
        field: the name of the field.
        problem: what is wrong with it, as a code. Never the value.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class Unmappable(ShopwireError):
    """No API request can be made of a change.

    Attributes:
        reason: why not, as a code.
        field: the field that is missing, if that is the reason.
    """

    def __init__(self, reason: "Reason", field: str = "") -> None:
        super().__init__(f"{reason} {field}".strip())
        self.reason = reason
        self.field = field


class NoAnswer(ShopwireError):
    """The API did not answer in time. Whether it has the request is unknown."""


class DeliveryStopped(ShopwireError):
    """A change was not delivered.

    Attributes:
        reason: why not, as a code.
        details: what belongs to the reason, such as {"http_status": 503}: numbers and codes only.
    """

    def __init__(self, reason: "Reason", **details: str | int) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.details = details


class Ignored(DeliveryStopped):
    """The change is deliberately not sent."""


class RetryLater(DeliveryStopped):
    """Time can heal it.

    Attributes:
        answer: the API's answer; None if the API was not asked.
        wait_ms: milliseconds to wait at least before the next attempt.
        request: digest of the request that was not accepted.
        is_attempt: it counts as an attempt, so that the next wait is longer: someone answered, or did not.
        left_to_erase: a request of an erased person was on its way during the erasure, and what it made at the API is
            not erased yet.
    """

    def __init__(
        self,
        reason: "Reason",
        *,
        answer: "Answer | None" = None,
        wait_ms: int = 0,
        request: str = "",
        **details: str | int,
    ) -> None:
        super().__init__(reason, **details)
        self.answer = answer
        self.wait_ms = wait_ms
        self.request = request
        self.is_attempt = answer is not None
        self.left_to_erase = False


class PermanentFailure(DeliveryStopped):
    """A person must look at the webhook, so it is parked. `reason` says why."""


class HttpError(ShopwireError):
    """The request is refused with this HTTP status, and nothing of it is kept."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
