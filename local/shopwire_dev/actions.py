"""What the inspector can do in `shopwire dev`: inject faults, send webhooks, replay and try again what waits."""

import http.client
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from shopwire import platforms
from shopwire.environment import Environment, now
from shopwire.models import Shop
from shopwire.stores.pauses import Pauses
from shopwire_dev.aws import PARTS, Aws
from shopwire_dev.caches import FunctionCaches
from shopwire_dev.platform_apis import PlatformApis
from shopwire_dev.recorder import WEBHOOK_HEADER, Recorder
from shopwire_emulator.emulator import Emulator
from shopwire_inspector.data_source import Posted
from shopwire_inspector.faults import FaultLimit
from shopwire_testkit.fetched import asked_answers
from shopwire_testkit.fresh import refresh_with_answers
from shopwire_testkit.samples import Sample, samples, signed_webhook
from shopwire_testkit.scenarios import Scenario, plan, scenarios_of

_TIMEOUT_SECONDS = 15
_MAX_COPIES = 8
# These headers belong to the connection that brought a call. A tunnel's is another one.
_OF_CONNECTION = frozenset({"host", "content-length", "connection", "expect", "transfer-encoding", "te", "upgrade"})


class Poster:
    """Posts webhooks to the gateway, as platforms do."""

    def __init__(self, url: str, platform_apis: PlatformApis) -> None:
        self._host = urlsplit(url).netloc
        self._platform_apis = platform_apis

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Posted:
        """Post a call, and return the response. Status 0 means that none arrived."""
        connection = http.client.HTTPConnection(self._host, timeout=_TIMEOUT_SECONDS)
        try:
            named = {name.lower(): value for name, value in headers.items()}
            connection.request("POST", path, body, {"content-type": "application/json", **named})
            response = connection.getresponse()
            id = re.fullmatch("[0-9]{1,15}", response.getheader(WEBHOOK_HEADER, ""))
            return Posted(response.status, response.read().decode(), int(id[0]) if id else None)
        except (OSError, http.client.HTTPException) as error:
            return Posted(0, f"no response: {type(error).__name__}", None)
        finally:
            connection.close()

    def sign_and_post(
        self,
        shop: Shop,
        platform: str,
        topic: str,
        body: bytes,
        answers: Mapping[str, bytes | None],
        copies: int = 1,
    ) -> list[Posted]:
        """Sign a body with the shop's secret, and post the same call `copies` times at the same moment.

        Args:
            answers: what the platform's API answers from now on, by the names in `Platform.fetches`.
        """
        adapter = platforms.get(platform)
        webhook = signed_webhook(adapter, topic, body, shop, now())
        self._platform_apis.put(asked_answers(adapter, webhook, shop, answers))
        found: list[Posted] = []

        def post() -> None:
            found.append(self.post(f"/{adapter.endpoint}/{shop.id}", webhook.headers, webhook.body))

        threads = [threading.Thread(target=post, daemon=True) for _ in range(min(copies, _MAX_COPIES))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found


class DevActions:
    """The actions of the running `shopwire dev`. Implements `shopwire_inspector.data_source.Actions`.

    Args:
        emulator: None if another API receives the requests, because faults cannot be injected there.
        shops: the shops at the start, of which the demo shops get the samples.
        replay: queues a parked webhook again, and returns False if it is not parked.
    """

    def __init__(
        self,
        url: str,
        emulator: Emulator | None,
        aws: Aws,
        shops: Mapping[str, Shop],
        replay: Callable[[str], bool],
        recorder: Recorder,
        environment: Environment,
        caches: FunctionCaches,
        platform_apis: PlatformApis,
    ) -> None:
        self._poster = Poster(url, platform_apis)
        self._emulator = emulator
        self._aws = aws
        self._shops = shops
        self._recorder = recorder
        self._environment = environment
        self._caches = caches
        self.replay = replay

    @property
    def modes(self) -> dict[str, str]:
        """The current fault mode of the API, if it is the emulator, and of each AWS part."""
        parts = {part: self._aws.faults.mode(service) for part, service in PARTS.items()}
        return ({"api": self._emulator.fault_mode()} if self._emulator else {}) | parts

    @property
    def limits(self) -> dict[str, FaultLimit]:
        """When the fault of each part ends."""
        parts = {part: FaultLimit(self._aws.faults.seconds_left(service)) for part, service in PARTS.items()}
        return ({"api": FaultLimit(*self._emulator.fault_limits())} if self._emulator else {}) | parts

    def set_fault(self, part: str, mode: str, seconds: float | None) -> None:
        fault = {"mode": mode} | ({} if seconds is None else {"seconds": seconds})
        if part == "api" and self._emulator:
            self._emulator.set_fault(fault)
        else:
            self._aws.set_fault({"part": part, **fault})

    def samples(self) -> Iterable[Sample]:
        return (sample for platform in platforms.NAMES for sample in samples(platform))

    def scenarios(self) -> Mapping[str, list[Scenario]]:
        return {platform: found for platform in platforms.OF_SHOPS if (found := scenarios_of(platform))}

    def send(self, sample: str, *, fresh: bool) -> Posted:
        """Sign a sample and post it to the demo shop of its platform, as the platform does.

        Raises:
            KeyError: there is no such sample.
            NotRefreshable: the sample cannot be made fresh.
        """
        found = {f"{each.platform} {each.name}": each for each in self.samples()}[sample]
        body, answers = found.body, found.answers
        if fresh:
            fields = platforms.get(found.platform).sample_fields
            body, answers = refresh_with_answers(body, answers, fields, now())
        # A shop of every platform has a storefront.
        on = found.platform if found.platform in platforms.OF_SHOPS else platforms.OF_SHOPS[0]
        return self._poster.sign_and_post(self._shops[f"demo-{on}"], found.platform, found.topic, body, answers)[0]

    def play(self, platform: str, scenario: str) -> list[Posted]:
        """Post the webhooks of a scenario to the platform's demo shop, one after another.

        Raises:
            KeyError: there is no such scenario.
        """
        planned, shop = plan(platform, scenario, now()), self._shops[f"demo-{platform}"]
        posted: list[Posted] = []
        for webhook in planned:
            time.sleep(webhook.pause_seconds)
            posted += self._poster.sign_and_post(
                shop, webhook.platform, webhook.topic, webhook.body, webhook.answers, webhook.copies
            )
        return posted

    def post(self, shop: Shop, platform: str, topic: str, body: bytes) -> Posted:
        return self._poster.sign_and_post(shop, platform, topic, body, {})[0]

    def repeat(self, path: str, headers: Mapping[str, str], body: bytes) -> Posted:
        return self._poster.post(path, {name: headers[name] for name in headers if name not in _OF_CONNECTION}, body)

    def try_now(self, shop: str) -> None:
        """Let everything of the shop that waits be tried at once: end its pause, and make its messages visible."""
        pauses = Pauses(self._environment.table, self._environment.policy.retry_base_ms)
        if pauses.state(shop, now()).until is not None:
            pauses.end(shop)
        self._caches.forget(shop)
        sqs = self._aws.client("sqs")
        for receipt_handle in self._recorder.hurry(shop):
            with suppress(ClientError, BotoCoreError):  # it is being tried right now, or is gone
                sqs.change_message_visibility(
                    QueueUrl=self._aws.queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=0
                )

    def holdings(self, shop: Shop) -> Mapping[str, Any] | None:
        if self._emulator is None:
            return None
        return self._emulator.state(shop.esputnik_key.get_secret_value())
