"""The excuses of the checkers: each names the documented limit that it stands for, and each use is counted.

A checker asks for an excuse at the place where it would otherwise report a violation. `shopwire simulate` prints the
counts under `excused`, and `--bounded` fails if one of them is used more often than its bound. No excuse holds for a
whole run or a whole story because a fault was possible: each needs the fault itself, at this entity and this time.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

_BOUND_FLOOR = 10
"""A short run may use each excuse so often, whatever its bound."""


@dataclass(frozen=True, slots=True)
class Excuse:
    """One excuse.

    Args:
        limit: the documented limit that it stands for.
        width: what it covers.
        bound: the highest usual number of uses in 10,000 webhooks.
    """

    name: str
    limit: str
    width: str
    bound: int


_SENT_AGAIN = "shopwire sends at least once, not exactly once (docs/limits-and-cost.md)"

EXCUSES = {
    excuse.name: excuse
    for excuse in (
        Excuse(
            "settings_out_of_reach",
            "A signature that was made with a replaced secret is refused until SSM can be read again (operate.md).",
            "one call, within 30 s of a failed reading of its shop's settings",
            1500,
        ),
        Excuse(
            "no_durable_store",
            "If no durable store can be reached, the answer is 503, so that the platform sends the webhook again.",
            "one call whose invocation reached neither",
            1000,
        ),
        Excuse(
            "sent_again",
            _SENT_AGAIN,
            "one request whose answer was lost, or whose acceptance was not recorded, or after which another one of its"
            " entity may have been accepted",
            1500,
        ),
        Excuse(
            "overran",
            "An invocation that continues after its lease expired cannot know what was sent meanwhile.",
            "the requests of one entity from this invocation on",
            600,
        ),
        Excuse(
            "crashed",
            _SENT_AGAIN,
            "one entity with an invocation that crashed, overran or found a store down",
            1500,
        ),
        Excuse(
            "erased_meanwhile",
            "What belongs to an erased person is neither sent nor kept.",
            "the entities of one erased person",
            600,
        ),
        Excuse(
            "unconnected_address",
            "An erasure does not cover an address that nothing sent has connected with the person"
            " (docs/limits-and-cost.md).",
            "one request that names only such addresses",
            60,
        ),
        Excuse(
            "address_changed_meanwhile",
            "An event names its contact by the address of that moment. If the customer changes it in that second, the"
            " API ignores the event (docs/limits-and-cost.md).",
            "one event without a customer id, and the final state of its order",
            60,
        ),
        Excuse(
            "contact_of_a_crash",
            "If a function dies in the second in which an order and the customer's own webhook send the same contact,"
            " the data of the order may stay (docs/limits-and-cost.md).",
            "one contact",
            100,
        ),
        Excuse(
            "copies",
            "Each copy of a webhook waits by itself and knows nothing of an answer that another one got.",
            "one attempt of a change that was received more than once",
            200,
        ),
        Excuse(
            "paused",
            "After failures the shop is paused, for up to two minutes in the first hour and an hour later"
            " (how-it-works.md).",
            "one attempt, after an outage, or after a reason to pause the shop within 75 minutes before",
            600,
        ),
        Excuse(
            "parked",
            "A parked webhook is not sent until a person replays it.",
            "one entity with a parked change",
            600,
        ),
        Excuse(
            "keeps_failing",
            "A webhook that failed 20 times, or 5 times in over an hour, while others of its shop were accepted, is"
            " parked (docs/limits-and-cost.md).",
            "one change with as many failed calls",
            10,
        ),
        Excuse(
            "unrecognised_copy",
            "A copy at a platform that is behind is recognised by the time of its state. Two states of one second, or a"
            " change without a time of its own, cannot be told apart (decision 22).",
            "one request or one entity, of which a copy that is behind answered with a state of the same time",
            60,
        ),
        Excuse(
            "too_old",
            "Promise 9: a view that waited for an hour, or a cart for a day, is given up. A replay of the cart sends"
            " nothing if a copy came as late, because that copy was ignored as too old.",
            "one change that waited as long",
            300,
        ),
    )
}


class ExcuseCounter:
    """Counts the uses of each excuse."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def use(self, name: str) -> bool:
        """Count one use of an excuse, and return True.

        Raises:
            KeyError: the table has no such excuse.
        """
        self.counts[EXCUSES[name].name] += 1
        return True


def excessive(counts: Mapping[str, int], webhooks: int) -> list[str]:
    """Return what to say of each excuse that was used more often than its bound allows for this many webhooks."""
    found = []
    for name, count in counts.items():
        bound = max(_BOUND_FLOOR, EXCUSES[name].bound * webhooks // 10_000)
        if count > bound:
            found.append(f"excuse {name}: used {count} times in {webhooks} webhooks, at most {bound} are usual")
    return found
