"""`shopwire secret new`: make a secret of 32 random bytes in a form that every platform accepts."""

import argparse

from shopwire_cli.errors import UserError
from shopwire_cli.parser import Parser

_SECRET_BYTES = 32
# The shop's owner chooses the secret of these.
_CHOSEN_BY_THE_SHOP = ("woocommerce", "storefront")
# These platforms make the secret themselves. The text says where to find it.
_MADE_BY_THE_PLATFORM = {
    "shopify": "Shopify makes the secret: copy the app's client secret, or the one that Settings > Notifications > "
    "Webhooks shows (docs/connect-shopify.md)"
}


def add_arguments(parser: Parser) -> None:
    """Define the arguments of `shopwire secret`."""
    parser.description = "Makes secrets for webhooks and for the storefront."
    parser.epilog = "example:\n  shopwire secret new woocommerce"
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    new = actions.add_parser(
        "new",
        help="print a new secret",
        description="Prints 32 random bytes as 43 letters, digits, hyphens and underscores.",
        epilog="example:\n  shopwire secret new woocommerce",
    )
    new.add_argument("platform", metavar="PLATFORM", nargs="?", help="woocommerce, storefront (Shopify makes its own)")


def run(options: argparse.Namespace) -> int:
    """Print a new secret and nothing else."""
    import secrets

    if where_to_find_it := _MADE_BY_THE_PLATFORM.get(options.platform):
        raise UserError(where_to_find_it)
    if options.platform and options.platform not in _CHOSEN_BY_THE_SHOP:
        raise UserError(
            f"no platform {options.platform!r} for which the shop chooses the secret; there are "
            f"{', '.join(_CHOSEN_BY_THE_SHOP)}"
        )
    # Only letters, digits, - and _, because WooCommerce decodes entities like &amp; in a secret before it signs.
    print(secrets.token_urlsafe(_SECRET_BYTES))
    return 0
