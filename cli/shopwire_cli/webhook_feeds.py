"""Where `shopwire tail` gets its records from: the running `shopwire dev`, or the logs of a deployed stack."""

from typing import Any, Protocol

from shopwire_cli.errors import CommandError
from shopwire_cli.http_client import send_request
from shopwire_inspector.feed import News, Record


class WebhookFeed(Protocol):
    """The webhooks of one installation."""

    base_url: str | None
    """The address of the inspector that has their pages; None if there is none."""
    pause_seconds: float
    """How long to wait between two calls of `next`."""

    def next(self) -> list[Record]:
        """Return what is new since the last call, oldest first. The first call returns what happened before.

        Raises:
            CommandError.
        """


class DevFeed:
    """The webhooks of the running `shopwire dev`, over HTTP.

    Args:
        url: its address.
        last: the number of webhooks that the first call returns.
    """

    pause_seconds = 0.5

    def __init__(self, url: str, *, last: int) -> None:
        self.base_url: str | None = url.rstrip("/")
        self._query = f"last={last}"
        self._news = News()

    def next(self) -> list[Record]:
        url = f"{self.base_url}/dev/webhooks?{self._query}"
        response = send_request("GET", url)
        try:
            found: dict[str, Any] = response.json() if response.ok else {}
            cursor, records = found["cursor"], found["webhooks"]
        except (ValueError, KeyError, TypeError):
            raise CommandError(
                f"{self.base_url} is not `shopwire dev`, or one of another version: set --url, or start it again"
            ) from None
        self._query = f"after={cursor}"
        return list(self._news.choose(records))


class StackFeed:
    """The webhooks of a deployed stack, from its functions' log lines. There are no pages of them.

    FilterLogEvents is polled. StartLiveTail is paid by the minute, ends after three hours, leaves lines out above 500
    a second, and shows nothing of the past (AWS, "StartLiveTail"). The inspector reads the same lines in the same way.

    Args:
        logs: a boto3 client of CloudWatch Logs.
        since: UTC milliseconds of the oldest line to read.
    """

    base_url: str | None = None
    pause_seconds = 3.0

    def __init__(self, name: str, logs: Any, *, since: int) -> None:
        from shopwire_inspector.journal import Journal
        from shopwire_inspector.log_reader import LogReader

        self._journal = Journal()
        self._reader = LogReader(logs, name, self._journal, since)
        self._cursor = 0
        self._news = News()

    def next(self) -> list[Record]:
        from shopwire_inspector.feed import changes
        from shopwire_inspector.log_reader import LogsDown

        try:
            self._reader.read()
        except LogsDown as error:
            raise CommandError(f"AWS does not answer, or refuses to show the logs: {error}") from None
        self._cursor, records = changes(self._journal, self._cursor)
        return [{**record, "page": None} for record in self._news.choose(records)]
