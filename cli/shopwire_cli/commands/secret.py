"""`shopwire secret new`: make a secret of 32 random bytes in a form that every platform accepts."""

import argparse

from shopwire_cli.errors import UserError
from shopwire_cli.parser import Parser

_SECRET_BYTES = 32


def add_arguments(parser: Parser) -> None:
    """Define the arguments of `shopwire secret`."""
    parser.description = "Makes secrets for webhooks and for the storefront."
    parser.epilog = "example:\n  shopwire secret new woocommerce"
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    new = actions.add_parser(
        "new",
        help="print a new secret",
        description="Prints 32 random bytes as 43 letters, digits, hyphens and underscores, or in the spelling that the"
        " platform prescribes.",
        epilog="example:\n  shopwire secret new woocommerce",
    )
    new.add_argument(
        "platform", metavar="PLATFORM", nargs="?", help="a platform that lets the shop choose the secret, or storefront"
    )


def run(options: argparse.Namespace) -> int:
    """Print a new secret and nothing else."""
    import secrets

    from shopwire import platforms

    if options.platform:
        chosen = [name for name in platforms.NAMES if platforms.get(name).secret.made_by == "shop"]
        if options.platform in platforms.NAMES and options.platform not in chosen:
            platform = platforms.get(options.platform)
            raise UserError(
                f"{platform.title} makes the secret: use {platform.secret.where} (docs/platforms/{platform.name}.md)"
            )
        if options.platform not in chosen:
            raise UserError(
                f"no platform {options.platform!r} for which the shop chooses the secret; there are {', '.join(chosen)}"
            )
    # Only letters, digits, - and _, because some platforms decode entities like &amp; in a secret before they sign.
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    print(platforms.get(options.platform).secret_with(secret) if options.platform else secret)
    return 0
