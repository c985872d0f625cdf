"""The simulated AWS account: functions in environments, their clients, the event source mapping, the schedule.

The functions' own app.py files run, each environment with its own module, caches and clock.
"""

import importlib.util
import json
import os
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from unittest import mock

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, ReadTimeoutError

from shopwire.delivery.task import Policy
from shopwire.environment import Clients, Environment, Settings
from shopwire.esputnik import Transport
from shopwire.stores.outbox import SHARDS
from shopwire_dev.lambdas import queue_record
from shopwire_simulation.fakes import FakeDynamoDB, FakeQueue, FakeSSM
from shopwire_simulation.faults import MINUTE, SECOND, Faults
from shopwire_simulation.scheduler import Blow, Invocation, World

TIMEOUTS = {"webhook": 10 * SECOND, "storefront": 10 * SECOND, "retry": 60 * SECOND, "upkeep": 50 * SECOND}
_VISIBILITY = 360 * SECOND
# Of a call that is slow, but within its client's patience, each half.
_SLOWLY = 400
_POLLERS = 5
_BLOWS = {"crash": Blow.DIE, "no_answer": Blow.FAIL, "standstill": Blow.STALL, "overrun": Blow.OVERRUN}
_POINTS = {"webhook": 14, "storefront": 14, "retry": 40, "upkeep": 14}
"""At one of so many points a blow strikes: as many as most invocations come to, and those with a batch."""
_TABLE, _SHOPS_PATH, _HASH_KEY = "shopwire", "/shopwire/sim/shops/", "simulated"

Answer = Callable[[Any], None]
Failed = Callable[[str, Exception], None]
"""(function, what it raised): an invocation that nobody waits for ended by an exception."""


class _TwoAttempts:
    """A client as production configures it: a second attempt when the first got no answer or was throttled."""

    def __init__(self, fake: Any, watch: Callable[[str, dict[str, Any]], None]) -> None:
        self._fake = fake
        self._watch = watch

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self._fake, operation)

        def attempt(**arguments: Any) -> Any:
            self._watch(operation, arguments)
            try:
                return call(**arguments)
            except BotoCoreError:
                return call(**arguments)
            except ClientError as error:
                if "Throttl" not in error.response["Error"]["Code"]:
                    raise
                return call(**arguments)

        return attempt


class _Environment:
    """One Lambda environment: busy with one invocation at a time."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.busy = False


class Cloud:
    """The account: one table, one queue with its dead-letter queue, the settings, four functions.

    Args:
        transport: how the functions reach the API.
        watch: sees every call of AWS, before it is made: (service, operation, arguments).
        failed: hears of exceptions of `retry` and `upkeep`.
        begun: hears of every invocation before it runs.
        pollers: how many of `retry` run at once at most (template.yaml: RetryConcurrency).
    """

    def __init__(
        self,
        world: World,
        faults: Faults,
        seed: int,
        transport: Transport,
        watch: Callable[[str, str, dict[str, Any]], None],
        failed: Failed,
        begun: Callable[[Invocation], None],
        pollers: int = _POLLERS,
    ) -> None:
        self.world = world
        self.faults = faults
        self._pollers = pollers
        self._seed = seed
        self._rng = random.Random(seed + 2)
        self._transport = transport
        self._watch = watch
        self._failed = failed
        self._begun = begun
        clock = lambda: world.now  # noqa: E731
        self.table = FakeDynamoDB(clock, self._hook("ledger", 4))
        self.dead_letters = FakeQueue(clock, url="dead.fifo")
        self.queue = FakeQueue(
            clock, self._hook("queue", 12), url="retry.fifo", visibility=_VISIBILITY, dead_letters=self.dead_letters
        )
        self.settings = FakeSSM(self._hook("settings", 8))
        self._pools: dict[str, list[_Environment]] = {name: [] for name in TIMEOUTS}
        self._sources = {name: _source(name) for name in TIMEOUTS}
        self._polling = 0
        self._poll_due: int | None = None
        self._upkeep_runs = False
        world.after(MINUTE, self._upkeep)

    def put_shop(self, id: str, settings: dict[str, Any]) -> None:
        """Write a shop's parameter, as its engineer does."""
        self.settings.put_parameter(
            Name=_SHOPS_PATH + id, Value=json.dumps(settings), Type="SecureString", Overwrite=True
        )

    def http(self, event: dict[str, Any], invocation: Invocation, done: Answer) -> None:
        """API Gateway: one call of the function that the invocation names."""
        self._invoke(invocation.name, event, invocation, done)

    def environment(self) -> Environment:
        """An environment outside any function, for what an engineer does by hand (replay)."""
        return self._wire(0)

    # -- functions --

    def _invoke(self, name: str, event: dict[str, Any], invocation: Invocation, done: Answer) -> None:
        pool = self._pools[name]
        if pool and self.faults.chance("cold_start", self.world.now, invocation.rng):
            pool[:] = [one for one in pool if one.busy]
        environment = next((one for one in pool if not one.busy), None)
        if environment is None:
            environment = _Environment(self._load(name))
            pool.append(environment)
        environment.busy = True
        for kind, blow in _BLOWS.items():
            if self.faults.chance(kind, self.world.now, invocation.rng):
                invocation.blow = (invocation.rng.randrange(1, _POINTS[name]), blow)
        self._begun(invocation)
        context = _Context(f"{name}-{id(invocation)}-{self.world.now}", invocation, self.world)

        def ended(result: Any) -> None:
            environment.busy = False
            if invocation.killed:
                pool.remove(environment)
            done(result)

        self.world.invoke(invocation, lambda: environment.module.handler(event, context), ended)

    def _load(self, name: str) -> ModuleType:
        module = ModuleType(f"simulated_{name}")
        # On import it would make real clients (a tenth of a second each time), which are thrown away below.
        with mock.patch.object(Environment, "from_os"):
            exec(self._sources[name], module.__dict__)
        skew = self._rng.randint(-2500, 2500) if self.faults.is_possible("skew") else 0
        module.environment = self._wire(skew)  # type: ignore[attr-defined]
        return module

    def _wire(self, skew: int) -> Environment:
        policy = Policy(jitter=self._rng.random)
        settings = Settings(_TABLE, "retry.fifo", _SHOPS_PATH, "https://esputnik.com/api/", _HASH_KEY, policy)
        return Environment(settings, self._clients(), transport=self._transport, clock=lambda: self.world.now + skew)

    def _clients(self) -> Clients:
        clients = Clients()
        for attribute, service, fake in (
            ("dynamodb", "ledger", self.table),
            ("sqs", "queue", self.queue),
            ("ssm", "settings", self.settings),
        ):
            watch = lambda operation, arguments, service=service: self._watch(service, operation, arguments)  # noqa: E731
            setattr(clients, attribute, _TwoAttempts(fake, cast(Any, watch)))
        return clients

    def _hook(self, service: str, latency: int) -> Callable[[str, str], None]:
        """What every call of a store is: some time, a point to die at, a chance to fail."""
        world, faults = self.world, self.faults
        by_turns, out = f"{service}_by_turns", f"{service}_out"
        down, throttled, lost = f"{service}_down", f"{service}_throttled", f"{service}_lost_answer"
        slow = f"{service}_slow"

        def hook(operation: str, phase: str) -> None:
            invocation = world.current
            if invocation is None:
                return
            rng = invocation.rng
            if (operation, phase) == ("send_message", "after"):
                self.poll(SECOND // 5)
            world.pause(rng.randint(1, _SLOWLY if faults.on(slow, world.now) else latency))
            fails = world.point(service, phase)
            if phase == "before":
                if fails or any(faults.on(kind, world.now) for kind in (down, by_turns, out)):
                    invocation.notes[down] = self.world.now
                    world.pause(500)
                    raise EndpointConnectionError(endpoint_url=service)
                if faults.on(throttled, world.now) and rng.random() < 0.5:
                    invocation.notes[down] = self.world.now
                    raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, operation)
            elif fails or (faults.on(lost, world.now) and rng.random() < 0.5):
                invocation.notes[down] = self.world.now
                world.pause(1_000)
                raise ReadTimeoutError(endpoint_url=service)

        return hook

    # -- the event source mapping and the schedule --

    def poll(self, delay: int = 0) -> None:
        """Look into the queue, now or a little later."""
        due = self.world.now + delay
        if self._poll_due is not None and self._poll_due <= due:
            return
        self._poll_due = due
        self.world.at(due, self._poll)

    def _poll(self) -> None:
        if self._poll_due is None or self.world.now < self._poll_due:
            return
        self._poll_due = None
        while self._polling < self._pollers and not self.faults.on("queue_down", self.world.now):
            messages = self.queue.receive_message(
                QueueUrl="retry.fifo", MaxNumberOfMessages=10, AttributeNames=["All"]
            ).get("Messages", [])
            if not messages:
                break
            self._polling += 1
            self._deliver(messages)
        if len(self.queue):
            self.poll(SECOND)

    def _deliver(self, messages: list[dict[str, Any]]) -> None:
        records = [queue_record(message) for message in messages]

        def done(result: Any) -> None:
            self._polling -= 1
            if isinstance(result, Exception):
                self._failed("retry", result)
            if isinstance(result, dict):
                kept = {failure["itemIdentifier"] for failure in result["batchItemFailures"]}
                for message in messages:
                    if message["MessageId"] not in kept:
                        with suppress(ClientError):  # its visibility time-out is over: it comes again
                            self.queue.delete_message(QueueUrl="retry.fifo", ReceiptHandle=message["ReceiptHandle"])
            self.poll()

        seed = f"{self._seed}:{records[0]['attributes']['MessageGroupId']}:{self.world.now}"
        invocation = Invocation("retry", self.world.now + TIMEOUTS["retry"], seed)
        self._invoke("retry", {"Records": records}, invocation, done)

    def _upkeep(self) -> None:
        self.world.after(MINUTE, self._upkeep)
        # With an empty outbox it does nothing: most of a run's minutes.
        if self._upkeep_runs or not any(self.table.count(f"outbox#{shard}") for shard in range(SHARDS)):
            return
        self._upkeep_runs = True

        def done(result: Any) -> None:
            self._upkeep_runs = False
            if isinstance(result, Exception):
                self._failed("upkeep", result)
            self.poll()

        seed = f"{self._seed}:upkeep:{self.world.now}"
        self._invoke("upkeep", {}, Invocation("upkeep", self.world.now + TIMEOUTS["upkeep"], seed), done)


class _Context:
    """What a function asks Lambda of its invocation."""

    def __init__(self, request_id: str, invocation: Invocation, world: World) -> None:
        self.aws_request_id = request_id
        self._invocation = invocation
        self._world = world

    def get_remaining_time_in_millis(self) -> int:
        return self._invocation.deadline - self._world.now


def _source(name: str) -> Any:
    """The function's app.py, compiled. It reads its environment variables on import; the simulation wires anew."""
    for variable in ("TABLE", "QUEUE_URL", "SHOPS_PATH", "HASH_KEY"):
        os.environ.setdefault(f"SHOPWIRE_{variable}", "simulated")
    package = importlib.util.find_spec("shopwire")
    assert package
    assert package.origin
    path = Path(package.origin).parents[2] / "functions" / name / "app.py"
    return compile(path.read_text(), str(path), "exec")
