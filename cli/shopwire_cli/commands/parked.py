"""`shopwire parked`: list, show and replay the webhooks that shopwire gave up on."""

import argparse
import sys
from typing import TYPE_CHECKING

from shopwire_cli.errors import UserError
from shopwire_cli.parser import Parser, add_installation_options, add_utc_option
from shopwire_cli.terminal import escape

if TYPE_CHECKING:
    from shopwire_cli.installations import Installation, Record

_COLUMNS = ("id", "topic", "entity", "tries", "last", "reason")


def add_arguments(parser: Parser) -> None:
    """Define the arguments of `shopwire parked`."""
    parser.description = "Parked webhooks of the running `shopwire dev` (--url), or of a deployed stack (--stack)."
    parser.epilog = """examples:
  shopwire parked list
  shopwire parked list --stack shopwire --shop my-shop --json
  shopwire parked show demo-shopify.1767225600000.0123456789ab
  shopwire parked replay demo-shopify.1767225600000.0123456789ab
  shopwire parked replay --all --shop my-shop --stack shopwire"""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list",
        help="list the parked webhooks, oldest first",
        description="Lists the parked webhooks, oldest first.",
        epilog="example:\n  shopwire parked list --shop demo-shopify --json",
    )
    add_utc_option(listing)
    listing.add_argument("--json", action="store_true", help="print JSON lines, in a terminal too")
    showing = actions.add_parser(
        "show",
        help="show one with its headers and body",
        description="Prints one parked webhook with its headers and its body, as JSON.",
        epilog="example:\n  shopwire parked show demo-shopify.1767225600000.0123456789ab",
    )
    showing.add_argument("id", metavar="ID", help="the id that `shopwire parked list` prints")
    replaying = actions.add_parser(
        "replay",
        help="put webhooks into the retry queue again",
        description="Puts parked webhooks into the retry queue again. Fix the cause first.",
        epilog="examples:\n  shopwire parked replay demo-shopify.1767225600000.0123456789ab\n"
        "  shopwire parked replay --all --shop demo-shopify",
    )
    replaying.add_argument("ids", metavar="ID", nargs="*", help="the ids that `shopwire parked list` prints")
    replaying.add_argument(
        "--all",
        action="store_true",
        help="replay everything that `shopwire parked list` lists, except repeated erasure requests",
    )
    for action in (listing, replaying):
        action.add_argument("--shop", metavar="SHOP", help="only webhooks of this shop")
    for action in (listing, showing, replaying):
        add_installation_options(action)


def run(options: argparse.Namespace) -> int:
    """List, show or replay."""
    if options.action == "replay" and options.all == bool(options.ids):
        raise UserError("name the ids to replay, or use --all")
    installation = _find_installation(options)
    match options.action:
        case "list":
            _list(installation, options)
        case "show":
            _show(installation, options)
        case "replay":
            _replay(installation, options)
    return 0


def _find_installation(options: argparse.Namespace) -> "Installation":
    if options.stack:
        from shopwire_cli.stack_installation import StackInstallation

        return StackInstallation(options.stack)
    from shopwire_cli.installations import DevInstallation

    return DevInstallation(options.url)


def _list(installation: "Installation", options: argparse.Namespace) -> None:
    from shopwire_cli.output import print_records

    records = _records(installation, options)
    print_records(_COLUMNS, records, as_json=options.json, utc=options.utc)
    if not records:
        print("nothing is parked", file=sys.stderr)


def _show(installation: "Installation", options: argparse.Namespace) -> None:
    from shopwire_cli.output import print_json

    print_json(installation.show(options.id))


def _replay(installation: "Installation", options: argparse.Namespace) -> None:
    found = [] if options.ids else _records(installation, options)
    ids = options.ids or [id for record in found if (id := _replayable_id(record))]
    for id in ids:
        installation.replay(id)
        print(f"queued {escape(id)}", flush=True)
    if options.all:
        left = f", {len(found) - len(ids)} not" if len(found) > len(ids) else ""
        print(f"queued {len(ids)} parked {'webhook' if len(ids) == 1 else 'webhooks'}{left}", file=sys.stderr)


def _replayable_id(record: "Record") -> str | None:
    """Return the id of what `--all` replays; None for what a person must decide about one by one."""
    from shopwire.models import Reason

    if record["reason"] == Reason.REPEATED_ERASURE:
        print(
            f"not queued {escape(str(record['id']))}: it may erase who came back. Name its id to replay it",
            file=sys.stderr,
        )
        return None
    return str(record["id"])


def _records(installation: "Installation", options: argparse.Namespace) -> list["Record"]:
    """Return the summaries of the parked webhooks that the options choose."""
    return [record for record in installation.list() if options.shop in (None, record["shop"])]
