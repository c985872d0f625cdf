"""What the pages ask of shopwire itself, beside the journal: entries, parked webhooks, settings, what would be sent.

The same for `shopwire dev` and for a deployed stack, since both are a table, a queue and parameters. Only dev has
`Controls`: a deployed stack is never changed from here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from shopwire import platforms
from shopwire.environment import Clients, Environment, Settings
from shopwire.errors import BadSettings, SettingsUnavailable, TableUnavailable, UnknownShop, Unreadable
from shopwire.message import Message
from shopwire.models import Delivery, Entity, Shop
from shopwire.models import Webhook as Call
from shopwire.stores.entry import Entry
from shopwire.stores.parked import Parked
from shopwire_inspector.journal import Webhook, entity_parts
from shopwire_inspector.rehearsal import Rehearsed, rehearse
from shopwire_testkit.samples import Sample


class Controls(Protocol):
    """What may be done in `shopwire dev`."""

    @property
    def modes(self) -> dict[str, str]:
        """What is broken: "api" and the AWS parts -> mode."""

    def break_part(self, part: str, mode: str, seconds: float | None) -> None:
        """Break a part, or mend it ("ok")."""

    def samples(self) -> Iterable[Sample]:
        """What can be sent."""

    def send(self, sample: str, *, fresh: bool) -> tuple[int, str]:
        """Send a sample, named "shopify orders/create", through the gateway; answers status and body."""

    def replay(self, id: str) -> bool:
        """Put a parked webhook into the queue again; answers whether there is such a one."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A shopwire that is looked at.

    Args:
        title: what stands at the head of each page.
        masked: its people are real: what is personal is covered.
        ids: the shops' ids; may raise SettingsUnavailable.
    """

    title: str
    settings: Settings
    clients: Clients
    environment: Environment
    ids: Callable[[], Iterable[str]]
    masked: bool = False
    controls: Controls | None = None

    def shop(self, id: str) -> Shop | None:
        """A shop's settings, as far as they can be read."""
        try:
            return self.environment.shops.get(id)
        except (UnknownShop, SettingsUnavailable, BadSettings):
            return None

    def parse(self, webhook: Webhook) -> list[Delivery] | str:
        """What the body means to the code as it is now; or why it means nothing."""
        request, shop = webhook.request, self.shop(webhook.shop)
        if self.masked:
            return "The logs of a deployed stack hold no bodies."
        if request is None or request.body is None:
            return "The body is not kept."
        if webhook.refused:
            return "Not read: nothing of a call is believed before its signature holds."
        if shop is None:
            return "The shop's settings cannot be read."
        platform = platforms.get("storefront" if request.path.startswith("/storefront/") else shop.platform)
        try:
            return platform.read(Call(request.headers, request.body, webhook.at, request.query), shop)
        except Unreadable as error:
            return f"Not readable: {error}"
        except Exception as error:
            return f"Our bug: {type(error).__name__}"

    def entry(self, shop: str, entity: str) -> Entry:
        """The ledger's entry of an entity.

        Raises:
            TableUnavailable.
        """
        kind, id = entity_parts(entity)
        return self.environment.ledger.get(shop, Entity(kind, id), self.environment.clock())  # type: ignore[arg-type]

    def parked(self) -> list[Parked]:
        """All parked webhooks, the newest first.

        Raises:
            TableUnavailable, SettingsUnavailable.
        """
        found = [one for id in sorted(self.ids()) for one in self.environment.parked.list(id)]
        return sorted(found, key=lambda one: (-one.last, one.id))

    def parked_as(self, webhook: Webhook) -> str | None:
        """The id under which a webhook is parked: it holds the moment when the webhook came."""
        try:
            found = self.environment.parked.list(webhook.shop)
        except TableUnavailable:
            return None
        return next((one.id for one in found if one.id.startswith(f"{webhook.shop}.{webhook.at:013d}.")), None)

    def rehearse(self, shop: str, message: Message) -> Rehearsed | None:
        """What the message would send now; None where the shop's settings cannot be read.

        Raises:
            TableUnavailable.
        """
        found = self.shop(shop)
        return rehearse(self.settings, self.clients, found, message) if found else None

    def queue(self) -> dict[str, int] | None:
        """How many messages the retry queue holds, by state; None where it cannot be asked."""
        names = {
            "to be taken": "ApproximateNumberOfMessages",
            "taken or held back": "ApproximateNumberOfMessagesNotVisible",
            "delayed": "ApproximateNumberOfMessagesDelayed",
        }
        try:
            found: Mapping[Any, str] = self.clients.sqs.get_queue_attributes(
                QueueUrl=self.settings.queue_url,
                AttributeNames=list(names.values()),  # type: ignore[arg-type]
            )["Attributes"]
        except (BotoCoreError, ClientError):
            return None
        return {words: int(found[name]) for words, name in names.items() if name in found}
