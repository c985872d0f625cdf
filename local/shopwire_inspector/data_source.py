"""What the pages read from shopwire itself, besides the journal: ledger entries, parked webhooks, shops, the queue.

`shopwire dev` and a deployed stack have the same table, queue and parameters, so one class reads both. Only dev has
`Actions`, because the inspector never changes a deployed stack.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from shopwire import platforms
from shopwire.environment import Clients, Environment, Settings
from shopwire.errors import BadSettings, SettingsUnavailable, TableUnavailable, UnknownShop, Unreadable
from shopwire.message import Message
from shopwire.models import Delivery, Entity, Shop, Webhook
from shopwire.platforms.base import Platform
from shopwire.stores.entry import Entry
from shopwire.stores.parked import Parked
from shopwire_inspector.dry_run import DryRunResult, dry_run
from shopwire_inspector.faults import FaultLimit
from shopwire_inspector.recorded import RecordedWebhook
from shopwire_testkit.samples import Sample
from shopwire_testkit.scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Posted:
    """The response to a webhook that the inspector posted. `webhook` is its id in the journal, if it has one."""

    status: int
    body: str
    webhook: int | None


class Actions(Protocol):
    """What the pages can do in `shopwire dev`."""

    @property
    def modes(self) -> Mapping[str, str]:
        """The current fault mode of "api" and of each AWS part."""

    @property
    def limits(self) -> Mapping[str, FaultLimit]:
        """When the fault of each part ends."""

    def set_fault(self, part: str, mode: str, seconds: float | None) -> None:
        """Inject a fault of a part, or end it with the mode "ok"."""

    def samples(self) -> Iterable[Sample]:
        """Return the samples that can be sent."""

    def scenarios(self) -> Mapping[str, Sequence[Scenario]]:
        """Return the scenarios of each platform."""

    def send(self, sample: str, *, fresh: bool) -> Posted:
        """Send a sample, like "shopify orders/create", through the gateway.

        Args:
            fresh: use new ids and current dates.

        Raises:
            KeyError: there is no such sample.
            NotRefreshable: the sample cannot be made fresh.
        """

    def play(self, platform: str, scenario: str) -> Sequence[Posted]:
        """Send the webhooks of a scenario.

        Raises:
            KeyError: there is no such scenario.
        """

    def post(self, shop: Shop, platform: str, topic: str, body: bytes) -> Posted:
        """Sign a body with the shop's secret, as a new delivery of the platform, and send it."""

    def repeat(self, path: str, headers: Mapping[str, str], body: bytes) -> Posted:
        """Send a call as it is, as the platform repeats a delivery."""

    def replay(self, id: str) -> bool:
        """Queue a parked webhook again. Return False if there is no such parked webhook."""

    def try_now(self, shop: str) -> None:
        """Let everything of the shop that waits be tried at once."""

    def holdings(self, shop: Shop) -> Mapping[str, Any] | None:
        """Return what the emulated API holds for the shop's key; None if another API is used."""


@dataclass(frozen=True, slots=True)
class DataSource:
    """The installation that the pages show.

    Args:
        title: shown at the top of each page.
        shop_ids: returns the ids of the shops, and may raise SettingsUnavailable.
        masked: hide personal data.
        actions: None for a read-only inspector.
    """

    title: str
    settings: Settings
    clients: Clients
    environment: Environment
    shop_ids: Callable[[], Iterable[str]]
    masked: bool = False
    actions: Actions | None = None

    def find_shop(self, id: str) -> Shop | None:
        """Return a shop, or None if its settings cannot be read."""
        try:
            return self.environment.shops.get(id)
        except (UnknownShop, SettingsUnavailable, BadSettings):
            return None

    def parse(self, webhook: RecordedWebhook) -> list[Delivery] | str:
        """Parse the body with the current code. Return the deliveries, or a sentence that says why there are none."""
        request, shop = webhook.request, self.find_shop(webhook.shop)
        if self.masked:
            return "The logs of a deployed stack contain no bodies."
        if request is None or request.body is None:
            return "The journal does not keep the body any more."
        if webhook.outcome_without_delivery:
            return "The body was not parsed, because the webhook was not accepted."
        if shop is None:
            return "The shop's settings cannot be read."
        try:
            return self.platform_of(webhook, shop).read(
                Webhook(request.headers, request.body, webhook.received_at, request.query), shop
            )
        except Unreadable as error:
            return f"The body cannot be parsed: {error}"
        except Exception as error:
            return f"shopwire has a bug: {type(error).__name__}"

    def platform_of(self, webhook: RecordedWebhook, shop: Shop) -> Platform:
        """Return the adapter that parses the webhook: the storefront's for what a browser sent."""
        is_visit = webhook.request is not None and webhook.request.path.startswith("/storefront/")
        return platforms.get("storefront" if is_visit else shop.platform)

    def read_entry(self, shop: str, entity: str) -> Entry:
        """Return the ledger entry of an entity.

        Raises:
            TableUnavailable.
        """
        try:
            parsed = Entity.parse(entity)
        except ValueError:
            return Entry()  # the address of the page names no entity
        return self.environment.ledger.get(shop, parsed, self.environment.clock())

    def list_parked(self) -> list[Parked]:
        """Return all parked webhooks, newest first.

        Raises:
            TableUnavailable, SettingsUnavailable.
        """
        parked = [row for id in sorted(self.shop_ids()) for row in self.environment.parked.list(id)]
        return sorted(parked, key=lambda row: (-row.last, row.id))

    def pause_of(self, shop: str) -> int | None:
        """Return the end of the shop's pause (UTC milliseconds); None if the shop is not paused."""
        try:
            until = self.environment.pauses.state(shop, self.environment.clock()).until
        except TableUnavailable:
            return None
        return until if until and until > self.environment.clock() else None

    def find_parked_id(self, webhook: RecordedWebhook) -> str | None:
        """Return the id under which the webhook is parked, or None."""
        try:
            parked = self.environment.parked.list(webhook.shop)
        except TableUnavailable:
            return None
        return next((row.id for row in parked if row.received_at == webhook.received_at), None)

    def dry_run(self, shop: str, message: Message) -> DryRunResult | None:
        """Return what the message would send now, or None if the shop's settings cannot be read.

        Raises:
            TableUnavailable.
        """
        found = self.find_shop(shop)
        return dry_run(self.environment, found, message) if found else None

    def count_queue(self) -> dict[str, int] | None:
        """Return the number of messages in the retry queue by state, or None if SQS does not respond."""
        names = {
            "visible": "ApproximateNumberOfMessages",
            "in flight or backing off": "ApproximateNumberOfMessagesNotVisible",
            "delayed": "ApproximateNumberOfMessagesDelayed",
        }
        try:
            counts: Mapping[Any, str] = self.clients.sqs.get_queue_attributes(
                QueueUrl=self.settings.queue_url,
                AttributeNames=list(names.values()),  # type: ignore[arg-type]
            )["Attributes"]
        except (BotoCoreError, ClientError):
            return None
        return {state: int(counts[name]) for state, name in names.items() if name in counts}
