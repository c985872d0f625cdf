"""`shopwire person`: show what is kept of a person, for the answer to a data request, or erase it by hand."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from shopwire_cli.errors import UserError
from shopwire_cli.parser import Parser, add_installation_options
from shopwire_cli.terminal import escape

if TYPE_CHECKING:
    from shopwire_cli.installations import Installation, Record

_NAMES = ("email", "phone", "id")


def add_arguments(parser: Parser) -> None:
    """Define the arguments of `shopwire person`."""
    parser.description = (
        "What is kept of a person by the running `shopwire dev` (--url), or by a deployed stack (--stack).\n"
        "Both actions ask first, and --yes SHOP agrees in advance. Addresses are never printed, except with --print."
    )
    parser.epilog = """examples:
  shopwire person show --shop demo-shopify --email ann@example.com
  shopwire person show --shop my-shop --id 77 --stack shopwire --output ann.json
  shopwire person erase --shop my-shop --email ann@example.com --stack shopwire"""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    showing = actions.add_parser(
        "show",
        help="write what is kept of a person into a file",
        description="Writes what is kept of a person, and where, into a file that only you can read. The whole table\n"
        "is read, which takes seconds for each gigabyte of it.",
        epilog="example:\n  shopwire person show --shop demo-shopify --email ann@example.com --yes demo-shopify",
    )
    showing.add_argument(
        "--output", metavar="FILE", help="the new file (default: person-SHOP-TIME.json in this directory)"
    )
    showing.add_argument("--print", action="store_true", help="print it on stdout, and write no file")
    erasing = actions.add_parser(
        "erase",
        help="erase a person here and at eSputnik",
        description="Erases a person as a platform's erasure request does: what is kept here, the contact at eSputnik\n"
        "and the orders that `shopwire person show` lists. It waits and is tried again until eSputnik accepts it.",
        epilog="example:\n  shopwire person erase --shop demo-shopify --id 77 --order 1001 --yes demo-shopify",
    )
    erasing.add_argument(
        "--order", dest="orders", metavar="ID", action="append", default=[], help="erase this order too (repeatable)"
    )
    for action in (showing, erasing):
        action.add_argument("--shop", metavar="SHOP", required=True, help="the id that `shopwire shop list` prints")
        action.add_argument("--email", metavar="ADDRESS", help="an e-mail address of the person")
        action.add_argument("--phone", metavar="NUMBER", help="a phone of the person")
        action.add_argument("--id", metavar="ID", help="the platform's id of the customer")
        action.add_argument("--yes", metavar="SHOP", help="do not ask: it is this shop's person")
        add_installation_options(action)


def run(options: argparse.Namespace) -> int:
    """Show or erase."""
    named = {name: value for name in _NAMES if (value := getattr(options, name))}
    if not named:
        raise UserError("name the person: --email, --phone or --id")
    if options.yes not in (None, options.shop):
        raise UserError(f"--yes names {options.yes}, and --shop names {options.shop}: nothing was done")
    named["shop"] = options.shop
    installation = _find_installation(options)
    if options.action == "show":
        _show(installation, named, options)
    else:
        _erase(installation, named, options)
    return 0


def _find_installation(options: argparse.Namespace) -> "Installation":
    if options.stack:
        from shopwire_cli.stack_installation import StackInstallation

        return StackInstallation(options.stack)
    from shopwire_cli.installations import DevInstallation

    return DevInstallation(options.url)


def _show(installation: "Installation", named: dict[str, Any], options: argparse.Namespace) -> None:
    from shopwire_cli.files import write_private
    from shopwire_cli.output import print_json

    place = "printed here" if options.print else "written into a file"
    _confirm(f"What is kept of a person of shop {options.shop} is {place}: names, addresses and orders.", options)
    found = installation.find_person(named)
    if options.print:
        print_json(found)
        return
    path = options.output or _file_name(options.shop)
    write_private(path, found)
    print(f"written {escape(path)}: {_count(found)}")


def _erase(installation: "Installation", named: dict[str, Any], options: argparse.Namespace) -> None:
    found = installation.find_person(named)
    orders = list(dict.fromkeys((*found["orders"], *options.orders)))
    listed = f" ({', '.join(orders)})" if orders else ""
    _confirm(
        f"A person of shop {options.shop} is erased here and at eSputnik, and cannot be restored: {_count(found)}; "
        f"orders at eSputnik: {len(orders)}{listed}.",
        options,
    )
    outcome = installation.erase_person({**named, "orders": orders})
    reason = f" ({outcome['reason']})" if outcome["reason"] else ""
    print(f"{outcome['status']}{reason}: the erasure of a person of shop {options.shop}")
    if outcome["status"] == "queued":
        print(
            "Late webhooks of the person are ignored from now on. The function `retry` does the rest, and tries again "
            "while eSputnik does not answer. `shopwire parked list` lists it if it failed for good.",
            file=sys.stderr,
        )


def _count(found: "Record") -> str:
    return ", ".join(f"{name}: {len(found[name])}" for name in ("contacts", "entries", "parked", "outbox"))


def _file_name(shop: str) -> str:
    from datetime import UTC, datetime

    return f"person-{shop}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"


def _confirm(consequences: str, options: argparse.Namespace) -> None:
    """Print the consequences and ask for the shop's id, unless --yes gives it.

    Raises:
        UserError: another answer was given, or the user cannot be asked.
    """
    if options.yes:
        return
    print(escape(consequences), file=sys.stderr)
    if not sys.stdin.isatty():
        raise UserError(f"nothing was done: use --yes {options.shop} to agree without being asked")
    print("Type the id of the shop to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != options.shop:
        raise UserError("nothing was done: that is not the id of the shop")
