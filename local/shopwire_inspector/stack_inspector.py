"""Serves the inspector of a deployed stack on this machine.

The journal comes from the stack's logs, everything else from its table and queue. Nothing is written, and personal data
is masked.
"""

import threading
from typing import Any

from shopwire.environment import Clients, Environment, Settings
from shopwire_inspector.data_source import DataSource
from shopwire_inspector.journal import Journal
from shopwire_inspector.log_reader import LogReader, LogsDown
from shopwire_inspector.pages import Pages
from shopwire_wsgi import Server

_POLL_SECONDS = 5.0


class StackInspector:
    """The inspector of one stack. It reads the logs once when it is created, and every 5 s after `start`.

    Args:
        name: the stack's name.
        logs: a boto3 client of CloudWatch Logs.
        port: 0 chooses a free port.
        since: UTC milliseconds of the oldest line to read.

    Raises:
        LogsDown, PortUnavailable.
    """

    def __init__(self, name: str, settings: Settings, logs: Any, *, port: int, since: int) -> None:
        clients = Clients()
        environment = Environment(settings, clients)
        source = DataSource(name, settings, clients, environment, environment.shops.ids, masked=True)
        self.journal = Journal()
        self._reader = LogReader(logs, name, self.journal, since)
        self._reader.read()
        self._server = Server(Pages(self.journal, source), "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._poll_logs, name="logs", daemon=True)

    def start(self) -> None:
        self._server.start()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._server.stop()
        self._thread.join(timeout=_POLL_SECONDS)

    def _poll_logs(self) -> None:
        while not self._stopping.wait(_POLL_SECONDS):
            try:
                self._reader.read()
            except LogsDown:
                continue
