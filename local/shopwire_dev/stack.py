"""`shopwire dev`: everything on one's own machine, in memory: gateway, functions, AWS parts, the API's emulator.

Puts the parts together, starts and ends them; what each of them does is its own.
"""

import os
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack

from shopwire.environment import Clients, Environment, now
from shopwire.environment import Settings as EnvironmentSettings
from shopwire.shops import SettingsDown
from shopwire_dev.aws import REGION, SHOPS_PATH, Aws, process_environment
from shopwire_dev.controls import DevControls
from shopwire_dev.demo_shops import Settings, demo_settings, parse_shops
from shopwire_dev.gateway import Gateway, Parked, event
from shopwire_dev.lambdas import TIMEOUTS
from shopwire_dev.poller import Poller, Schedule
from shopwire_dev.taps import Taps
from shopwire_emulator.emulator import Emulator
from shopwire_emulator.endpoints import make_application
from shopwire_inspector.installation import Installation
from shopwire_inspector.journal import Journal
from shopwire_inspector.pages import Pages
from shopwire_wsgi import Environ, PortUnavailable, Server, StartResponse

_UPKEEP_SECONDS = 2.0
_RETRY_BASE_SECONDS = "1"
_WARM_ENVIRONMENTS = 4


class DevStack:
    """The whole, for a command or a test.

    Args:
        port: of the gateway; the AWS parts are on the next one. 0: free ones.
        esputnik_url: another API than the emulator.
        settings: shops beside the demo shops, by id.

    Raises:
        BadSettings, PortUnavailable.
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
        self.journal = Journal()
        self._taps = Taps(self.journal)
        self._functions = {name: self._taps.function(name) for name in TIMEOUTS}
        self.aws = Aws("127.0.0.1", port + 1 if port else 0)
        self._stopping = threading.Event()
        self._any_host = host not in ("127.0.0.1", "localhost")
        gateway = Gateway(
            self._functions,
            make_application(self.emulator, self._stopping.wait),
            self.aws.set_fault,
            Parked(self._parked_list, self._parked_show, self._parked_replay),
            self._inspect,
            aws={"endpoint": self.aws.url, "region": REGION, "shops_path": SHOPS_PATH},
            any_host=self._any_host,
        )
        try:
            self._servers = [Server(gateway, host, port)]
            if host not in ("127.0.0.1", "localhost", "0.0.0.0"):
                # Whatever else is listened to: functions and emulator speak with each other on loopback.
                self._servers.append(Server(gateway, "127.0.0.1", self._servers[0].port))
        except PortUnavailable:
            self.aws.stop()
            raise
        self.url = f"http://127.0.0.1:{self._servers[0].port}"
        self._esputnik_url = esputnik_url or f"{self.url}/esputnik/api/"
        self._background: list[Poller | Schedule] = []
        self._before: Mapping[str, str] = {}
        self._listening = ExitStack()
        self._environment: Environment | None = None
        self._pages: Pages | None = None

    def start(self) -> None:
        """Come back when everything answers."""
        self._before = dict(os.environ)
        self.aws.start(self.shops.values(), self._settings)
        variables = {"SHOPWIRE_RETRY_BASE_SECONDS": _RETRY_BASE_SECONDS, **_of_shopwire()}
        variables |= {**self.aws.environment(), "SHOPWIRE_ESPUTNIK_URL": self._esputnik_url}
        for name, value in process_environment(variables).items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._listening.enter_context(self._taps.open())
        self._environment, self._pages = self._looked_at()
        for server in self._servers:
            server.start()
        # A stack that has been up for a while knows its shops: what breaks SSM now finds them cached.
        self._functions["webhook"].warm_up(_WARM_ENVIRONMENTS, [_probe(id) for id in self.shops])
        self._background = [
            Poller(self.aws.client("sqs"), self.aws.queue_url, self._functions["retry"]),
            Schedule(self._functions["upkeep"], _UPKEEP_SECONDS),
        ]
        for part in self._background:
            part.start()

    def stop(self) -> None:
        """End everything, and give the process its environment back."""
        self._stopping.set()
        for part in self._background:
            part.stop()
        for server in self._servers:
            server.stop()
        self.aws.stop()
        self._listening.close()
        os.environ.clear()
        os.environ.update(self._before)

    def _looked_at(self) -> tuple[Environment, Pages]:
        settings, clients = EnvironmentSettings.read(os.environ), Clients()
        environment = Environment(settings, clients)
        emulator = self.emulator if self._esputnik_url.startswith(self.url) else None
        controls = DevControls(self.url, emulator, self.aws, self.shops, self._parked_replay)
        installation = Installation(
            "shopwire dev, in memory", settings, clients, environment, self._shop_ids, controls=controls
        )
        return environment, Pages(self.journal, installation, any_host=self._any_host)

    def _inspect(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        assert self._pages
        return self._pages(environ, start_response)

    def _parked_list(self) -> list[dict[str, object]]:
        environment = self._wired()
        return [one.summary for shop in self._shop_ids() for one in environment.parked.list(shop)]

    def _parked_show(self, id: str) -> dict[str, object] | None:
        found = self._wired().parked.get(id)
        return found.details if found else None

    def _parked_replay(self, id: str) -> bool:
        environment = self._wired()
        found = environment.parked.get(id)
        if found is None:
            return False
        at = now()
        environment.replay(found)
        self.journal.replayed(found.shop, found.message.received_at, at)
        return True

    def _shop_ids(self) -> list[str]:
        try:
            return sorted(self._wired().shops.ids())
        except SettingsDown:
            return list(self.shops)  # those that it began with

    def _wired(self) -> Environment:
        assert self._environment
        return self._environment


def serve(host: str, port: int, *, esputnik_url: str | None = None, settings: Settings | None = None) -> None:
    """Run until Ctrl-C or SIGTERM.

    Raises:
        BadSettings, PortUnavailable.
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    stack = DevStack(host, port, esputnik_url=esputnik_url, settings=settings)
    try:
        stack.start()
        print("everything is kept in memory and gone when this ends (Ctrl-C)")
        print(f"shops: {', '.join(f'{stack.url}/webhooks/{id}' for id in stack.shops)}")
        print(f"ready {stack.url}", flush=True)
        ended.wait()
    finally:
        stack.stop()


def _of_shopwire() -> dict[str, str]:
    """What the user set himself."""
    return {name: value for name, value in os.environ.items() if name.startswith("SHOPWIRE_")}


def _probe(shop: str) -> dict[str, object]:
    """The event of a platform that asks whether the shop's URL is there."""
    return event({"REQUEST_METHOD": "GET", "RAW_URI": f"/webhooks/{shop}"}, b"")
