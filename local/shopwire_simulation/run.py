"""One run of the simulation: shops, stories, faults, the cloud, and the verdict. Everything follows from the seed."""

import gc
import random
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from shopwire.errors import QueueUnavailable, TableUnavailable
from shopwire.message import unpack
from shopwire.models import Shop
from shopwire.observability import logger
from shopwire.stores.entry import key_hash
from shopwire.stores.outbox import SHARDS
from shopwire_simulation.api import Api
from shopwire_simulation.checkers.checker import Judge
from shopwire_simulation.checkers.evidence import KINDS, Kept, Noted, Violation
from shopwire_simulation.checkers.waiting import Line
from shopwire_simulation.cloud import Cloud
from shopwire_simulation.faults import DAY, HOUR, MINUTE, Faults
from shopwire_simulation.faults import KINDS as FAULT_KINDS
from shopwire_simulation.scheduler import Invocation, World
from shopwire_simulation.senders import Senders
from shopwire_simulation.workload import make_stories
from shopwire_testkit.announcements import Story

START = 1_790_000_000_000
_DAYS = 3.0
_HURRY = 60
_STEPS = 200
_GARBAGE = 2_000_000

# What differs between the simulated shops.
_SHOPS: tuple[dict[str, Any], ...] = (
    {"id": "sim-shopify-0", "platform": "shopify"},
    {"id": "sim-woocommerce-0", "platform": "woocommerce"},
    {"id": "sim-shopify-1", "platform": "shopify", "item_id": "sku", "key_value": "order"},
    {"id": "sim-woocommerce-1", "platform": "woocommerce", "statuses": {"shipped": "DELIVERED"}},
    {"id": "sim-shopify-2", "platform": "shopify", "shipped_is_delivered": True},
)


@dataclass(slots=True)
class Verdict:
    """What came of a run."""

    webhooks: int
    seconds: float
    violations: list[Violation]
    faults: dict[str, int]
    answers: dict[str, int]
    stories: list[Story] = field(repr=False)

    @property
    def line(self) -> dict[str, Any]:
        """The line that a simulation ends with."""
        counts = Counter(one.kind for one in self.violations)
        return {
            "webhooks": self.webhooks,
            "faults": sum(self.faults.values()),
            **{kind: counts[kind] for kind in KINDS},
            "seconds": round(self.seconds, 1),
        }


class Run:
    """A simulated world, ready to go.

    Args:
        faults: the kinds of faults that may come.
        only: which stories to tell, by number (all).
        without: announcements that are left out, by id.
        stories: those of this seed, where they are made already.
        days: virtual time in which the stories begin and end.
        gap: so many seconds at most are between a story's changes, and what lasts for minutes else lasts for seconds
            (0: hours).
        begun: hears of every invocation of a function before it runs.
    """

    def __init__(
        self,
        webhooks: int,
        seed: int,
        faults: Collection[str] = FAULT_KINDS,
        only: Collection[int] | None = None,
        without: Collection[int] = (),
        *,
        stories: list[Story] | None = None,
        days: float = _DAYS,
        gap: int = 0,
        begun: Callable[[Invocation], None] = lambda _: None,
    ) -> None:
        self._rng = random.Random(seed)
        self.world = World(START)
        self._shops = simulated_shops()
        if stories is None:
            stories = make_stories(random.Random(seed), list(self._shops.values()), webhooks, START, days, gap)
        self.stories = stories
        told = range(len(stories)) if only is None else sorted(only)
        self.tale: list[tuple[int, str]] | None = None if only is None else []
        """What happened, in order (virtual milliseconds since the start), where few stories are told."""
        # A duplicate or a late webhook may come a day later.
        self.end = max(one.at for story in stories for one in story.announcements)
        self.end += DAY if {"duplicate", "very_late"}.intersection(faults) else 2 * HOUR
        first = min((one.at for n in told for one in stories[n].announcements), default=START)
        last = START + int(days * DAY) if gap else self.end
        self.faults = Faults(random.Random(seed + 1), faults, START, last, first, _HURRY if gap else 1)
        self.judge = Judge(stories, told, lambda: self.world.now, self.faults)
        self.api = Api(
            self.world,
            self.faults,
            seed,
            self.judge.api_took,
            self.judge.api_called,
            self.judge.api_failed,
            self._tell,
        )
        self.cloud = Cloud(self.world, self.faults, seed, self.api.transport, self._watch, self._failed, begun)
        self.senders = Senders(
            self.world,
            self.cloud,
            self.faults,
            seed,
            self._shops,
            self.judge.answered,
            lambda _, text: self._tell(text),
        )
        self.judge.attach(self.senders.sent, self.api.is_poisoned, self._kept)
        for id, shop in self._shops.items():
            self._put(id, shop)
            if self.faults.is_possible("rotation"):
                self.world.at(self._rng.randrange(START, self.end), lambda id=id: self._rotate_secret(id))  # type: ignore[misc]
                self.world.at(self._rng.randrange(START, self.end), lambda id=id: self._rotate_key(id))  # type: ignore[misc]
        for n in told:
            for announcement in stories[n].announcements:
                if announcement.id not in without:
                    self.senders.announce(announcement)
        self.world.at(START + HOUR, self._maybe_replay)
        for after in (20 * MINUTE, 22 * MINUTE, 3 * HOUR):
            self.world.at(self.end + after, self._replay_all)

    def go(self, progress: Callable[[float], None] | None = None, *, until_violated: bool = False) -> Verdict:
        """Let it happen, and judge.

        Args:
            progress: told how much of it is over, 0 to 1.
            until_violated: stop at the first violation that is seen on the way.
        """
        began = time.perf_counter()
        log = Line(self.judge.seen, self._hear)
        handler = logger.registered_handler
        numbers = random.Random(0)
        with (
            collecting_rarely() as collect,
            mock.patch.object(handler, "stream", log),  # the log is searched for personal values
            mock.patch.object(uuid, "uuid4", side_effect=lambda: uuid.UUID(int=numbers.getrandbits(128), version=4)),
        ):
            over = self.end + 8 * HOUR
            for step in range(1, _STEPS + 1):
                self.world.run(START + (over - START) * step // _STEPS)
                collect()
                if progress:
                    progress(step / _STEPS)
                if until_violated and self.judge.violations:
                    return self._verdict(began, self.judge.violations)
        violations = self.judge.finish(
            self.senders.sent,
            {id: self.api.emulator.state(id) for id in self._shops},
            self._parked(),
            self._waiting(),
            self._marked(),
            self._noted(),
        )
        return self._verdict(began, violations)

    def _verdict(self, began: float, violations: list[Violation]) -> Verdict:
        return Verdict(
            webhooks=sum(self.senders.answers.values()),
            seconds=time.perf_counter() - began,
            violations=violations,
            faults=self.faults.counts,
            answers=self.senders.answers,
            stories=self.stories,
        )

    def _tell(self, text: str) -> None:
        if self.tale is not None:
            invocation = self.world.current
            self.tale.append((self.world.now - START, f"{invocation.name + ': ' if invocation else ''}{text}"))

    def _watch(self, service: str, operation: str, arguments: dict[str, Any]) -> None:
        self.judge.watch(self.world.current, service, operation, arguments)

    def _failed(self, function: str, error: Exception) -> None:
        self._tell("".join(traceback.format_exception(error)))
        self.judge.failed(function, error)

    def _hear(self, line: dict[str, Any]) -> None:
        self.judge.heard(self.world.current, line)

    # -- what engineers do --

    def _put(self, id: str, shop: Shop) -> None:
        settings = shop_settings(shop)
        self.api.keys[settings["esputnik_key"]] = id
        self.cloud.put_shop(id, settings)

    def _rotate_secret(self, id: str) -> None:
        shop = self._shops[id]
        new = Shop(**_fields(shop) | {"secrets": (f"{id}-new-secret", shop.secrets[0])})
        self._put(id, new)
        # The engineer waits until the settings are read everywhere, then has the platform sign with the new one.
        self.world.after(2 * HOUR, lambda: self._shops.__setitem__(id, new))

    def _rotate_key(self, id: str) -> None:
        shop = self._shops[id]
        new = Shop(**_fields(shop) | {"esputnik_key": f"{id}-new-key"})
        self._put(id, new)
        self._shops[id] = new
        self.api.keys.pop(shop.esputnik_key.get_secret_value(), None)

    def _maybe_replay(self) -> None:
        if self.world.now < self.end:
            self.world.after(HOUR, self._maybe_replay)
            if self.faults.on("replay", self.world.now):
                self._replay_all()
                self.world.after(2 * MINUTE, self._replay_all)  # somebody is impatient

    def _replay_all(self) -> None:
        environment = self.cloud.environment()

        def by_hand() -> None:
            for id in self._shops:
                for parked in environment.parked.list(id):
                    self.judge.replayed.add(key_hash(parked.message.key))
                    environment.replay(parked)

        invocation = Invocation("replay", self.world.now + HOUR, f"replay:{self.world.now}")

        def done(result: object) -> None:
            if isinstance(result, Exception) and not isinstance(result, QueueUnavailable | TableUnavailable):
                self._failed("replay", result)

        self.world.invoke(invocation, by_hand, done)

    def _parked(self) -> list[tuple[str, str, str]]:
        environment = self.cloud.environment()
        return [(id, one.entity, one.reason) for id in self._shops for one in environment.parked.list(id)]

    def _kept(self, shop: str) -> Iterator[Kept]:
        """What the table keeps of a shop's people in the clear, looked up without a call that could fail."""
        for item in self.cloud.table.items():
            where = "outbox" if "shop" in item else "parked"
            if shop not in (item["pk"]["S"].partition("#")[0], item.get("shop", {}).get("S")):
                continue
            if "message" in item:
                message = unpack(item["message"]["S"])
                yield Kept(where, message.received_at, message.webhook.body.decode("utf-8", "replace"))
            elif "contact" in item:
                yield Kept("people", None, str(item["contact"]))
            elif "to_erase" in item:
                yield Kept("tombstones", None, str(item["to_erase"]))

    def _marked(self) -> list[tuple[str, str]]:
        """Shop and entity of what the ledger says is waited for."""
        marked = [
            item["pk"]["S"].split("#", 2)
            for item in self.cloud.table.items()
            if "pending_key" in item and int(item["pending_until"]["N"]) > self.world.now
        ]
        return [(shop, f"{kind} {id}") for shop, kind, id in marked]

    def _noted(self) -> dict[tuple[str, str], Noted]:
        """What the ledger says was done with, by shop and entity."""
        noted = {}
        for item in self.cloud.table.items():
            if "settled_keys" in item:
                shop, kind, id = item["pk"]["S"].split("#", 2)
                keys = frozenset(key["S"] for key in item["settled_keys"]["L"])
                noted[shop, f"{kind} {id}"] = Noted(keys, int(item.get("version", {"N": "-1"})["N"]))
        return noted

    def _waiting(self) -> list[str]:
        environment = self.cloud.environment()
        outbox = [one.entity_key for shard in range(SHARDS) for one in environment.outbox.waiting(shard)]
        dead = [f"dead letter {message['MessageId']}" for message in self.cloud.dead_letters.messages()]
        return [f"message {message['Body'][:80]}" for message in self.cloud.queue.messages()] + outbox + dead


@contextmanager
def collecting_rarely() -> Iterator[Callable[[], None]]:
    """The garbage collector goes through all that a run keeps again and again: a third of its time. Yields what
    collects when there is much, and lets be what is still there then."""

    def collect() -> None:
        if gc.get_count()[0] > _GARBAGE:
            gc.collect()
            gc.freeze()

    was_on = gc.isenabled()
    gc.disable()
    try:
        yield collect
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()


def storm(webhooks: int, seed: int, faults: Collection[str] = FAULT_KINDS, **which: Any) -> Run:
    """A run in which all of it comes within half an hour: each story within a minute, every other time within some, and
    most of what goes wrong for seconds, so that many are at work on one entity at the same moment. `which`: as in
    `Run`."""
    return Run(webhooks, seed, faults, days=0.02, gap=3 if seed % 2 else 15, **which)


def simulated_shops() -> dict[str, Shop]:
    """The simulated shops, by id."""
    return {
        fields["id"]: Shop(
            secrets=(f"{fields['id']}-secret",),
            esputnik_key=f"{fields['id']}-key",
            region="UA",
            storefront_secret=f"{fields['id']}-storefront",
            origins=("https://sim.example",),
            **fields,
        )
        for fields in _SHOPS
    }


def shop_settings(shop: Shop) -> dict[str, Any]:
    """A shop's parameter, as its engineer writes it."""
    settings = shop.model_dump(mode="json", exclude={"id"}, exclude_defaults=True)
    settings["secrets"] = [secret.get_secret_value() for secret in shop.secrets]
    settings["esputnik_key"] = shop.esputnik_key.get_secret_value()
    if shop.storefront_secret:
        settings["storefront_secret"] = shop.storefront_secret.get_secret_value()
    return settings


def _fields(shop: Shop) -> dict[str, Any]:
    return {name: getattr(shop, name) for name in type(shop).model_fields}
