"""`shopwire dev`: everything on one's own machine. What runs there is shopwire_dev's."""

import argparse

from shopwire.esputnik import Esputnik, http_transport
from shopwire.shops import BadSettings
from shopwire_cli.errors import CommandError, UserError
from shopwire_dev.demo_shops import read_settings
from shopwire_dev.lambdas import FunctionNotFound
from shopwire_dev.stack import serve
from shopwire_wsgi import PortUnavailable


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
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
    try:
        Esputnik(url, http_transport())
    except ValueError as error:
        raise UserError(f"--esputnik: {str(error).removeprefix('SHOPWIRE_ESPUTNIK_URL: ')}") from None
