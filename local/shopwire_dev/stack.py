"""`shopwire dev` as a whole: gateway, functions, embedded AWS services and API emulator, in memory on this machine.

This module connects the parts, starts and stops them.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from shopwire.environment import Clients, Environment, Settings, now
from shopwire.errors import BadSettings, SettingsUnavailable
from shopwire.observability import logger
from shopwire_dev.accounts import shared_account
from shopwire_dev.actions import DevActions
from shopwire_dev.aws import REGION, SHOPS_PATH, Aws, process_environment
from shopwire_dev.demo_shops import SettingsByShop, demo_settings, parse_shops
from shopwire_dev.gateway import FeedRoutes, Gateway, ParkedRoutes, PersonRoutes, make_event
from shopwire_dev.lambdas import TIMEOUT_SECONDS
from shopwire_dev.people import find_named, orders_of
from shopwire_dev.platform_apis import PATH as PLATFORM_API_PATH
from shopwire_dev.poller import Poller, Schedule
from shopwire_dev.recorder import Recorder
from shopwire_dev.shop_caches import ShopCaches
from shopwire_emulator.emulator import Emulator
from shopwire_emulator.endpoints import make_application
from shopwire_inspector.data_source import DataSource
from shopwire_inspector.feed import Feed, Record, changes, latest, make_record
from shopwire_inspector.journal import Journal
from shopwire_inspector.pages import Pages
from shopwire_wsgi import Environ, PortUnavailable, Server, StartResponse

_UPKEEP_SECONDS = 2.0
_RETRY_BASE_SECONDS = "1"
_WARM_ENVIRONMENTS = 4
_FEED_SECONDS = 0.1


class DevStack:
    """A complete local shopwire, for the command line and for tests.

    Args:
        port: port of the gateway. The AWS services use the next one. 0 chooses free ports.
        allow_remote: accept webhooks and visits of other machines, and under every Host name (`Gateway`).
        public_hosts: accept webhooks and visits under these Host names, which a tunnel brings (`Gateway`).
        esputnik_url: URL of an API to use instead of the emulator.
        settings: shops besides the demo shops.

    Raises:
        BadSettings, PortUnavailable.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        esputnik_url: str | None = None,
        settings: SettingsByShop | None = None,
        allow_remote: bool = False,
        public_hosts: Sequence[str] = (),
    ) -> None:
        self.public_hosts = public_hosts
        self._settings = demo_settings() | (settings or {})
        self.shops = parse_shops(self._settings)
        if problem := shared_account(self._settings, list(self._settings)):
            raise BadSettings(problem)
        self.emulator = Emulator(time.monotonic)
        self.journal = Journal()
        self._recorder = Recorder(self.journal)
        self._shop_caches = ShopCaches()
        self._functions = {name: self._recorder.make_function(name) for name in TIMEOUT_SECONDS}
        self.aws = Aws("127.0.0.1", port + 1 if port else 0)
        self._stopping = threading.Event()
        gateway = Gateway(
            self._functions,
            make_application(self.emulator, self._stopping.wait),
            self.aws.set_fault,
            ParkedRoutes(self._list_parked, self._show_parked, self._replay_parked),
            self._serve_inspector,
            person=PersonRoutes(self._show_person, self._erase_person),
            feed=FeedRoutes(self._show_webhook, self._changed_webhooks, self._latest_webhooks),
            forget_shop=self._shop_caches.forget,
            aws={"endpoint": self.aws.url, "region": REGION, "shops_path": SHOPS_PATH},
            allow_remote=allow_remote,
            public_hosts=public_hosts,
        )
        try:
            self._servers = [Server(gateway, host, port)]
            if host not in ("127.0.0.1", "localhost", "0.0.0.0"):
                # The functions reach the emulator on loopback, so the gateway must listen there too.
                self._servers.append(Server(gateway, "127.0.0.1", self._servers[0].port))
        except PortUnavailable:
            self.aws.stop()
            raise
        self.url = f"http://127.0.0.1:{self._servers[0].port}"
        self._esputnik_url = esputnik_url or f"{self.url}/esputnik/api/"
        self._background: list[Poller | Schedule] = []
        self._environment_before: Mapping[str, str] = {}
        self._recording = ExitStack()
        self._environment: Environment | None = None
        self._pages: Pages | None = None

    def start(self) -> None:
        """Start everything, and return when everything responds."""
        self._environment_before = dict(os.environ)
        self.aws.start(self.shops.values(), self._settings)
        variables = {"SHOPWIRE_RETRY_BASE_SECONDS": _RETRY_BASE_SECONDS, **_shopwire_variables()}
        variables |= {**self.aws.environment(), "SHOPWIRE_ESPUTNIK_URL": self._esputnik_url}
        variables.setdefault("SHOPWIRE_PLATFORM_API_URL", self.url + PLATFORM_API_PATH)
        for name, value in process_environment(variables).items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._recording.enter_context(self._recorder.record())
        self._recording.enter_context(self._shop_caches.collect())
        self._environment, self._pages = self._make_pages()
        for server in self._servers:
            server.start()
        # The functions of a stack in use have the shops' settings in their caches, so an SSM fault does not stop them.
        self._functions["webhook"].warm_up(_WARM_ENVIRONMENTS, [_get_event(id) for id in self.shops])
        self._background = [
            Poller(self.aws.client("sqs"), self.aws.queue_url, self._functions["retry"]),
            Schedule(self._functions["upkeep"], _UPKEEP_SECONDS),
        ]
        for part in self._background:
            part.start()

    def stop(self) -> None:
        """Stop everything, and restore the process's environment variables."""
        self._stopping.set()
        for part in self._background:
            part.stop()
        for server in self._servers:
            server.stop()
        self.aws.stop()
        self._recording.close()
        os.environ.clear()
        os.environ.update(self._environment_before)

    def _make_pages(self) -> tuple[Environment, Pages]:
        settings, clients = Settings.read(os.environ), Clients()
        environment = Environment(settings, clients)
        emulator = self.emulator if self._esputnik_url.startswith(self.url) else None
        actions = DevActions(self.url, emulator, self.aws, self.shops, self._replay_parked)
        source = DataSource("shopwire dev, in memory", settings, clients, environment, self._shop_ids, actions=actions)
        return environment, Pages(self.journal, source)

    def _serve_inspector(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        assert self._pages
        return self._pages(environ, start_response)

    def _list_parked(self) -> list[dict[str, object]]:
        environment = self._started_environment()
        parked = [webhook for shop in self._shop_ids() for webhook in environment.parked.list(shop)]
        return [webhook.summary for webhook in sorted(parked, key=lambda webhook: (webhook.first, webhook.id))]

    def _show_parked(self, id: str) -> dict[str, object] | None:
        parked = self._started_environment().parked.get(id)
        return parked.record if parked else None

    def _replay_parked(self, id: str) -> bool:
        environment = self._started_environment()
        parked = environment.parked.get(id)
        if parked is None:
            return False
        at = now()
        environment.replay(parked)
        self.journal.add_replay(parked.shop, parked.message.received_at, at)
        return True

    def _show_webhook(self, id: int) -> Record | None:
        webhook = self.journal.get(id)
        return make_record(webhook) if webhook else None

    def _changed_webhooks(self, after: int) -> tuple[int, list[Record]]:
        return changes(self.journal, after)

    def _latest_webhooks(self, count: int) -> tuple[int, list[Record]]:
        return latest(self.journal, count)

    def _show_person(self, named: Any) -> dict[str, Any]:
        shop, contact = find_named(self._started_environment().shops, named)
        return self._started_environment().person_finder.find(shop, contact)

    def _erase_person(self, named: Any) -> dict[str, Any]:
        shop, contact = find_named(self._started_environment().shops, named)
        outcome = self._started_environment().erase_person(shop, contact, orders_of(named))
        return {"status": outcome.status, "reason": outcome.reason}

    def _shop_ids(self) -> list[str]:
        """Return the ids of the shops, or of the shops at the start if SSM does not respond."""
        try:
            return sorted(self._started_environment().shops.ids())
        except SettingsUnavailable:
            return list(self.shops)

    def _started_environment(self) -> Environment:
        assert self._environment
        return self._environment


def serve(
    host: str,
    port: int,
    *,
    started: Callable[[DevStack], Callable[[Sequence[Record]], None]],
    esputnik_url: str | None = None,
    settings: SettingsByShop | None = None,
    allow_remote: bool = False,
    public_hosts: Sequence[str] = (),
) -> None:
    """Run until Ctrl-C or SIGTERM.

    Args:
        started: is called when everything responds. It returns a function that is called with what is new about
            webhooks.

    Raises:
        BadSettings, PortUnavailable.
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    stack = DevStack(
        host,
        port,
        esputnik_url=esputnik_url,
        settings=settings,
        allow_remote=allow_remote,
        public_hosts=public_hosts,
    )
    try:
        stack.start()
        _log_only_problems()
        feed = Feed(stack.journal)
        show = started(stack)
        while not ended.wait(_FEED_SECONDS):
            if records := feed.next():
                show(records)
    finally:
        stack.stop()


def _log_only_problems() -> None:
    """Keep the functions' lines about webhooks out of stdout, where the feed says more. All others go to stderr."""
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.addFilter(lambda record: not hasattr(record, "outcome"))
            handler.setStream(sys.stderr)


def _shopwire_variables() -> dict[str, str]:
    """Return the shopwire settings in the user's environment variables."""
    return {name: value for name, value in os.environ.items() if name.startswith("SHOPWIRE_")}


def _get_event(shop: str) -> dict[str, object]:
    """Return the event of a GET request to the shop's webhook URL, with which a platform checks that the URL exists."""
    return make_event({"REQUEST_METHOD": "GET", "RAW_URI": f"/webhooks/{shop}"}, b"")
