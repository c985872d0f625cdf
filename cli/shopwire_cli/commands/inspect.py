"""`shopwire inspect`: the inspector of a deployed stack, on this machine; of the running `shopwire dev` its address."""

import argparse
import signal
import threading

from shopwire_cli.errors import CommandError
from shopwire_cli.web import call


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C, or say where the pages are."""
    return _stack(options) if options.stack else _dev(options.url.rstrip("/"))


def _dev(url: str) -> int:
    answer = call("GET", f"{url}/inspect/rows")
    if not answer.ok:
        raise CommandError(f"{url} is no `shopwire dev`: it has no inspector")
    print(f"{url}/")
    return 0


def _stack(options: argparse.Namespace) -> int:
    # boto3 is large, and only this needs it.
    import boto3

    from shopwire.environment import now
    from shopwire_cli.stack_installation import settings_of
    from shopwire_inspector.log_reader import LogsDown
    from shopwire_inspector.stack_inspector import StackInspector
    from shopwire_wsgi import PortUnavailable

    settings = settings_of(options.stack)
    try:
        since = now() - options.minutes * 60_000
        inspector = StackInspector(options.stack, settings, boto3.client("logs"), port=options.port, since=since)
    except LogsDown as error:
        raise CommandError(f"AWS does not answer, or refuses to show the logs: {error}") from None
    except PortUnavailable as error:
        raise CommandError(str(error)) from None
    inspector.start()
    print("only looks: nothing of the stack is changed from here, personal data is masked (Ctrl-C ends it)")
    print(f"ready {inspector.url}", flush=True)
    until_ended()
    inspector.stop()
    return 0


def until_ended() -> None:
    """Come back at Ctrl-C or SIGTERM."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
