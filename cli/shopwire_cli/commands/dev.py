"""`shopwire dev`: run everything locally. The package shopwire_dev does the work."""

import argparse
import re
from typing import TYPE_CHECKING

from shopwire_cli.errors import CommandError, UserError
from shopwire_cli.parser import DEV_URL, Parser, add_utc_option, port

if TYPE_CHECKING:
    from shopwire_cli.webhook_printer import Printer
    from shopwire_dev.stack import DevStack

# The AWS services listen on the next port.
_LARGEST_PORT = 65_534


def add_arguments(parser: Parser) -> None:
    """Define the arguments of `shopwire dev`."""
    parser.description = (
        "Runs the functions behind a local gateway, together with the queue, the table, the settings and\n"
        "an emulator of the API. Everything is kept in memory and is gone when the command ends (Ctrl-C).\n"
        "It shows a line for each webhook, as `shopwire tail` does."
    )
    parser.epilog = """examples:
  shopwire dev
  shopwire dev --port 9000 --shops shops.toml
  shopwire dev --public-host abc123.ngrok-free.app
  shopwire dev --host 0.0.0.0 --allow-remote
  shopwire dev --esputnik https://esputnik.com/api/ --shops shops.toml"""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="let other machines reach webhooks and the storefront, under any host name; the inspector and the paths "
        "below /dev/ and /esputnik/ are served only to this machine all the same",
    )
    parser.add_argument(
        "--public-host",
        metavar="NAME",
        dest="public_hosts",
        action="append",
        default=[],
        help="let a tunnel with this host name reach webhooks and the storefront, and nothing else (may be repeated)",
    )
    parser.add_argument(
        "--port",
        type=port(_LARGEST_PORT),
        default=8787,
        help="PORT and PORT+1 are listened on; 0 takes free ones (default: %(default)s)",
    )
    parser.add_argument("--esputnik", metavar="URL", help="send to this API instead of the emulator")
    parser.add_argument("--shops", metavar="FILE", help="TOML file of shops to serve together with the demo shops")
    add_utc_option(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from shopwire.errors import BadSettings
    from shopwire_cli.shops_file import find_problems
    from shopwire_dev.demo_shops import read_settings
    from shopwire_dev.lambdas import FunctionNotFound
    from shopwire_dev.stack import serve
    from shopwire_wsgi import PortTaken, PortUnavailable, is_loopback, listen

    public_hosts = [_host_name(text) for text in options.public_hosts]
    if options.esputnik:
        _check_api(options.esputnik)
    try:
        if not (options.allow_remote or is_loopback(options.host)):
            listen(options.host, 0).close()  # if this machine has no such address, that is the error to report
            raise UserError(
                f"--host {options.host}: other machines could reach this address and post webhooks to it. If they may, "
                "add --allow-remote"
            )
        settings = read_settings(options.shops) if options.shops else {}
        if problems := list(find_problems(settings, (), deployed=False)):
            raise UserError(*(f"--shops: {problem}" for problem in problems))
        serve(
            options.host,
            options.port,
            started=lambda stack: _welcome(stack, options),
            esputnik_url=options.esputnik,
            settings=settings or None,
            allow_remote=options.allow_remote,
            public_hosts=public_hosts,
        )
    except BadSettings as error:
        raise UserError(f"--shops: {error}") from None
    except PortTaken as error:
        raise CommandError(f"{error} (PORT and PORT+1 are listened on)") from None
    except PortUnavailable as error:
        raise UserError(str(error)) from None
    except FunctionNotFound as error:
        raise CommandError(str(error)) from None
    return 0


def _host_name(text: str) -> str:
    """Return the host name in what the user typed, which may be the tunnel's address.

    Raises:
        UserError: it is no host name.
    """
    name = re.sub(r"^https?://|[/:].*$", "", text.strip().lower())
    if not re.fullmatch(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{0,252}", name):
        raise UserError(f"--public-host: must be the host name of a tunnel, like abc123.ngrok-free.app, not {text!r}")
    return name


def _welcome(stack: "DevStack", options: argparse.Namespace) -> "Printer":
    """Print where everything is and what to type next. Return the function that prints what happens."""
    from shopwire_cli.webhook_printer import make_printer

    print("everything is in memory and is lost when this command ends (Ctrl-C)\n")
    if options.allow_remote:
        print("other machines reach webhooks and the storefront; the rest is served only to this machine")
    print(f"ready {stack.url}")
    print("open this address in a browser: it is the inspector, which shows each webhook\n")
    print("URLs for webhooks:")
    hosts = [f"https://{host}" for host in stack.public_hosts] or [stack.url]
    width = max(map(len, stack.shops))
    for id in stack.shops:
        print(*(f"  {id.ljust(width)}  {host}/webhooks/{id}" for host in hosts), sep="\n")
    url = "" if stack.url == DEV_URL else f" --url {stack.url}"
    print(
        f"\nsend a sample from a second terminal:\n  .venv/bin/shopwire send shopify orders/create{url}\n", flush=True
    )
    return make_printer(stack.url, utc=options.utc)


def _check_api(url: str) -> None:
    from shopwire.esputnik import Esputnik, http_transport

    try:
        Esputnik(url, http_transport())
    except ValueError as error:
        # The text names the environment variable, which is not what the user typed.
        raise UserError(f"--esputnik: {str(error).removeprefix('SHOPWIRE_ESPUTNIK_URL: ')}") from None
