"""What may be done in `shopwire dev` from the inspector: break a part, send a sample, replay a parked webhook."""

import http.client
import time
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from shopwire import platforms
from shopwire.models import Shop
from shopwire_dev.aws import PARTS, Aws
from shopwire_emulator.emulator import Emulator
from shopwire_testkit.fresh import refresh, sign_visit
from shopwire_testkit.samples import Sample, samples

_SECONDS = 15


class DevControls:
    """The running `shopwire dev`'s (`installation.Controls`).

    Args:
        emulator: None where another API is sent to: that one cannot be broken from here.
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
        """What is broken."""
        parts = {part: self._aws.faults.mode(service) for part, service in PARTS.items()}
        return ({"api": self._emulator.fault()} if self._emulator else {}) | parts

    def break_part(self, part: str, mode: str, seconds: float | None) -> None:
        wanted = {"mode": mode} | ({} if seconds is None else {"seconds": seconds})
        if part == "api" and self._emulator:
            self._emulator.set_fault(wanted)
        else:
            self._aws.set_fault({"part": part, **wanted})

    def samples(self) -> Iterable[Sample]:
        return (one for name in platforms.NAMES for one in samples(name))

    def send(self, sample: str, *, fresh: bool) -> tuple[int, str]:
        """Send a sample to its platform's demo shop, signed, over HTTP like any platform.

        Raises:
            KeyError: no such sample.
        """
        found = {f"{one.platform} {one.name}": one for one in self.samples()}[sample]
        visit = found.platform == "storefront"
        shop, now = self._shops["demo-shopify" if visit else f"demo-{found.platform}"], time.time_ns() // 1_000_000
        body = sign_visit(found.body, shop) if visit else found.body
        body = refresh(body, now) if fresh else body
        signed = platforms.get(found.platform).sign(found.topic, body, shop, now)
        connection = http.client.HTTPConnection(self._url.netloc, timeout=_SECONDS)
        try:
            headers = {"Content-Type": "application/json", **signed}
            connection.request("POST", f"/{'storefront' if visit else 'webhooks'}/{shop.id}", body, headers)
            answered = connection.getresponse()
            return answered.status, answered.read().decode()
        finally:
            connection.close()
