"""How the inspector sees a deployed stack: the journal filled from its log lines, the rest read from table and queue.

Reads only. Log lines hold nothing that a person wrote (observability), what waits and is parked is masked.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shopwire.environment import Clients, Environment, Settings, now
from shopwire_inspector.installation import Installation
from shopwire_inspector.journal import Journal, Try, waits_as
from shopwire_inspector.pages import Pages
from shopwire_wsgi import Server

FUNCTIONS = ("webhook", "storefront", "retry")
_LOOK_EVERY_SECONDS = 5.0
# CloudWatch shows a line some seconds after it was written, and not always in that order.
_LATE = 60_000
_STATUS = {"unverified": 401, "unavailable": 503}


class LogsDown(Exception):
    """CloudWatch does not answer, or refuses."""


class LogReader:
    """Reads the functions' lines into a journal.

    Args:
        logs: a boto3 client.
        since: UTC milliseconds of the oldest line to read.
    """

    def __init__(self, logs: Any, stack: str, journal: Journal, since: int) -> None:
        self._logs = logs
        self._stack = stack
        self._journal = journal
        self._since = since
        self._seen: dict[str, int] = {}
        """Ids of lines that were read, with their time."""

    def read(self) -> None:
        """Read what is new.

        Raises:
            LogsDown.
        """
        fresh = [one for name in FUNCTIONS for one in self._lines(name) if one[0] not in self._seen]
        for id, at, function, line in sorted(fresh, key=lambda one: one[1]):
            self._seen[id] = at
            self._tell(at, function, line)
        if self._seen:
            self._since = max(self._since, max(self._seen.values()) - _LATE)
            self._seen = {id: at for id, at in self._seen.items() if at >= self._since}

    def _lines(self, function: str) -> Iterator[tuple[str, int, str, Mapping[str, Any]]]:
        call: dict[str, Any] = {"logGroupName": f"/shopwire/{self._stack}/{function}", "startTime": self._since}
        while True:
            try:
                page = self._logs.filter_log_events(**call)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "ResourceNotFoundException":
                    return  # a function that this version of the stack does not have
                raise LogsDown(code) from None
            except BotoCoreError as error:
                raise LogsDown(type(error).__name__) from None
            for one in page["events"]:
                try:
                    line = json.loads(one["message"])
                except ValueError:
                    continue  # the runtime's own
                if isinstance(line, dict) and "shop" in line and "outcome" in line:
                    yield one["eventId"], one["timestamp"], function, line
            if not page.get("nextToken"):
                return
            call["nextToken"] = page["nextToken"]

    def _tell(self, at: int, function: str, line: Mapping[str, Any]) -> None:
        journal, shop, outcome = self._journal, line["shop"], line["outcome"]
        took = line.get("milliseconds")
        done = Try(at, function, outcome, line.get("reason"), took)
        key, topic, entity = line.get("key", ""), line.get("topic", "unreadable"), line.get("entity")
        if function == "retry":
            if not journal.tried(shop, key, done):
                journal.delivery(journal.received(shop, at), topic, entity, key, done, hashed=key)
            return
        webhook = journal.received(shop, at - (took or 0))
        if "topic" in line:
            journal.delivery(webhook, topic, entity, key, done, hashed=waits_as(topic, key))
        else:
            journal.refused(webhook, outcome, line.get("reason"), at)
        journal.answered(webhook, _STATUS.get(outcome, 200), "", took or 0)


class Inspector:
    """The pages of a deployed stack, served on this machine.

    Args:
        since: UTC milliseconds of the oldest line to read.

    Raises:
        LogsDown, wsgi.PortUnavailable.
    """

    def __init__(self, name: str, settings: Settings, logs: Any, *, port: int, since: int) -> None:
        clients = Clients()
        environment = Environment(settings, clients)
        installation = Installation(name, settings, clients, environment, environment.shops.ids, masked=True)
        self.journal = Journal()
        self._reader = LogReader(logs, name, self.journal, since)
        self._reader.read()
        self._server = Server(Pages(self.journal, installation), "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)

    def start(self) -> None:
        self._server.start()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._server.stop()
        self._thread.join(timeout=_LOOK_EVERY_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_SECONDS):
            try:
                self._reader.read()
            except LogsDown:
                continue  # the next time


def since(minutes: int) -> int:
    """UTC milliseconds so many minutes ago."""
    return now() - minutes * 60_000
