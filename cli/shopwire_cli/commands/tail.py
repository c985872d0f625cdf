"""`shopwire tail`: show each webhook when it arrives, and what became of it."""

import argparse
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from shopwire_cli.parser import Parser, add_installation_options, add_utc_option, positive_integer

if TYPE_CHECKING:
    from shopwire_cli.webhook_feeds import WebhookFeed


def add_arguments(parser: Parser) -> None:
    """Define the arguments of `shopwire tail`."""
    parser.description = (
        "Shows each webhook of the running `shopwire dev` (--url), or of a deployed stack (--stack): a line when it\n"
        "arrives, and another one when its outcome changes. Ctrl-C ends it. In a pipe, each line is JSON.\n"
        "A stack's webhooks are read from its log lines, which AWS shows some seconds later."
    )
    parser.epilog = """examples:
  shopwire tail
  shopwire tail --shop my-shop --last 50
  shopwire tail --stack shopwire --minutes 60
  shopwire tail --stack shopwire --once --json"""
    add_installation_options(parser)
    parser.add_argument("--shop", metavar="ID", help="only webhooks of this shop")
    parser.add_argument(
        "--last",
        metavar="N",
        type=positive_integer,
        default=10,
        help="of `shopwire dev`: begin with what is among the last N webhooks (default: %(default)s)",
    )
    parser.add_argument(
        "--minutes",
        metavar="N",
        type=positive_integer,
        default=10,
        help="of a stack: begin with the last N minutes (default: %(default)s)",
    )
    parser.add_argument("--once", action="store_true", help="print what is there, and end")
    parser.add_argument("--json", action="store_true", help="print JSON lines, in a terminal too")
    add_utc_option(parser)


def run(options: argparse.Namespace) -> int:
    """Print until Ctrl-C."""
    import time

    with suppress(KeyboardInterrupt):
        follow(_find_feed(options), options, time.sleep)
    return 0


def follow(feed: "WebhookFeed", options: argparse.Namespace, pause: Callable[[float], None]) -> None:
    """Print what the feed has, until `pause` raises or with --once.

    Args:
        pause: waits for a number of seconds.

    Raises:
        CommandError.
    """
    from shopwire_cli.webhook_printer import make_printer

    show = make_printer(feed.base_url, utc=options.utc, as_json=options.json)
    while True:
        show(record for record in feed.next() if options.shop in (None, record["shop"]))
        if options.once:
            return
        pause(feed.pause_seconds)


def _find_feed(options: argparse.Namespace) -> "WebhookFeed":
    from shopwire_cli.webhook_feeds import DevFeed, StackFeed

    if not options.stack:
        return DevFeed(options.url, last=options.last)
    import boto3

    from shopwire.environment import now
    from shopwire_cli.aws_stack import describe_stack

    stack = describe_stack(options.stack)
    stack.output("WebhookUrl")  # otherwise it is not one of shopwire's
    return StackFeed(stack.name, boto3.client("logs"), since=now() - options.minutes * 60_000)
