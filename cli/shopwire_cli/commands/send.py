"""`shopwire send`: sign a body as the platform would, and post it to a running shopwire."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from shopwire_cli.errors import UserError
from shopwire_cli.parser import Parser, add_url_option, positive_integer
from shopwire_cli.terminal import escape

if TYPE_CHECKING:
    from requests import Response


def add_arguments(parser: Parser) -> None:
    """Define the arguments of `shopwire send`."""
    from shopwire.platforms import NAMES

    parser.description = (
        "Signs a sample as the platform would, posts it, and tells what it became. In a pipe or with --json it prints\n"
        "each response as it is."
    )
    parser.epilog = """TOPIC is the platform's own name of the topic. Add --VARIANT to choose another of our samples of
that topic. --list prints all samples in the order in which their events happened. A sample is sent as
if it happened just now, with ids of its own. With --no-fresh its bytes are those of the sample, so that
the samples of one order belong together, and a second send changes nothing. A FILE is sent as it is.

examples:
  shopwire send --list
  shopwire send shopify orders/create
  shopwire send shopify orders/create --fresh --count 20
  shopwire send shopify orders/updated--refunded --no-fresh
  shopwire send woocommerce order.updated order.json --shop my-shop --shops shops.toml
  shopwire send woocommerce ping
  shopwire send storefront product --shop demo-woocommerce"""
    parser.add_argument("platform", metavar="PLATFORM", nargs="?", help=", ".join(NAMES))
    parser.add_argument("topic", metavar="TOPIC[--VARIANT]", nargs="?", help="such as orders/create, order.updated")
    parser.add_argument("file", metavar="FILE", nargs="?", help="file with the body; - is stdin (default: our sample)")
    parser.add_argument("--list", action="store_true", help="list our samples, of PLATFORM or of all platforms")
    parser.add_argument("--shop", metavar="ID", help="id of the shop in the URL (default: demo-PLATFORM)")
    parser.add_argument("--shops", metavar="FILE", help="TOML file with the shops' secrets (default: the demo shops)")
    add_url_option(parser, "address of shopwire")
    parser.add_argument(
        "--count",
        metavar="N",
        type=positive_integer,
        default=1,
        help="post N times: the same delivery N times, or N different ones with --fresh",
    )
    parser.add_argument(
        "--fresh",
        action=argparse.BooleanOptionalAction,
        help="give it new ids and tokens, and move its dates so that the latest is now (default for our samples), "
        "or leave it as it is (default for a FILE)",
    )
    parser.add_argument("--json", action="store_true", help="print the responses as they are, in a terminal too")


def run(options: argparse.Namespace) -> int:
    """List the samples, or send. Return 1 if a response is not 2xx."""
    from shopwire_cli.http_client import send_request
    from shopwire_cli.mapping import find_platform
    from shopwire_cli.outgoing_webhooks import find_shop, list_samples, path_of, signed_calls

    if options.platform:
        find_platform(options.platform)
    if options.list:
        for sample in list_samples(options.platform):
            print(sample)
        return 0
    if not options.topic:
        raise UserError("name PLATFORM and TOPIC; `shopwire send --list` lists them")
    shop = find_shop(options.platform, options.shop, options.shops)
    url = options.url.rstrip("/") + path_of(options.platform, shop)
    code = 0
    for call in signed_calls(
        options.platform, options.topic, shop, file=options.file, count=options.count, fresh=options.fresh
    ):
        if call.answers:
            # Only `shopwire dev` has a stand-in for the platform's API. Every other shopwire asks the platform's.
            send_request("PUT", f"{options.url.rstrip('/')}/dev/platform-api", {}, json.dumps(call.answers).encode())
        response = send_request("POST", url, call.headers, call.body)
        if options.json or not sys.stdout.isatty() or not _print_story(response, options.url):
            print(escape(response.text.strip()), flush=True)
        if not 200 <= response.status_code < 300:
            print(f"shopwire send: HTTP {response.status_code} {escape(response.reason)}", file=sys.stderr)
            code = 1
    return code


def _print_story(response: "Response", url: str) -> bool:
    """Print what became of the webhook. Return False if the answering server is not `shopwire dev`, which knows it."""
    from shopwire_cli.http_client import send_request
    from shopwire_cli.webhook_printer import print_story
    from shopwire_dev.recorder import WEBHOOK_HEADER

    id = response.headers.get(WEBHOOK_HEADER)
    if id is None or not id.isdigit():
        return False
    record = send_request("GET", f"{url.rstrip('/')}/dev/webhooks/{id}")
    if not record.ok:
        return False
    print_story(record.json(), url)
    return True
