"""`shopwire dev`: run everything locally. The package shopwire_dev does the work."""

import argparse

from shopwire_cli.errors import CommandError, UserError
from shopwire_cli.parser import Parser, port

# The AWS services listen on the next port.
_LARGEST_PORT = 65_534


def add_arguments(parser: Parser) -> None:
    """Define the arguments of `shopwire dev`."""
    parser.description = (
        "Runs the functions behind a local gateway, together with the queue, the table, the settings and\n"
        "an emulator of the API. Everything is kept in memory and is gone when the command ends (Ctrl-C)."
    )
    parser.epilog = """examples:
  shopwire dev
  shopwire dev --port 9000 --shops shops.toml
  shopwire dev --host 0.0.0.0 --allow-remote
  shopwire dev --esputnik https://esputnik.com/api/ --shops shops.toml"""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="let other machines, or a tunnel, reach webhooks and the storefront; the inspector and the paths below "
        "/dev/ and /esputnik/ are served only to this machine all the same",
    )
    parser.add_argument(
        "--port",
        type=port(_LARGEST_PORT),
        default=8787,
        help="PORT and PORT+1 are listened on; 0 takes free ones (default: %(default)s)",
    )
    parser.add_argument("--esputnik", metavar="URL", help="send to this API instead of the emulator")
    parser.add_argument("--shops", metavar="FILE", help="TOML file of shops to serve together with the demo shops")


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from shopwire.errors import BadSettings
    from shopwire_dev.demo_shops import read_settings
    from shopwire_dev.lambdas import FunctionNotFound
    from shopwire_dev.stack import serve
    from shopwire_wsgi import PortTaken, PortUnavailable, is_loopback, listen

    if options.esputnik:
        _check_api(options.esputnik)
    try:
        if not (options.allow_remote or is_loopback(options.host)):
            listen(options.host, 0).close()  # if this machine has no such address, that is the error to report
            raise UserError(
                f"--host {options.host}: other machines could reach this address and post webhooks to it. If they may, "
                "add --allow-remote"
            )
        settings = read_settings(options.shops) if options.shops else None
        serve(
            options.host,
            options.port,
            esputnik_url=options.esputnik,
            settings=settings,
            allow_remote=options.allow_remote,
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


def _check_api(url: str) -> None:
    from shopwire.esputnik import Esputnik, http_transport

    try:
        Esputnik(url, http_transport())
    except ValueError as error:
        # The text names the environment variable, which is not what the user typed.
        raise UserError(f"--esputnik: {str(error).removeprefix('SHOPWIRE_ESPUTNIK_URL: ')}") from None
