"""`shopwire dev`: run everything locally. The package shopwire_dev does the work."""

import argparse

from shopwire_cli.errors import CommandError, UserError
from shopwire_cli.parser import Parser, port


def add_arguments(parser: Parser) -> None:
    """Define the arguments of `shopwire dev`."""
    parser.description = (
        "Runs the functions behind a local gateway, together with the queue, the table, the settings and\n"
        "an emulator of the API. Everything is kept in memory and is gone when the command ends (Ctrl-C)."
    )
    parser.epilog = """examples:
  shopwire dev
  shopwire dev --port 9000 --shops shops.toml
  shopwire dev --esputnik https://esputnik.com/api/ --shops shops.toml"""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=port, default=8787, help="port to listen on; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument("--esputnik", metavar="URL", help="send to this API instead of the emulator")
    parser.add_argument("--shops", metavar="FILE", help="TOML file of shops to serve together with the demo shops")


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from shopwire.errors import BadSettings
    from shopwire_dev.demo_shops import read_settings
    from shopwire_dev.lambdas import FunctionNotFound
    from shopwire_dev.stack import serve
    from shopwire_wsgi import PortUnavailable

    if options.esputnik:
        _check_api(options.esputnik)
    try:
        settings = read_settings(options.shops) if options.shops else None
        serve(options.host, options.port, esputnik_url=options.esputnik, settings=settings)
    except BadSettings as error:
        raise UserError(f"--shops: {error}") from None
    except (PortUnavailable, FunctionNotFound) as error:
        raise CommandError(str(error)) from None
    return 0


def _check_api(url: str) -> None:
    from shopwire.esputnik import Esputnik, http_transport

    try:
        Esputnik(url, http_transport())
    except ValueError as error:
        # The text names the environment variable, which is not what the user typed.
        raise UserError(f"--esputnik: {str(error).removeprefix('SHOPWIRE_ESPUTNIK_URL: ')}") from None
