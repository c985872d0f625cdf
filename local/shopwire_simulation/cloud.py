"""The simulated AWS account: functions in Lambda environments, their clients, the event source mapping, the schedule.

The functions' own app.py files run. Each environment has its own module, caches and clock.
"""

import gc
import importlib.util
import itertools
import json
import random
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from unittest import mock

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, ReadTimeoutError

from shopwire.delivery.task import Policy
from shopwire.environment import Clients, Environment, Settings
from shopwire.esputnik import Transport
from shopwire_dev.lambdas import queue_record
from shopwire_simulation.fakes import FakeDynamoDB, FakeQueue, FakeSSM
from shopwire_simulation.faults import FaultSchedule
from shopwire_simulation.scheduler import Fault, Invocation, Scheduler
from shopwire_simulation.table_layout import OUTBOX_PARTITIONS
from shopwire_testkit.durations import MINUTE, SECOND

TIMEOUTS = {"webhook": 10 * SECOND, "storefront": 10 * SECOND, "retry": 60 * SECOND, "upkeep": 50 * SECOND}
"""The functions' time-outs in milliseconds."""
_VISIBILITY_MS = 360 * SECOND
_DELAY_MS = Policy().retry_base_ms
_PLANNED_FAULTS = (*((fault.value, fault) for fault in Fault), ("overruns", Fault.OVERRUN))
"""The kinds of faults that hit an invocation at one point, and what they do."""
# Latency of each half of a slow call, up to this value. The client still waits for it.
_SLOW_LATENCY_MS = 400
_MAX_RETRY_CONCURRENCY = 5
# A fault hits a function at one of this number of points. Most invocations reach as many, or more if they get a batch.
_POINTS = {"webhook": 14, "storefront": 14, "retry": 40, "upkeep": 14}
_TABLE, _QUEUE_URL, _SHOPS_PATH, _HASH_KEY = "shopwire", "retry.fifo", "/shopwire/sim/shops/", "simulated"

OnResult = Callable[[Any], None]
OnFailure = Callable[[str, Exception], None]
"""Called with the function and the exception that ended an invocation to which no caller waits for an answer."""
OnAwsCall = Callable[[str, str, dict[str, Any]], None]
"""Called before each call of AWS, with the service, the operation and the arguments."""
OnWrite = Callable[[dict[str, Any] | None, dict[str, Any] | None], None]
"""Called after each write of the table, with the item before and after it."""


class _RetryingClient:
    """A client as production configures it, with a second attempt if the first got no answer or was throttled."""

    def __init__(self, fake: Any, on_call: Callable[[str, dict[str, Any]], None]) -> None:
        self._fake = fake
        self._on_call = on_call

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self._fake, operation)

        def call_twice(**arguments: Any) -> Any:
            self._on_call(operation, arguments)
            try:
                return call(**arguments)
            except BotoCoreError:
                return call(**arguments)
            except ClientError as error:
                if "Throttl" not in error.response["Error"]["Code"]:
                    raise
                return call(**arguments)

        return call_twice


class _LambdaEnvironment:
    """One Lambda environment. It runs one invocation at a time."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.busy = False


class Cloud:
    """The account: one table, one queue with its dead-letter queue, the settings, and four functions.

    Args:
        transport: how the functions reach the API.
        on_aws_call: see `OnAwsCall`.
        on_failure: see `OnFailure`. Called for `retry` and `upkeep`.
        on_start: called with each invocation before it runs.
        max_retry_concurrency: how many invocations of `retry` run at the same time (template.yaml: RetryConcurrency).
        on_end: called with each invocation when it has ended.
        on_write: see `OnWrite`.
        platform_transport: how they reach the APIs of the platforms; None: they never do.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        faults: FaultSchedule,
        seed: int,
        transport: Transport,
        on_aws_call: OnAwsCall,
        on_failure: OnFailure,
        on_start: Callable[[Invocation], None],
        max_retry_concurrency: int = _MAX_RETRY_CONCURRENCY,
        on_end: Callable[[Invocation], None] = lambda _: None,
        on_write: OnWrite = lambda before, after: None,
        platform_transport: Transport | None = None,
    ) -> None:
        self.scheduler = scheduler
        self.faults = faults
        self._max_retry_concurrency = max_retry_concurrency
        self._seed = seed
        self._rng = random.Random(seed + 2)
        self._transport = transport
        self._platform_transport = platform_transport
        self._on_aws_call = on_aws_call
        self._on_failure = on_failure
        self._on_start = on_start
        self._on_end = on_end
        clock = lambda: scheduler.now  # noqa: E731
        self.table = FakeDynamoDB(clock, self._make_hook("ledger", 4))
        self.table.on_write = on_write
        self.dead_letters = FakeQueue(clock, url="dead.fifo")
        self.queue = FakeQueue(
            clock,
            self._make_hook("queue", 12),
            url=_QUEUE_URL,
            visibility=_VISIBILITY_MS,
            delay=_DELAY_MS,
            dead_letters=self.dead_letters,
        )
        self.queue.refuses_entry = lambda: self._fails_partly("queue")
        self.table.unwritten = lambda requests: sum(self._fails_partly("ledger") for _ in range(requests))
        self.settings = FakeSSM(self._make_hook("settings", 8))
        self._environments: dict[str, list[_LambdaEnvironment]] = {name: [] for name in TIMEOUTS}
        self._code = {name: _compile_function(name) for name in TIMEOUTS}
        self._request_numbers = itertools.count(1)
        self._retry_concurrency = 0
        self._poll_at: int | None = None
        self._upkeep_runs = False
        self._upkeep_at = scheduler.now
        self._schedule_upkeep(scheduler.now + MINUTE)

    def put_shop(self, id: str, settings: dict[str, Any]) -> None:
        """Write a shop's parameter, as the shop's engineer does."""
        self.settings.put_parameter(
            Name=_SHOPS_PATH + id, Value=json.dumps(settings), Type="SecureString", Overwrite=True
        )

    def http(self, event: dict[str, Any], invocation: Invocation, done: OnResult) -> None:
        """Invoke the function that the invocation names, as API Gateway does."""
        self._invoke(invocation.name, event, invocation, done)

    def environment(self) -> Environment:
        """Return an environment outside any function, for what an engineer does by hand (replay)."""
        return self._make_environment(0)

    # -- functions --

    def _invoke(self, name: str, event: dict[str, Any], invocation: Invocation, done: OnResult) -> None:
        if idle_minutes := (self._upkeep_at - self.scheduler.now - 1) // MINUTE:
            self._schedule_upkeep(self._upkeep_at - idle_minutes * MINUTE)
        pool = self._environments[name]
        if pool and self.faults.happens("cold_start", self.scheduler.now, invocation.rng):
            pool[:] = [environment for environment in pool if environment.busy]
        environment = next((environment for environment in pool if not environment.busy), None)
        if environment is None:
            environment = _LambdaEnvironment(self._load(name, invocation))
            pool.append(environment)
        environment.busy = True
        for kind, fault in _PLANNED_FAULTS:
            if self.faults.happens(kind, self.scheduler.now, invocation.rng):
                invocation.planned_fault = (invocation.rng.randrange(1, _POINTS[name]), fault)
        self._on_start(invocation)
        invocation.started_at = self.scheduler.now
        invocation.request_id = f"{name}-{next(self._request_numbers)}"
        context = _LambdaContext(invocation, self.scheduler)

        def end(result: Any) -> None:
            environment.busy = False
            if invocation.killed:
                pool.remove(environment)
            self._on_end(invocation)
            done(result)

        self.scheduler.invoke(invocation, lambda: environment.module.handler(event, context), end)

    def _load(self, name: str, first: Invocation) -> ModuleType:
        """Return the module of a new environment. Its clock follows from its first invocation."""
        module = ModuleType(f"simulated_{name}")
        collects_garbage = gc.isenabled()
        # On import the function makes real clients. They take 0.1 s each time and are replaced below.
        with mock.patch.object(Environment, "from_os", _make_no_environment):
            exec(self._code[name], module.__dict__)
        if not collects_garbage:
            gc.disable()  # the function turns it on
        skew = random.Random(f"skew {first.seed}").randint(-2500, 2500) if self.faults.includes("skew") else 0
        module.environment = self._make_environment(skew)  # type: ignore[attr-defined]
        return module

    def _make_environment(self, clock_skew: int) -> Environment:
        policy = Policy(jitter=self._jitter)
        settings = Settings(_TABLE, _QUEUE_URL, _SHOPS_PATH, "https://esputnik.com/api/", _HASH_KEY, policy)
        clock = lambda: self.scheduler.now + clock_skew  # noqa: E731
        return Environment(
            settings,
            self._make_clients(),
            transport=self._transport,
            platform_transport=self._platform_transport,
            clock=clock,
        )

    def _jitter(self) -> float:
        # Each invocation draws its own numbers, so that it waits as long if the shrinker leaves other stories out.
        invocation = self.scheduler.current
        return (invocation.rng if invocation else self._rng).random()

    def _make_clients(self) -> Clients:
        clients = Clients()
        for attribute, service, fake in (
            ("dynamodb", "ledger", self.table),
            ("sqs", "queue", self.queue),
            ("ssm", "settings", self.settings),
        ):
            on_call = lambda operation, arguments, service=service: self._on_aws_call(service, operation, arguments)  # noqa: E731
            setattr(clients, attribute, _RetryingClient(fake, cast(Any, on_call)))
        return clients

    def _make_hook(self, service: str, latency: int) -> Callable[[str, str], None]:
        """Return the hook of a service's fake: it adds latency, lets faults hit, and makes calls fail.

        Args:
            latency: longest latency of each half of a call, in milliseconds.
        """
        scheduler, faults = self.scheduler, self.faults
        down, throttled, lost = f"{service}_down", f"{service}_throttled", f"{service}_lost_answer"
        slow = f"{service}_slow"
        outages = [kind for kind in (down, f"{service}_flapping", f"{service}_out") if faults.includes(kind)]

        def hook(operation: str, phase: str) -> None:
            invocation = scheduler.current
            if invocation is None:
                return
            rng = invocation.rng
            if operation in ("send_message", "send_message_batch") and phase == "after":
                self.poll(SECOND // 5)
            longest = _SLOW_LATENCY_MS if faults.is_active(slow, scheduler.now) else latency
            scheduler.sleep(rng.randint(1, longest))
            unanswered = scheduler.reach_point(service, phase)
            if phase == "before":
                if unanswered or (outages and any(faults.is_active(kind, scheduler.now) for kind in outages)):
                    invocation.notes[down] = scheduler.now
                    scheduler.sleep(500)
                    raise EndpointConnectionError(endpoint_url=service)
                if faults.is_active(throttled, scheduler.now) and rng.random() < 0.5:
                    invocation.notes[down] = scheduler.now
                    raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, operation)
            elif unanswered or (faults.is_active(lost, scheduler.now) and rng.random() < 0.5):
                invocation.notes[down] = scheduler.now
                scheduler.sleep(1_000)
                raise ReadTimeoutError(endpoint_url=service)

        return hook

    def _fails_partly(self, service: str) -> bool:
        """Return True if one entry of a batch fails, while others succeed."""
        invocation, now = self.scheduler.current, self.scheduler.now
        if invocation is None or not self.faults.happens(f"{service}_partial", now, invocation.rng):
            return False
        invocation.notes[f"{service}_down"] = now
        return True

    # -- the event source mapping and the schedule --

    def poll(self, delay: int = 0) -> None:
        """Poll the queue after a delay in milliseconds, unless an earlier poll is scheduled."""
        at = self.scheduler.now + delay
        if self._poll_at is not None and self._poll_at <= at:
            return
        self._poll_at = at
        self.scheduler.call_at(at, self._poll)

    def _poll(self) -> None:
        if self._poll_at is None or self.scheduler.now < self._poll_at:
            return
        self._poll_at = None
        while self._retry_concurrency < self._max_retry_concurrency and not self.faults.is_active(
            "queue_down", self.scheduler.now
        ):
            messages = self.queue.receive_message(
                QueueUrl=_QUEUE_URL, MaxNumberOfMessages=10, AttributeNames=["All"]
            ).get("Messages", [])
            if not messages:
                break
            self._retry_concurrency += 1
            self._invoke_retry(messages)
        if len(self.queue):
            self.poll(SECOND)

    def _invoke_retry(self, messages: list[dict[str, Any]]) -> None:
        records = [queue_record(message) for message in messages]

        def done(result: Any) -> None:
            self._retry_concurrency -= 1
            if isinstance(result, Exception):
                self._on_failure("retry", result)
            if isinstance(result, dict):
                failed = {failure["itemIdentifier"] for failure in result["batchItemFailures"]}
                for message in messages:
                    if message["MessageId"] not in failed:
                        with suppress(ClientError):  # its visibility time-out is over, so it comes again
                            self.queue.delete_message(QueueUrl=_QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])
            self.poll()

        seed = f"{self._seed}:{records[0]['attributes']['MessageGroupId']}:{self.scheduler.now}"
        invocation = Invocation("retry", self.scheduler.now + TIMEOUTS["retry"], seed)
        self._invoke("retry", {"Records": records}, invocation, done)

    def _schedule_upkeep(self, at: int) -> None:
        self._upkeep_at = at
        self.scheduler.call_at(at, self._run_upkeep)

    def _run_upkeep(self) -> None:
        now = self.scheduler.now
        if now != self._upkeep_at:
            return  # an invocation that the scheduler did not know of has moved it to an earlier minute
        # With an empty outbox `upkeep` does nothing. That is most of a run's minutes, so it is not invoked then. The
        # outbox stays empty until the next action, so the minutes before it are left out. They take a tenth of the time
        # of a short story.
        is_empty = not any(map(self.table.count, OUTBOX_PARTITIONS))
        next_at = self.scheduler.next_action_at if is_empty else None
        idle_minutes = max((next_at - now - 1) // MINUTE, 0) if next_at is not None else 0
        self._schedule_upkeep(now + (idle_minutes + 1) * MINUTE)
        if self._upkeep_runs or is_empty:
            return
        self._upkeep_runs = True

        def done(result: Any) -> None:
            self._upkeep_runs = False
            if isinstance(result, Exception):
                self._on_failure("upkeep", result)
            self.poll()

        self._invoke("upkeep", {}, Invocation("upkeep", now + TIMEOUTS["upkeep"], f"{self._seed}:upkeep:{now}"), done)


class _LambdaContext:
    """The parts of Lambda's context object that the functions use."""

    def __init__(self, invocation: Invocation, scheduler: Scheduler) -> None:
        self.aws_request_id = invocation.request_id
        self._invocation = invocation
        self._scheduler = scheduler

    def get_remaining_time_in_millis(self) -> int:
        return self._invocation.deadline - self._scheduler.now


def _make_no_environment(*_: str) -> None:
    """Make nothing. A mock would take longer."""


@cache
def _compile_function(name: str) -> Any:
    """Compile the function's app.py."""
    package = importlib.util.find_spec("shopwire")
    assert package
    assert package.origin
    path = Path(package.origin).parents[2] / "functions" / name / "app.py"
    return compile(path.read_text(), str(path), "exec")
