"""The entry point: what can be typed, and nothing else. Each command's work is in the module of its own.

Only the standard library is imported here, and a command's module when it runs, since starting up is most of the time
that a command takes.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from shopwire_cli.errors import CommandError

URL = "http://127.0.0.1:8787"
"""Where `shopwire dev` listens."""

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 done, 1 it failed, 2 the user got something wrong.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # names of people and goods, whatever the terminal's locale
    command = "shopwire"
    try:
        options = _parser().parse_args(arguments)
        command = f"shopwire {options.command}"
        code: int = import_module(f"shopwire_cli.commands.{options.module}").run(options)
        sys.stdout.flush()
        return code
    except CommandError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted. What is still buffered must not fail once more on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


class _Parser(argparse.ArgumentParser):
    """Takes options between the positional arguments (`map shopify orders/create --new order.json`), says what is
    wrong in one line, and shows the examples as they are written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"formatter_class": argparse.RawDescriptionHelpFormatter, **kwargs})
        self._intermixing = self._subparsers is not None

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        # argparse offers this only to parsers without commands, and only by another name.
        if self._intermixing or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        self._intermixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._intermixing = False

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="shopwire",
        description="Shop platforms' webhooks become eSputnik v1/event requests.",
        epilog="""examples:
  shopwire dev                                   everything on this machine, in memory
  shopwire send shopify orders/create            one of our samples, signed, to it
  shopwire map shopify orders/create order.json  only show what would be sent
  shopwire parked list                           what could not be mapped, or the API refused
  shopwire inspect                               where the pages are that show all this
  shopwire shop put shops.toml --stack shopwire  connect shops to a deployed stack""",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_map(commands)
    _add_send(commands)
    _add_dev(commands)
    _add_parked(commands)
    _add_inspect(commands)
    _add_shop(commands)
    _add_secret(commands)
    _add_simulate(commands)
    return parser


def _add_map(commands: Any) -> None:
    parser = commands.add_parser(
        "map",
        help="print the API requests that a webhook's body becomes",
        description="Prints, in sending order, the API requests that the body becomes: one JSON array of "
        '{"path", "body"}.\nNothing to send: [], and the reason on stderr.',
        epilog="""platforms: shopify, woocommerce, and storefront (its topics: page, product, category, cart).

examples:
  shopwire map shopify orders/create order.json
  shopwire map woocommerce order.updated --new --region UA < body.json
  shopwire map shopify carts/update cart.json --contact ann@example.com
  shopwire map storefront product seen.json""",
    )
    parser.add_argument("platform", metavar="PLATFORM", help="shopify, woocommerce, storefront")
    parser.add_argument("topic", metavar="TOPIC", help="in the platform's own words: orders/create, order.updated")
    parser.add_argument("file", metavar="FILE", nargs="?", help="the body's bytes; - or nothing: stdin")
    known = parser.add_mutually_exclusive_group()
    known.add_argument(
        "--known",
        dest="new",
        action="store_false",
        help="the API knows the person, and the order with another status and the same content otherwise (default)",
    )
    known.add_argument(
        "--new", dest="new", action="store_true", help="the API knows neither, and the order is a recent one"
    )
    parser.set_defaults(module="map", new=False)
    parser.add_argument(
        "--contact",
        metavar="EMAIL",
        help="whose the cart's token is known to be; for a fact (a parcel arrived, an order deleted): whose the order "
        "is, known to the API and wholly shipped in one parcel",
    )
    parser.add_argument(
        "--fetched",
        metavar="FILE",
        nargs="+",
        help="the platform's API's answers, in fetching order, for platforms with thin bodies. Shopify, WooCommerce "
        "and the storefront send whole ones: for them nothing is fetched",
    )
    shop = parser.add_argument_group("the shop's settings")
    shop.add_argument("--region", metavar="UA", help="completes phone numbers without a country code")
    shop.add_argument("--item-id", choices=("variant", "product", "sku"), default="variant", help="what names an item")
    shop.add_argument("--shipped-is-delivered", action="store_true", help="no carrier tells when it arrives")
    shop.add_argument(
        "--status",
        metavar="WORD=STATUS",
        action="append",
        default=[],
        help="what a plugin's own status means, e.g. assembling=IN_PROGRESS (may be repeated)",
    )
    shop.add_argument("--key-value", choices=("contact", "order"), default="contact", help="what keyValue names")
    shop.add_argument("--ignore-test-orders", action="store_true", help="test orders are not sent")


def _add_send(commands: Any) -> None:
    parser = commands.add_parser(
        "send",
        help="sign a sample as the platform would, and post it",
        description="Signs a sample as the platform would, posts it, and prints each answer.",
        epilog="""TOPIC is the platform's own word, with --VARIANT behind it for another of our samples of that topic.
--list prints all that there are, in the order in which it happened. Without --fresh a sample's bytes stay
as they are: sent again it is what a platform sends when nothing has changed.

examples:
  shopwire send --list
  shopwire send shopify orders/create
  shopwire send shopify orders/create --fresh --count 20
  shopwire send woocommerce order.updated order.json --shop my-shop --shops shops.toml
  shopwire send woocommerce ping
  shopwire send storefront product --shop demo-woocommerce""",
    )
    parser.set_defaults(module="send")
    parser.add_argument("platform", metavar="PLATFORM", nargs="?", help="shopify, woocommerce, storefront")
    parser.add_argument("topic", metavar="TOPIC[--VARIANT]", nargs="?", help="e.g. orders/create, order.updated")
    parser.add_argument("file", metavar="FILE", nargs="?", help="the body; - is stdin (default: our sample)")
    parser.add_argument("--list", action="store_true", help="list our samples, of PLATFORM or of all")
    parser.add_argument("--shop", metavar="ID", help="the shop's id in the URL (default: demo-PLATFORM)")
    parser.add_argument("--shops", metavar="FILE", help="TOML file with the shops' secrets (default: the demo shops)")
    parser.add_argument("--url", default=URL, help="where shopwire listens (default: %(default)s)")
    parser.add_argument(
        "--count",
        metavar="N",
        type=_count,
        default=1,
        help="post it N times: one delivery repeated; with --fresh N different ones",
    )
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="as if it happened now: other id and tokens, and all dates moved so that the latest is now",
    )


def _add_dev(commands: Any) -> None:
    parser = commands.add_parser(
        "dev",
        help="run everything on this machine",
        description="Runs the functions behind a gateway, with queue, table, settings and the API's emulator beside "
        "them. Everything is kept in memory and gone when it ends (Ctrl-C).",
        epilog="""examples:
  shopwire dev
  shopwire dev --port 9000 --shops shops.toml
  shopwire dev --esputnik https://esputnik.com/api/ --shops shops.toml""",
    )
    parser.set_defaults(module="dev")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8787, help="port to listen on, 0: a free one (default: 8787)")
    parser.add_argument("--esputnik", metavar="URL", help="send to that API instead of the emulator")
    parser.add_argument("--shops", metavar="FILE", help="TOML file of shops, beside the demo shops")


def _add_parked(commands: Any) -> None:
    parser = commands.add_parser(
        "parked",
        help="list, show and replay what could not be mapped, or what the API refused",
        description="Parked webhooks of the running `shopwire dev` (--url), or of a deployed stack (--stack).",
        epilog="""examples:
  shopwire parked list
  shopwire parked list --stack shopwire --shop my-shop --json
  shopwire parked show demo-shopify.1767225600000.0123456789abcdef
  shopwire parked replay demo-shopify.1767225600000.0123456789abcdef
  shopwire parked replay --all --shop my-shop --stack shopwire""",
    )
    parser.set_defaults(module="parked")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list",
        help="all of them, oldest first",
        description="Lists the parked webhooks, oldest first.",
        epilog="example:\n  shopwire parked list --shop demo-shopify --json",
    )
    listing.add_argument("--json", action="store_true", help="as a JSON array instead of a table")
    showing = actions.add_parser(
        "show",
        help="one of them with its headers and its body",
        description="Prints one parked webhook with its headers and its body, as JSON.",
        epilog="example:\n  shopwire parked show demo-shopify.1767225600000.0123456789abcdef",
    )
    showing.add_argument("id", metavar="ID", help="as `shopwire parked list` prints it")
    replaying = actions.add_parser(
        "replay",
        help="put them into the retry queue again",
        description="Puts parked webhooks into the retry queue again, after what was wrong is mended.",
        epilog="examples:\n  shopwire parked replay demo-shopify.1767225600000.0123456789abcdef\n"
        "  shopwire parked replay --all --shop demo-shopify",
    )
    replaying.add_argument("ids", metavar="ID", nargs="*", help="as `shopwire parked list` prints it")
    replaying.add_argument("--all", action="store_true", help="all that `shopwire parked list` lists")
    for action in (listing, replaying):
        action.add_argument("--shop", metavar="SHOP", help="only this shop's")
    for action in (listing, showing, replaying):
        _add_installation(action)


def _add_installation(parser: Any) -> None:
    parser.add_argument("--url", default=URL, help="where `shopwire dev` listens (default: %(default)s)")
    parser.add_argument("--stack", metavar="NAME", help="a deployed stack, by AWS's usual credentials and region")


def _add_shop(commands: Any) -> None:
    parser = commands.add_parser(
        "shop",
        help="connect shops: put, list, show, remove",
        description="The shops of the running `shopwire dev` (--url), or of a deployed stack (--stack), where each is\n"
        "one encrypted parameter. Of a secret the last characters are shown at most.",
        epilog="""examples:
  shopwire shop put shops.toml --stack shopwire --dry-run
  shopwire shop put shops.toml my-shop --stack shopwire
  shopwire shop list
  shopwire shop show demo-shopify
  shopwire shop remove my-shop --stack shopwire""",
    )
    parser.set_defaults(module="shop")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    putting = actions.add_parser(
        "put",
        help="write the shops of a TOML file",
        description="Checks all shops of the file, says what would change, and writes those that differ. Shops that\n"
        "are not in the file stay as they are. Where webhooks that are believed today would be refused, it asks.",
        epilog="examples:\n  shopwire shop put shops.toml --dry-run\n  shopwire shop put shops.toml my-shop",
    )
    putting.add_argument("file", metavar="FILE", help="shops.toml: a table [id] a shop")
    putting.add_argument("ids", metavar="ID", nargs="*", help="only these of the file (default: all)")
    putting.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    listing = actions.add_parser(
        "list",
        help="all of them",
        description="Lists the shops, and what is wrong with one's settings.",
        epilog="example:\n  shopwire shop list --stack shopwire --json",
    )
    listing.add_argument("--json", action="store_true", help="as a JSON array, with each one's URL, instead of a table")
    showing = actions.add_parser(
        "show",
        help="one of them, its secrets masked",
        description="Prints one shop's URL and settings as JSON, its secrets masked.",
        epilog="example:\n  shopwire shop show demo-shopify",
    )
    showing.add_argument("id", metavar="ID", help="as `shopwire shop list` prints it")
    removing = actions.add_parser(
        "remove",
        help="delete them",
        description="Deletes shops: their webhooks are answered 404 from then on.",
        epilog="example:\n  shopwire shop remove my-shop --stack shopwire",
    )
    removing.add_argument("ids", metavar="ID", nargs="+", help="as `shopwire shop list` prints it")
    for action in (putting, removing):
        action.add_argument("--yes", action="store_true", help="do not ask")
    for action in (putting, listing, showing, removing):
        _add_installation(action)


def _add_secret(commands: Any) -> None:
    parser = commands.add_parser(
        "secret",
        help="make a strong secret",
        description="Makes secrets for webhooks and the storefront.",
        epilog="example:\n  shopwire secret new woocommerce",
    )
    parser.set_defaults(module="secret")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    new = actions.add_parser(
        "new",
        help="print a new one",
        description="Prints 32 random bytes as 43 letters, digits, - and _.",
        epilog="example:\n  shopwire secret new woocommerce",
    )
    new.add_argument("platform", metavar="PLATFORM", nargs="?", help="woocommerce, storefront (Shopify makes its own)")


def _add_inspect(commands: Any) -> None:
    parser = commands.add_parser(
        "inspect",
        help="show the way of each webhook, in the browser",
        description="Serves pages on this machine that show a deployed stack's webhooks, out of its log lines, its "
        "table and its\nqueue. Only looks; personal data is masked. The running `shopwire dev` has these pages itself: "
        "without\n--stack their address is printed.",
        epilog="""examples:
  shopwire inspect
  shopwire inspect --stack shopwire
  shopwire inspect --stack shopwire --minutes 600 --port 9001""",
    )
    parser.set_defaults(module="inspect")
    parser.add_argument("--url", default=URL, help="where `shopwire dev` listens (default: %(default)s)")
    parser.add_argument("--stack", metavar="NAME", help="a deployed stack, by AWS's usual credentials and region")
    parser.add_argument("--port", type=_port, default=8790, help="port to listen on, 0: a free one (default: 8790)")
    parser.add_argument(
        "--minutes", metavar="N", type=_count, default=60, help="how far back its logs are read (default: %(default)s)"
    )


def _add_simulate(commands: Any) -> None:
    parser = commands.add_parser(
        "simulate",
        help="test shopwire's promises with simulated faults of all kinds",
        description="Runs the functions in memory on a virtual clock, with simulated shops, AWS services and API and\n"
        "all kinds of faults, and checks the result. Ends with one JSON line. If a promise was broken, it exits\n"
        "with 1 and prints the shortest story that shows it to stderr.",
        epilog="""examples:
  shopwire simulate --webhooks 20000 --seed 1
  shopwire simulate --webhooks 2000 --seed 7 --faults queue_down,duplicate
  shopwire simulate --webhooks 2000 --seed 7 --replay 41""",
    )
    parser.set_defaults(module="simulate")
    parser.add_argument("--webhooks", metavar="N", type=_count, default=20_000, help="how many (default: %(default)s)")
    parser.add_argument("--seed", metavar="S", type=int, default=1, help="seed of all random numbers (default: 1)")
    parser.add_argument("--faults", metavar="all|none|A,B", default="all", help="kinds of faults (default: all)")
    parser.add_argument("--burst", metavar="N", type=_count, help="run only burst run N, which lasts half an hour")
    parser.add_argument(
        "--replay",
        metavar="STORY,STORY",
        type=_stories,
        default=(),
        help="simulate only these stories and print their events",
    )


def _stories(text: str) -> tuple[int, ...]:
    numbers = tuple(int(one) for one in text.split(","))
    if min(numbers) < 0:
        raise ValueError
    return numbers


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number < 1 << 16:
        raise argparse.ArgumentTypeError("a port is 0 to 65535")
    return number


# argparse says "invalid number value".
_count.__name__, _port.__name__, _stories.__name__ = "number", "port", "list of stories"
