"""The parked webhooks of a running `shopwire dev`, and the interface that it shares with a deployed stack.

A deployed stack is in stack_installation.py, because it needs boto3, which is slow to load.
"""

from typing import Any, Protocol
from urllib.parse import quote

from shopwire_cli.errors import CommandError, UserError
from shopwire_cli.http_client import send_request

Record = dict[str, Any]
"""A parked webhook: its summary (`shopwire.stores.parked.Parked.summary`) or its details."""


class Installation(Protocol):
    """The parked webhooks of one installation. Each method may raise CommandError, and UserError for an unknown id."""

    def list(self) -> list[Record]:
        """Return the summaries of all parked webhooks, oldest first."""

    def show(self, id: str) -> Record:
        """Return one parked webhook with its headers, query and body."""

    def replay(self, id: str) -> None:
        """Put one parked webhook into the retry queue again."""


class DevInstallation:
    """The running `shopwire dev`, over HTTP.

    Args:
        url: its address.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/dev/parked"

    def list(self) -> list[Record]:
        records: list[Record] = self._request("GET", "")
        return records

    def show(self, id: str) -> Record:
        record: Record = self._request("GET", f"/{quote(id, safe='', errors='replace')}", id)
        return record

    def replay(self, id: str) -> None:
        self._request("POST", f"/{quote(id, safe='', errors='replace')}/replay", id)

    def _request(self, method: str, path: str, id: str | None = None) -> Any:
        """Return the JSON of the response. If the path contains an id, 404 means that the id is unknown."""
        url = self._url + path
        response = send_request(method, url)
        if response.status_code == 404 and id is not None:
            raise unknown(id)
        if not response.ok:
            raise CommandError(f"{url} answered {response.status_code}")
        try:
            return response.json()
        except ValueError:
            raise CommandError(f"{url} did not answer with JSON, so it is not `shopwire dev`: set --url") from None


def unknown(id: str) -> UserError:
    """Return the error for an id under which nothing is parked."""
    return UserError(f"nothing is parked under {id}: `shopwire parked list` lists what is")
