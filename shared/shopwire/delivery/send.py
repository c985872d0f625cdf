"""Requests to the API within a time budget, and who is to blame when one fails. The only caller of `esputnik`."""

from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

from shopwire.delivery.task import Clock, Ignored, NeverThis, NotNow, Policy, Work
from shopwire.esputnik import Answer, Esputnik, Verdict
from shopwire.mapper import ApiRequest, contact_request, erase_requests
from shopwire.models import Contact
from shopwire.shops import Shops
from shopwire.stores.contacts import People, PeopleStore, without
from shopwire.stores.pauses import Pauses
from shopwire.stores.table import TableDown

# Less than this is no time for an answer: not begun.
_SHORTEST = 200
LONGEST = 10_000
"""Milliseconds that the API's answer is waited for at most, whatever time there is."""
_FAILURES_TO_PAUSE = 5
_FAILURES_TO_QUEUE = 3


class Sender:
    """Sends, introduces people, and keeps count of each shop's failures in a row (of this environment).

    `introduce` and `remember` may raise TableDown too.
    """

    def __init__(
        self, api: Esputnik, people: PeopleStore, pauses: Pauses, shops: Shops, policy: Policy, clock: Clock
    ) -> None:
        self.people = people
        self.pauses = pauses
        self._api = api
        self._shops = shops
        self._policy = policy
        self._clock = clock
        self._failures: dict[str, list[str]] = {}
        self._queue_until: dict[str, int] = {}

    def send(self, work: Work, request: ApiRequest) -> None:
        """Send one request; come back only when the API has taken it.

        Raises:
            NotNow: no time left, no answer, or one that time heals.
            NeverThis: the API refused it for good.
        """
        answer = self._send(work, request, work.shop.esputnik_key.get_secret_value())
        if answer.verdict is Verdict.UNAUTHORIZED:
            # The key may have been replaced since the settings were read.
            renewed = self._shops.reread(work.shop.id)
            if renewed and renewed.esputnik_key != work.shop.esputnik_key:
                answer = self._send(work, request, renewed.esputnik_key.get_secret_value())
        if answer.verdict is Verdict.REJECTED:
            raise NeverThis(f"the API refused {request.path.partition('?')[0]}: {answer.status}")
        if answer.verdict is not Verdict.TAKEN:
            raise NotNow(_words(answer), answer=answer, after=int((answer.retry_after or 0) * 1000))
        self._failures.pop(work.shop.id, None)
        self._queue_until.pop(work.shop.id, None)
        with suppress(TableDown):  # only a note of health; what was taken is taken
            self.pauses.served(work.shop.id, self._clock())

    def _send(self, work: Work, request: ApiRequest, key: str) -> Answer:
        left = work.send_until - self._clock()
        if left < _SHORTEST:
            raise NotNow("no time left")
        return self._api.send(request, key, min(left, LONGEST) / 1000)

    def introduce(self, work: Work, contact: Contact, people: People, born: int | None) -> None:
        """Make sure that the API knows the person before an event names him. Who is known is not sent again: an order
        creates contacts, it never updates one.

        Raises:
            Ignored: nobody that the API could know.
            NotNow, NeverThis.
        """
        if people.known:
            return
        shop = work.shop.id
        if people.doubted:
            own = people.recorded
            self._tell_again(work, own, contact)
        else:
            own = without(contact, people.others)
            if not own.reachable:
                raise Ignored("anonymous")
            self.send(work, contact_request(own))
            met = self.remember(work, own, born, yields=True)
            if own.customer_id or met <= people.met:
                return
            # His own webhook introduced him meanwhile, perhaps before us: no guest's order takes his id from him.
            self.people.doubt(shop, own.identities)
        people = self.people.find(shop, contact)
        if people.forgotten(born):
            self._erase_again(work, own)
        self.introduce(work, contact, people, born)

    def _tell_again(self, work: Work, recorded: Contact, named: Contact) -> None:
        """The API may hold less of a contact than is on record, or what he was before. Tell it what is on record now,
        until that is what was told."""
        shop, told = work.shop.id, False
        while (now := self.people.on_record(shop, recorded)).identities:
            if now != recorded:
                # He moved, and what noted it came no further: the API does not find him by his earlier address.
                self.people.unlearn(shop, [one for one in recorded.identities if one not in now.identities])
                recorded = now
                if not told:
                    return
                self.people.doubt(shop, recorded.identities)  # what was told just now undid it
            own = replace(recorded, first_name=named.first_name, last_name=named.last_name)
            self.send(work, contact_request(own))
            told = True
            if self.people.dispel_doubt(shop, recorded):
                return

    def remember(self, work: Work, contact: Contact, born: int | None, *, yields: bool = False) -> frozenset[str]:
        """The API knows this contact now. Answers by which of his identities it did before; what is on record under
        these stays where the contact `yields` to it.

        Raises:
            Ignored: he was forgotten while we sent; what we made the API know is erased again.
            NotNow, NeverThis.
        """
        met = self.people.know(work.shop.id, contact, self._clock(), born, yields=yields)
        if met is None:
            self._erase_again(work, contact)
        return met

    def _erase_again(self, work: Work, contact: Contact) -> NoReturn:
        for request in erase_requests(contact):
            self.send(work, request)
        raise Ignored("redacted")

    def blame(self, work: Work, failure: NotNow) -> None:
        """Count a failure of the API against the shop; pause it when the key is wrong, it is throttled, or five
        failures of several entities came in a row (one poisonous order says nothing about its shop)."""
        if failure.answer is None:
            return
        shop, now = work.shop.id, self._clock()
        row = self._failures.setdefault(shop, [])
        row.append(work.entity_key)
        del row[:-_FAILURES_TO_PAUSE]
        passes = failure.answer.verdict is not Verdict.UNAUTHORIZED
        shops_fault = not passes or failure.answer.verdict is Verdict.THROTTLED
        if shops_fault or len(row) >= _FAILURES_TO_QUEUE:
            self._queue_until[shop] = now + 6 * self._policy.retry_base
        with suppress(TableDown):  # without a pause each message backs off for itself
            if shops_fault:
                self.pauses.pause(shop, str(failure), now, at_least=failure.after, passes=passes)
            elif len(row) >= _FAILURES_TO_PAUSE and len(set(row)) > 1:
                row.clear()
                self.pauses.pause(shop, str(failure), now, passes=passes)

    def queue_first(self, shop: str) -> bool:
        """Whether this shop has just failed so often that its webhooks go straight to the queue for a while."""
        return self._queue_until.get(shop, 0) > self._clock()


def _words(answer: Answer) -> str:
    return {
        Verdict.UNANSWERED: "the API did not answer",
        Verdict.UNAUTHORIZED: f"the API does not accept the shop's key: {answer.status}",
        Verdict.THROTTLED: "the API throttles: 429",
    }.get(answer.verdict, f"the API failed: {answer.status}")
