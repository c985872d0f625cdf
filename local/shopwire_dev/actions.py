"""What the inspector can do in `shopwire dev`: inject faults, send samples, replay parked webhooks."""

import http.client
import time
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from shopwire import platforms
from shopwire.models import Shop
from shopwire_dev.aws import PARTS, Aws
from shopwire_emulator.emulator import Emulator
from shopwire_testkit.fresh import refresh
from shopwire_testkit.samples import Sample, samples

_TIMEOUT_SECONDS = 15


class DevActions:
    """The actions of the running `shopwire dev`. Implements `shopwire_inspector.data_source.Actions`.

    Args:
        emulator: None if another API receives the requests, because faults cannot be injected there.
    """

    def __init__(
        self, url: str, emulator: Emulator | None, aws: Aws, shops: Mapping[str, Shop], replay: Callable[[str], bool]
    ) -> None:
        self._url = urlsplit(url)
        self._emulator = emulator
        self._aws = aws
        self._shops = shops
        self.replay = replay

    @property
    def modes(self) -> dict[str, str]:
        """The current fault mode of the API, if it is the emulator, and of each AWS part."""
        parts = {part: self._aws.faults.mode(service) for part, service in PARTS.items()}
        return ({"api": self._emulator.fault_mode()} if self._emulator else {}) | parts

    def set_fault(self, part: str, mode: str, seconds: float | None) -> None:
        fault = {"mode": mode} | ({} if seconds is None else {"seconds": seconds})
        if part == "api" and self._emulator:
            self._emulator.set_fault(fault)
        else:
            self._aws.set_fault({"part": part, **fault})

    def samples(self) -> Iterable[Sample]:
        return (sample for platform in platforms.NAMES for sample in samples(platform))

    def send(self, sample: str, *, fresh: bool) -> tuple[int, str]:
        """Sign a sample and post it to the demo shop of its platform, as the platform does.

        Raises:
            KeyError: there is no such sample.
            NotRefreshable: the sample cannot be made fresh.
        """
        found = {f"{each.platform} {each.name}": each for each in self.samples()}[sample]
        platform, now = platforms.get(found.platform), time.time_ns() // 1_000_000
        # A shop of every platform has a storefront.
        shop = self._shops[f"demo-{platform.name if platform.name in platforms.OF_SHOPS else platforms.OF_SHOPS[0]}"]
        body = refresh(found.body, platform.sample_fields, now) if fresh else found.body
        call = platform.sign(found.topic, body, shop, now)
        connection = http.client.HTTPConnection(self._url.netloc, timeout=_TIMEOUT_SECONDS)
        try:
            headers = {"Content-Type": "application/json", **call.headers}
            connection.request("POST", f"/{platform.endpoint}/{shop.id}", call.body, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()
