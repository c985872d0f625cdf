"""One Lambda environment: the parts of shopwire, wired together from environment variables, kept between invocations.

A part is created when it is first needed, so that a function pays only for what it uses. A function names the parts
that it needs at INIT, where it has a whole processor; an invocation at 144 MB has a twelfth of one, and its time budget
runs.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from shopwire import platforms
from shopwire.delivery.circuit import Circuit
from shopwire.delivery.contacts import Contacts
from shopwire.delivery.defer import Deferral
from shopwire.delivery.drain_outbox import OutboxDrain, RunParallel
from shopwire.delivery.erase import Eraser
from shopwire.delivery.fetch import Fetcher
from shopwire.delivery.handle import ChangeHandler
from shopwire.delivery.parking import Parking
from shopwire.delivery.receive import Receiver
from shopwire.delivery.replay import replay
from shopwire.delivery.retry import RetryConsumer
from shopwire.delivery.send import Sender
from shopwire.delivery.task import HOUR_MS, Clock, Outcome, Policy
from shopwire.esputnik import Esputnik, Transport, http_transport
from shopwire.models import Contact, Shop
from shopwire.observability import silence_libraries
from shopwire.platforms.base import PlatformApi
from shopwire.retry_queue import RetryQueue
from shopwire.shops import Shops
from shopwire.stores.contacts import ContactStore
from shopwire.stores.erasures import ErasureStore
from shopwire.stores.ledger import Ledger
from shopwire.stores.outbox import Outbox
from shopwire.stores.parked import Parked, ParkedStore
from shopwire.stores.pauses import Pauses
from shopwire.stores.rate_limit import RateLimit
from shopwire.stores.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

    from shopwire.delivery.person import PersonFinder

_BY_HAND_MS = 10_000
_Result = TypeVar("_Result")


def now() -> int:
    """Return UTC milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment variables, which template.yaml sets.

    Args:
        visits_per_second: how many storefront calls of one shop are accepted.
        platform_api_url: a fake on this machine that stands in for the platforms' APIs; "" for the real ones.
    """

    table: str
    queue_url: str
    shops_path: str
    esputnik_url: str
    hash_key: str
    policy: Policy
    visits_per_second: int = 50
    platform_api_url: str = ""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings of these variables.

        Raises:
            KeyError, ValueError: a variable is missing or not a number.
        """
        policy = Policy(
            direct_budget_ms=int(environ.get("SHOPWIRE_DIRECT_BUDGET_MS", "2500")),
            retry_base_ms=int(float(environ.get("SHOPWIRE_RETRY_BASE_SECONDS", "5")) * 1000),
            max_age_ms=int(environ.get("SHOPWIRE_RETRY_MAX_AGE_SECONDS", "259200")) * 1000,
            new_order_ms=int(float(environ.get("SHOPWIRE_NEW_ORDER_HOURS", "24")) * HOUR_MS),
        )
        return cls(
            table=environ["SHOPWIRE_TABLE"],
            queue_url=environ["SHOPWIRE_QUEUE_URL"],
            shops_path=environ["SHOPWIRE_SHOPS_PATH"],
            esputnik_url=environ.get("SHOPWIRE_ESPUTNIK_URL", "https://esputnik.com/api/"),
            hash_key=environ["SHOPWIRE_HASH_KEY"],
            policy=policy,
            visits_per_second=int(environ.get("SHOPWIRE_VISITS_PER_SECOND", "50")),
            platform_api_url=environ.get("SHOPWIRE_PLATFORM_API_URL", ""),
        )


class Clients:
    """The AWS clients, created when they are first needed.

    Their time-outs are short, so that a slow store does not use up the time that the platform waits for its answer.
    They share one botocore session. boto3 would read all service descriptions again for each client (170 ms of INIT),
    and is not in the Lambda layer.
    """

    @cached_property
    def _session(self) -> Any:
        import botocore.session  # the command line does not need it

        return botocore.session.get_session()

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        client: DynamoDBClient = self._client("dynamodb")
        return client

    @cached_property
    def sqs(self) -> "SQSClient":
        client: SQSClient = self._client("sqs")
        return client

    @cached_property
    def ssm(self) -> "SSMClient":
        client: SSMClient = self._client("ssm")
        return client

    def _client(self, service: str) -> Any:
        from botocore.config import Config

        config = Config(
            connect_timeout=0.5,
            read_timeout=1,
            retries={"total_max_attempts": 2, "mode": "standard"},
            # botocore would do this for each call, at 5 % of an invocation's time each: check the types of all
            # arguments (the service does that too), and compose a description of this machine.
            parameter_validation=False,
            user_agent="shopwire",
        )
        return self._session.create_client(service, config=config)


def run_in_threads(work: Callable[[int], _Result], numbers: Iterable[int]) -> Iterable[_Result]:
    """Call `work` for each number at the same time, and return the results when all of them are there.

    botocore's clients may be shared by threads, and each keeps ten connections (its `max_pool_connections`).
    """
    from concurrent.futures import ThreadPoolExecutor  # only `upkeep` needs it

    with ThreadPoolExecutor() as pool:
        return list(pool.map(work, numbers))


class Environment:
    """Everything that an invocation uses. Tests replace clients, transport and clock.

    Args:
        run_parallel: how `upkeep` works on the outbox's partitions. The default is one after the other.
    """

    def __init__(
        self,
        settings: Settings,
        clients: Clients,
        *,
        transport: Transport | None = None,
        platform_transport: Transport | None = None,
        clock: Clock = now,
        run_parallel: RunParallel = map,
    ) -> None:
        self.clock = clock
        self._run_parallel = run_parallel
        self.policy = settings.policy
        self._settings = settings
        self._clients = clients
        self._transport = transport
        self._platform_transport = platform_transport

    @classmethod
    def from_os(cls, *parts: Literal["receiver", "retry_consumer", "outbox_drain", "visits"]) -> "Environment":
        """Return the environment that the process's variables describe, with these parts created now.

        Each function calls this at INIT, so this is where the libraries are silenced.
        """
        silence_libraries()
        environment = cls(Settings.read(os.environ), Clients(), run_parallel=run_in_threads)
        for part in parts:
            getattr(environment, part)
        return environment

    @cached_property
    def table(self) -> Table:
        return Table(self._clients.dynamodb, self._settings.table)

    @cached_property
    def shops(self) -> Shops:
        return Shops(self._clients.ssm, self._settings.shops_path, lambda: self.clock() / 1000)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.table, self.policy.max_age_ms)

    @cached_property
    def queue(self) -> RetryQueue:
        return RetryQueue(self._clients.sqs, self._settings.queue_url)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.table)

    @cached_property
    def parked(self) -> ParkedStore:
        return ParkedStore(self.table)

    @cached_property
    def pauses(self) -> Pauses:
        return Pauses(self.table, 4 * self.policy.retry_base_ms)

    @cached_property
    def executed_erasures(self) -> ErasureStore:
        return ErasureStore(self.table, self._settings.hash_key)

    @cached_property
    def visits(self) -> RateLimit:
        return RateLimit(self.table, self._settings.visits_per_second)

    @cached_property
    def circuit(self) -> Circuit:
        return Circuit(self.pauses, self.policy, self.clock)

    @cached_property
    def contacts(self) -> ContactStore:
        return ContactStore(self.table, self._settings.hash_key)

    @cached_property
    def parking(self) -> Parking:
        return Parking(self.parked, self.ledger, self.contacts, self.clock)

    @cached_property
    def handler(self) -> ChangeHandler:
        api = Esputnik(self._settings.esputnik_url, self._transport or http_transport())
        sender = Sender(api, self.shops, self.circuit, self.clock)
        contacts = Contacts(self.contacts, sender, self.clock)
        eraser = Eraser(
            contacts,
            self.contacts,
            self.executed_erasures,
            self.pauses,
            self.ledger,
            self.parked,
            self.outbox,
            self.table,
            self.clock,
        )
        return ChangeHandler(
            sender,
            contacts,
            self.ledger,
            self.parked,
            eraser,
            Fetcher(self._shop_api, self.shops, self.circuit, self.clock),
            self.policy,
            self.clock,
        )

    def _shop_api(self, shop: Shop, seconds_left: Callable[[], float]) -> PlatformApi:
        from shopwire import platform_api  # only platforms with thin webhooks need it

        root = self._settings.platform_api_url
        if self._platform_transport is None:
            self._platform_transport = platform_api.http_transport(local=bool(root))
        access = platforms.get(shop.platform).api_access(shop)
        return platform_api.ShopApi(access, self._platform_transport, seconds_left, root)

    @cached_property
    def deferral(self) -> Deferral:
        return Deferral(self.ledger, self.queue, self.outbox, self.parking, self.policy, self.clock)

    @cached_property
    def receiver(self) -> Receiver:
        return Receiver(self.handler, self.circuit, self.deferral)

    @cached_property
    def retry_consumer(self) -> RetryConsumer:
        return RetryConsumer(self.handler, self.circuit, self.parking, self.queue, self.outbox, self.pauses, self.shops)

    @cached_property
    def outbox_drain(self) -> OutboxDrain:
        return OutboxDrain(self.outbox, self.queue, self.pauses, self.policy, self.clock, self._run_parallel)

    @cached_property
    def person_finder(self) -> "PersonFinder":
        from shopwire.delivery.person import PersonFinder  # no function needs it

        return PersonFinder(self.contacts, self.ledger, self.parked, self.outbox)

    def erase_person(self, shop: Shop, contact: Contact, order_ids: Iterable[str]) -> Outcome:
        """Make an erasure request by hand wait for `retry`, as a platform's does while the API is down.

        Its tombstones are written at once.

        Raises:
            NothingDurable: neither the table nor the queue accepts it.
        """
        from shopwire.platforms import by_hand  # no function needs it at INIT

        now = self.clock()
        handler = replace(self.handler, policy=replace(self.policy, direct_budget_ms=0))
        receiver = Receiver(handler, self.circuit, self.deferral)
        request, id = by_hand.erasure_request(contact, order_ids, now), f"by-hand-{uuid.uuid4()}"
        ((_, outcome),) = receiver.receive(request, shop, by_hand.NAME, request_id=id, deadline=now + _BY_HAND_MS)
        return outcome

    def replay(self, parked: Parked) -> None:
        """Put a parked webhook into the retry queue again (`delivery.replay`, with its errors)."""
        replay(parked, self.parked, self.executed_erasures, self.queue, self.clock())
