"""`shopwire secret new`: a secret of 32 random bytes, in the form that the platform takes."""

import argparse
import secrets

from shopwire_cli.errors import UserError

# Letters, digits, - and _ only: WooCommerce decodes &amp; and the like in a secret before it signs.
_CHOSEN = ("woocommerce", "storefront")
_MADE_BY_THE_PLATFORM = {
    "shopify": "Shopify makes it: the app's client secret, or the one shown on Settings > Notifications > Webhooks "
    "(docs/connect-shopify.md)"
}


def run(options: argparse.Namespace) -> int:
    """Print one, and nothing else."""
    if why := _MADE_BY_THE_PLATFORM.get(options.platform):
        raise UserError(why)
    if options.platform and options.platform not in _CHOSEN:
        raise UserError(f"no platform {options.platform!r} whose secret one chooses: one of {', '.join(_CHOSEN)}")
    print(secrets.token_urlsafe(32))
    return 0
