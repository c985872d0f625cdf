"""`shopwire map`: print the API requests that a webhook's body becomes, without a ledger, a network or a clock.

The same body always prints the same bytes, because the state of the API is assumed and the time of receipt is fixed.
"""

import argparse
import sys

from shopwire_cli.parser import Parser
from shopwire_cli.terminal import escape


def add_arguments(parser: Parser) -> None:
    """Define the arguments of `shopwire map`."""
    parser.description = (
        "Prints the API requests that the body becomes, in sending order, as one JSON array of\n"
        '{"path", "body"}. If nothing is to be sent, the array is empty and the reason is on stderr.'
    )
    from shopwire.platforms import NAMES

    parser.epilog = """examples:
  shopwire map shopify orders/create order.json
  shopwire map woocommerce order.updated --new --region UA < body.json
  shopwire map shopify carts/update cart.json --contact ann@example.com
  shopwire map storefront product seen.json"""
    parser.add_argument("platform", metavar="PLATFORM", help=", ".join(NAMES))
    parser.add_argument(
        "topic", metavar="TOPIC", help="the platform's own name of the topic: orders/create, order.updated"
    )
    parser.add_argument("file", metavar="FILE", nargs="?", help="file with the body; - is stdin (default in a pipe)")
    known = parser.add_mutually_exclusive_group()
    known.add_argument(
        "--known",
        dest="new",
        action="store_false",
        help="assume that the API has the contact, and the order with the same content and another status (default)",
    )
    known.add_argument(
        "--new",
        dest="new",
        action="store_true",
        help="assume that the API has neither the contact nor the order, and that the order is recent",
    )
    parser.set_defaults(new=False)
    parser.more_help = _fetched_help
    parser.add_argument(
        "--contact",
        metavar="EMAIL",
        help="contact of the cart; for a fact (a parcel was delivered, an order was deleted) contact of the order, "
        "assuming that the order was shipped in one parcel",
    )
    parser.add_argument(
        "--fetched",
        metavar="FILE",
        nargs="+",
        help="for platforms whose webhooks carry no state: the answers of the platform's API, in the order in which "
        "they are fetched; an empty file is an answer without content, and null is what does not exist",
    )
    shop = parser.add_argument_group("settings of the shop")
    shop.add_argument("--region", metavar="COUNTRY", help="country of phone numbers that have no country code, like UA")
    shop.add_argument(
        "--item-id",
        choices=("variant", "product", "sku"),
        default="variant",
        help="which id of an item is sent (default: variant)",
    )
    shop.add_argument(
        "--shipped-is-delivered",
        action="store_true",
        help="treat a shipped order as delivered, because no carrier reports deliveries",
    )
    shop.add_argument(
        "--status",
        metavar="WORD=STATUS",
        action="append",
        default=[],
        help="meaning of a plugin's own status, such as assembling=IN_PROGRESS (may be repeated)",
    )
    shop.add_argument(
        "--key-value",
        choices=("contact", "order"),
        default="contact",
        help="what keyValue identifies (default: contact)",
    )
    shop.add_argument(
        "--orders",
        choices=("events", "orders", "both"),
        default="events",
        help="which resource orders go through: v1/event, v1/orders, or both (default: events)",
    )
    shop.add_argument("--ignore-test-orders", action="store_true", help="do not send test orders")


def _fetched_help() -> str:
    from shopwire import platforms

    lines = [
        f"  {name} {beginning}*: {', '.join(answers)}"
        for name in platforms.NAMES
        for beginning, answers in platforms.get(name).fetches.items()
    ]
    return "\n".join(["answers for --fetched, in this order:", *lines]) if lines else ""


def run(options: argparse.Namespace) -> int:
    """Print the requests, or why there are none."""
    from shopwire_cli import mapping
    from shopwire_cli.files import find_stdin
    from shopwire_cli.suggestions import did_you_mean

    platform = mapping.find_platform(options.platform)
    answers = mapping.read_answers(platform, options.platform, options.topic, options.fetched or ())
    shop, contact = mapping.make_shop(options), mapping.make_contact(options.contact)
    file = options.file or find_stdin()
    body = mapping.read_object(file)
    requests = []
    for change in mapping.parse_changes(platform, options.topic, file, body, shop, answers):
        try:
            requests += mapping.make_requests(change, shop, new=options.new, contact=contact)
        except mapping.NothingToSend as reason:
            guess = "" if platform.topic(options.topic) else did_you_mean(options.topic, platform.topic_names())
            print(f"shopwire map: nothing to send{escape(guess)}: {escape(str(reason))}", file=sys.stderr)
    print(mapping.to_json(requests))
    return 0
