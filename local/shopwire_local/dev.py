"""`shopwire dev`: everything on one's own machine, in memory: gateway, functions, AWS parts, the API's emulator."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from urllib.request import urlopen

from shopwire.environment import Environment
from shopwire.replay import replay
from shopwire_local.aws import Aws
from shopwire_local.esputnik import Emulator
from shopwire_local.esputnik_http import application
from shopwire_local.gateway import Gateway, Parked
from shopwire_local.lambdas import Function
from shopwire_local.poller import Poller, Schedule
from shopwire_local.shops import Settings, demo_settings, parse_shops
from shopwire_local.wsgi import Server

_UPKEEP_SECONDS = 2.0
_RETRY_BASE_SECONDS = "1"


class DevStack:
    """The whole, for a command or a test.

    Args:
        port: of the gateway; the AWS parts are on the next one. 0: free ones.
        esputnik_url: another API than the emulator.
        settings: shops beside the demo shops, by id.

    Raises:
        BadSettings, PortTaken.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        esputnik_url: str | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._settings = demo_settings() | (settings or {})
        self.shops = parse_shops(self._settings)
        self.emulator = Emulator(time.monotonic)
        self.aws = Aws("127.0.0.1", port + 1 if port else 0)
        self._stopping = threading.Event()
        webhook, retry, upkeep = (Function(name) for name in ("webhook", "retry", "upkeep"))
        gateway = Gateway(
            webhook,
            application(self.emulator, self._stopping.wait),
            self.aws.faults,
            Parked(self._parked_list, self._parked_show, self._parked_replay),
            any_host=host not in ("127.0.0.1", "localhost"),
        )
        self._server = Server(gateway, host, port)
        self.url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{self._server.port}"
        self._esputnik_url = esputnik_url or f"{self.url}/esputnik/api/"
        self._retry, self._upkeep = retry, upkeep
        self._background: list[Poller | Schedule] = []
        self._environment: Environment | None = None

    def start(self) -> None:
        """Come back when everything answers."""
        self.aws.start(self.shops.values(), self._settings)
        os.environ.update(self.aws.environment())
        os.environ["SHOPWIRE_ESPUTNIK_URL"] = self._esputnik_url
        os.environ.setdefault("SHOPWIRE_RETRY_BASE_SECONDS", _RETRY_BASE_SECONDS)
        self._environment = Environment.from_os()
        self._server.start()
        # A stack that has been up for a while knows its shops: what breaks SSM now finds them cached.
        for id in self.shops:
            urlopen(f"{self.url}/webhooks/{id}").close()
        self._background = [
            Poller(self.aws.client("sqs"), self.aws.queue_url, self._retry),
            Schedule(self._upkeep, _UPKEEP_SECONDS),
        ]
        for part in self._background:
            part.start()

    def stop(self) -> None:
        """End everything."""
        self._stopping.set()
        for part in self._background:
            part.stop()
        self._server.stop()
        self.aws.stop()

    def _parked_list(self) -> list[dict[str, object]]:
        environment = self._wired()
        return [one.summary for shop in self.shops for one in environment.parked.list(shop)]

    def _parked_show(self, id: str) -> dict[str, object] | None:
        found = self._wired().parked.get(id)
        return found.details if found else None

    def _parked_replay(self, id: str) -> bool:
        environment = self._wired()
        found = environment.parked.get(id)
        if found is None:
            return False
        replay(environment, found)
        return True

    def _wired(self) -> Environment:
        assert self._environment
        return self._environment


def serve(host: str, port: int, *, esputnik_url: str | None = None, settings: Settings | None = None) -> None:
    """Run until Ctrl-C or SIGTERM.

    Raises:
        BadSettings, PortTaken.
    """
    stack = DevStack(host, port, esputnik_url=esputnik_url, settings=settings)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    stack.start()
    _say(
        "everything is kept in memory and gone when this ends (Ctrl-C)",
        f"shops: {', '.join(f'{stack.url}/webhooks/{id}' for id in stack.shops)}",
        f"ready {stack.url}",
    )
    ended.wait()
    stack.stop()


def _say(*lines: Iterable[str] | str) -> None:
    for line in lines:
        print(line, flush=True)
    sys.stdout.flush()
