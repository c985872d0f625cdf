"""`shopwire parked`: what could not be mapped, or what the API refused, listed, shown and replayed.

Two installations answer alike: the running `shopwire dev` over HTTP, and a deployed stack through its table and queue.
"""

import argparse
import json
import sys
from typing import Any, Protocol
from urllib.parse import quote

from shopwire_cli.errors import CommandError, UserError
from shopwire_cli.tables import table
from shopwire_cli.web import call

Record = dict[str, Any]

_COLUMNS = ("id", "topic", "entity", "tries", "last", "reason")


class Installation(Protocol):
    """Where webhooks are parked. Each method raises CommandError; for an unknown id, UserError."""

    def list(self) -> list[Record]:
        """The summary of each (`shopwire.stores.parked.Parked.summary`), oldest first."""

    def show(self, id: str) -> Record:
        """One, with its headers, query and body."""

    def replay(self, id: str) -> None:
        """Put one into the retry queue again."""


def run(options: argparse.Namespace) -> int:
    """List, show or replay."""
    installation = _stack(options.stack) if options.stack else Dev(options.url)
    return {"list": _list, "show": _show, "replay": _replay}[options.action](installation, options)


def _stack(name: str) -> Installation:
    from shopwire_cli.stack_installation import Stack  # boto3 is large, and only this needs it

    return Stack(name)


def _list(installation: Installation, options: argparse.Namespace) -> int:
    records = _chosen(installation, options)
    if options.json:
        print(json.dumps(records, ensure_ascii=False))
    elif records:
        print(table(_COLUMNS, records))
    else:
        print("nothing is parked", file=sys.stderr)
    return 0


def _show(installation: Installation, options: argparse.Namespace) -> int:
    print(json.dumps(installation.show(options.id), ensure_ascii=False, indent=2))
    return 0


def _replay(installation: Installation, options: argparse.Namespace) -> int:
    if options.all == bool(options.ids):
        raise UserError("which ones? ID ..., or --all")
    for id in [record["id"] for record in _chosen(installation, options)] if options.all else options.ids:
        installation.replay(id)
        print(f"queued {id}", flush=True)
    return 0


def _chosen(installation: Installation, options: argparse.Namespace) -> list[Record]:
    return [one for one in installation.list() if options.shop in (None, one["shop"])]


class Dev:
    """The running `shopwire dev`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/dev/parked"

    def list(self) -> list[Record]:
        records: list[Record] = self._ask("GET", "")
        return records

    def show(self, id: str) -> Record:
        record: Record = self._ask("GET", f"/{quote(id, safe='')}", id)
        return record

    def replay(self, id: str) -> None:
        self._ask("POST", f"/{quote(id, safe='')}/replay", id)

    def _ask(self, method: str, path: str, id: str = "") -> Any:
        answer = call(method, self._url + path)
        if answer.status_code == 404 and id:
            raise unknown(id)
        if not answer.ok:
            raise CommandError(f"{self._url}{path} answered {answer.status_code}")
        try:
            return answer.json()
        except ValueError:
            raise CommandError(f"{self._url}{path} is no `shopwire dev`: its answer is not JSON") from None


def unknown(id: str) -> UserError:
    """The error for an id under which nothing is parked."""
    return UserError(f"nothing is parked under {id} (any more)")
