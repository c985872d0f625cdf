"""What a running `shopwire dev` keeps: parked webhooks and people. A deployed stack shares its interface.

A deployed stack is in stack_installation.py, because it needs boto3, which is slow to load.
"""

import json
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

from shopwire_cli.errors import CommandError, UserError
from shopwire_cli.http_client import send_request

Record = dict[str, Any]
"""A parked webhook: its summary (`shopwire.stores.parked.Parked.summary`) or its details."""


Named = Mapping[str, Any]
"""Who is meant: `shop`; `email`, `phone` or `id`; for an erasure also `orders`."""


class Installation(Protocol):
    """The parked webhooks and the people of one installation. Each method may raise CommandError, and UserError
    for an unknown id, or if the named person or shop cannot be used."""

    def list(self) -> list[Record]:
        """Return the summaries of all parked webhooks, oldest first."""

    def show(self, id: str) -> Record:
        """Return one parked webhook with its headers, query and body."""

    def replay(self, id: str) -> None:
        """Put one parked webhook into the retry queue again."""

    def find_person(self, named: Named) -> Record:
        """Return what is kept of a person (`shopwire.delivery.person`)."""

    def erase_person(self, named: Named) -> Record:
        """Erase a person. Return `status` and `reason` of the outcome."""


class DevInstallation:
    """The running `shopwire dev`, over HTTP.

    Args:
        url: its address.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/dev/"

    def list(self) -> list[Record]:
        records: list[Record] = self._request("GET", "parked")
        return records

    def show(self, id: str) -> Record:
        record: Record = self._request("GET", f"parked/{quote(id, safe='', errors='replace')}", id)
        return record

    def replay(self, id: str) -> None:
        self._request("POST", f"parked/{quote(id, safe='', errors='replace')}/replay", id)

    def find_person(self, named: Named) -> Record:
        record: Record = self._request("POST", "person/show", body=named)
        return record

    def erase_person(self, named: Named) -> Record:
        record: Record = self._request("POST", "person/erase", body=named)
        return record

    def _request(self, method: str, path: str, id: str | None = None, body: Named | None = None) -> Any:
        """Return the JSON of the response. If the path contains an id, 404 means that the id is unknown."""
        url = self._url + path
        response = send_request(method, url, body=json.dumps(dict(body)).encode() if body else b"")
        if response.status_code == 400 and body:
            raise UserError(_error_of(response))
        if response.status_code == 404 and id is not None:
            raise unknown(id)
        if not response.ok:
            raise CommandError(f"{url} answered {response.status_code}")
        try:
            return response.json()
        except ValueError:
            raise CommandError(f"{url} did not answer with JSON, so it is not `shopwire dev`: set --url") from None


def _error_of(response: Any) -> str:
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return "`shopwire dev` refuses the request"


def unknown(id: str) -> UserError:
    """Return the error for an id under which nothing is parked."""
    return UserError(f"nothing is parked under {id}: `shopwire parked list` lists what is")
