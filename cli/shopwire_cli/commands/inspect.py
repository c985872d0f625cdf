"""`shopwire inspect`: serve the inspector of a deployed stack locally, or print where `shopwire dev` serves its own."""

import argparse

from shopwire_cli.errors import CommandError
from shopwire_cli.parser import Parser, add_installation_options, port, positive_integer


def add_arguments(parser: Parser) -> None:
    """Define the arguments of `shopwire inspect`."""
    parser.description = (
        "Serves pages that show the webhooks of a deployed stack, read from its logs, its table and its\n"
        "queue. The pages change nothing, and personal data on them is masked. `shopwire dev` serves these pages\n"
        "itself, so without --stack the command only prints their address."
    )
    parser.epilog = """examples:
  shopwire inspect
  shopwire inspect --stack shopwire
  shopwire inspect --stack shopwire --minutes 600 --port 9001"""
    add_installation_options(parser)
    parser.add_argument(
        "--port", type=port(), default=8790, help="port to listen on; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--minutes",
        metavar="N",
        type=positive_integer,
        default=60,
        help="minutes of the logs to read, up to now (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C, or print the address."""
    return _serve_stack(options) if options.stack else _print_dev_address(options.url.rstrip("/"))


def _print_dev_address(url: str) -> int:
    from shopwire_cli.http_client import send_request

    if not send_request("GET", f"{url}/inspect/rows").ok:
        raise CommandError(f"{url} has no inspector, so it is not `shopwire dev`: set --url to the address of one")
    print(f"{url}/")
    return 0


def _serve_stack(options: argparse.Namespace) -> int:
    import boto3

    from shopwire.environment import now
    from shopwire_cli.stack_installation import function_settings
    from shopwire_inspector.log_reader import LogsDown
    from shopwire_inspector.stack_inspector import StackInspector
    from shopwire_wsgi import PortUnavailable

    settings = function_settings(options.stack)
    try:
        since = now() - options.minutes * 60_000
        inspector = StackInspector(options.stack, settings, boto3.client("logs"), port=options.port, since=since)
    except LogsDown as error:
        raise CommandError(f"AWS does not answer, or refuses to show the logs: {error}") from None
    except PortUnavailable as error:
        raise CommandError(str(error)) from None
    inspector.start()
    print("read-only: the pages change nothing in the stack, and personal data is masked (Ctrl-C ends this)")
    print(f"ready {inspector.url}", flush=True)
    wait_for_signal()
    inspector.stop()
    return 0


def wait_for_signal() -> None:
    """Return at Ctrl-C or SIGTERM."""
    import signal
    import threading

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
