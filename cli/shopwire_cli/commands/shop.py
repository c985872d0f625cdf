"""`shopwire shop`: connect shops to a deployed stack or to the running `shopwire dev`; list, show and remove them.

No secret is ever printed, because settings are masked (shopwire_cli.shop_secrets) before they are.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from shopwire_cli.errors import CommandError, UserError
from shopwire_cli.parser import Parser, add_installation_options, add_utc_option
from shopwire_cli.shop_secrets import ShopFields, mask_fields, mask_secret, masked_changes, secrets_of
from shopwire_cli.terminal import escape

if TYPE_CHECKING:
    from shopwire_cli.shop_parameters import ShopParameters, StoredShop

_COLUMNS = ("id", "platform", "store", "secrets", "changed", "problem")


def add_arguments(parser: Parser) -> None:
    """Define the arguments of `shopwire shop`."""
    parser.description = (
        "The shops of the running `shopwire dev` (--url), or of a deployed stack (--stack). In a stack each\n"
        "shop is one encrypted parameter. At most the last characters of a secret are printed."
    )
    parser.epilog = """examples:
  shopwire shop put shops.toml --stack shopwire --dry-run
  shopwire shop put shops.toml my-shop --stack shopwire
  shopwire shop list
  shopwire shop show demo-shopify
  shopwire shop remove my-shop --stack shopwire"""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    putting = actions.add_parser(
        "put",
        help="write the shops of a TOML file",
        description="Checks all shops of the file, prints what changes, and writes the shops that differ. Shops that\n"
        "are not in the file stay as they are. If a change makes shopwire refuse webhooks that it accepts now,\n"
        "the command asks first.",
        epilog="examples:\n  shopwire shop put shops.toml --dry-run\n  shopwire shop put shops.toml my-shop",
    )
    putting.add_argument("file", metavar="FILE", help="TOML file with a table [id] for each shop")
    putting.add_argument("ids", metavar="ID", nargs="*", help="only these shops of the file (default: all)")
    putting.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")
    listing = actions.add_parser(
        "list",
        help="list all shops",
        description="Lists the shops by id, and what is wrong with the settings of each.",
        epilog="example:\n  shopwire shop list --stack shopwire --json",
    )
    add_utc_option(listing)
    listing.add_argument(
        "--json", action="store_true", help="print JSON lines, in a terminal too; they also have each shop's URL"
    )
    showing = actions.add_parser(
        "show",
        help="show one shop with its secrets masked",
        description="Prints one shop's URL and settings as JSON, with its secrets masked.",
        epilog="example:\n  shopwire shop show demo-shopify",
    )
    showing.add_argument("id", metavar="ID", help="the id that `shopwire shop list` prints")
    removing = actions.add_parser(
        "remove",
        help="delete shops",
        description="Deletes shops. Their webhooks get status 404 then: in a stack within an hour, otherwise at once.",
        epilog="example:\n  shopwire shop remove my-shop --stack shopwire",
    )
    removing.add_argument("ids", metavar="ID", nargs="+", help="the ids that `shopwire shop list` prints")
    for action in (putting, removing):
        action.add_argument("--yes", action="store_true", help="do not ask")
    for action in (putting, listing, showing, removing):
        add_installation_options(action)


def run(options: argparse.Namespace) -> int:
    """Put, list, show or remove."""
    from shopwire_cli.shop_parameters import dev_parameters, stack_parameters

    # An error in the file is reported before the installation is contacted.
    wanted = _read_file(options) if options.action == "put" else {}
    parameters = stack_parameters(options.stack) if options.stack else dev_parameters(options.url)
    match options.action:
        case "put":
            _put(parameters, wanted, options)
        case "list":
            _list(parameters, options)
        case "show":
            _show(parameters, options)
        case "remove":
            _remove(parameters, options)
    return 0


def _read_file(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    from shopwire_cli.shops_file import read_shops_file

    wanted, warnings = read_shops_file(options.file, options.ids, deployed=bool(options.stack))
    for warning in warnings:
        _print_note(warning)
    return wanted


def _put(parameters: "ShopParameters", wanted: Mapping[str, dict[str, Any]], options: argparse.Namespace) -> None:
    _check_accounts(parameters.list(), wanted)
    stored = {id: parameters.get(id) for id in wanted}
    before = {id: shop.fields if shop else None for id, shop in stored.items()}
    for id, fields in wanted.items():
        for line in _describe_change(before[id], fields):
            print(escape(f"{id}: {line}"), flush=True)
    to_write = [id for id in wanted if before[id] != wanted[id]]
    if options.dry_run or not to_write:
        return
    if refusals := [escape(f"{id}: {text}") for id in to_write for text in _refusals(before[id], wanted[id])]:
        _confirm("\n".join(refusals), options)
    notes = []
    if any((before[id] or wanted[id]).get("id_prefix", "") != wanted[id].get("id_prefix", "") for id in to_write):
        notes.append(
            "An order or customer that changes from now on is another one for eSputnik than before, because its id has "
            "another `id_prefix`."
        )
    if parameters.persistent and any(stored[id] for id in to_write):
        notes.append(
            "A new secret is accepted within 30 seconds. Change it at the platform after that, not before. All other "
            "changes, such as a removed secret, take effect within an hour."
        )
    if not parameters.persistent:
        notes.append(
            "The shops are kept in memory until `shopwire dev` ends. "
            "`shopwire dev --shops FILE` loads them at the start."
        )
    _for_each_shop(
        to_write,
        lambda id: parameters.put(id, wanted[id], new=stored[id] is None),
        lambda id: f"written {id}: its webhooks go to {parameters.url(id)}",
        notes,
    )


def _check_accounts(stored: Iterable["StoredShop"], wanted: Mapping[str, dict[str, Any]]) -> None:
    """Check that no two shops send the same ids to one account of the API.

    Raises:
        UserError: a shop would have the API key of another one without an `id_prefix` of its own.
    """
    from shopwire_dev.accounts import shared_account

    others = {shop.id: shop.fields for shop in stored}
    if problem := shared_account({**others, **wanted}, list(wanted)):
        raise UserError(problem)


def _describe_change(before: ShopFields | None, after: ShopFields) -> Iterator[str]:
    if before is None:
        yield f"new, {after['platform']}, secrets {_masked_secrets(after)}"
    elif before == after:
        yield "unchanged"
    else:
        yield from masked_changes(before, after)


def _refusals(before: ShopFields | None, after: ShopFields) -> Iterator[str]:
    """Yield the reasons why webhooks that are accepted now will be refused after the change."""
    if not before:
        return
    if secrets_of(before) and not secrets_of(before) & secrets_of(after):
        yield "no secret stays, so webhooks signed with the present ones will be refused (keep one while you rotate)"
    storefront = secrets_of(before, "storefront_secret")
    if storefront and not storefront & secrets_of(after, "storefront_secret"):
        yield (
            "no storefront_secret stays, so visitors on pages signed with the present ones will be refused (keep one "
            "for three days while you rotate)"
        )
    for field in ("platform", "store"):
        if before.get(field) and after.get(field) and before[field] != after[field]:
            yield f"`{field}` changes, so webhooks of {before[field]} will be refused"


def _list(parameters: "ShopParameters", options: argparse.Namespace) -> None:
    from shopwire_cli.output import print_records

    records = [_record(parameters, shop) for shop in parameters.list()]
    print_records(_COLUMNS, records, as_json=options.json, utc=options.utc)
    if not records:
        print("no shop is connected: connect one with `shopwire shop put FILE`", file=sys.stderr)


def _record(parameters: "ShopParameters", shop: "StoredShop") -> dict[str, Any]:
    fields = shop.fields
    return {
        "id": shop.id,
        "platform": str(fields.get("platform") or "-"),
        "store": str(fields.get("store") or "-"),
        "secrets": _masked_secrets(fields),
        "changed": int(shop.changed.timestamp() * 1000),
        "problem": shop.problem or "-",
        "url": parameters.url(shop.id),
    }


def _masked_secrets(fields: ShopFields) -> str:
    secrets = fields.get("secrets")
    return " ".join(map(mask_secret, secrets)) if isinstance(secrets, list) else "-"


def _show(parameters: "ShopParameters", options: argparse.Namespace) -> None:
    from shopwire_cli.output import print_json

    shop = _get_existing(parameters, options.id)
    about = {"id": shop.id, "url": parameters.url(shop.id), "changed": f"{shop.changed:%Y-%m-%dT%H:%M:%S%z}"}
    if problem := shop.problem:
        about["problem"] = problem
    print_json({**about, "settings": mask_fields(shop.fields)})


def _remove(parameters: "ShopParameters", options: argparse.Namespace) -> None:
    ids = [_get_existing(parameters, id).id for id in dict.fromkeys(options.ids)]
    when = "within an hour" if parameters.persistent else "at once"
    _confirm(
        f"{escape(', '.join(ids))}: {when}, webhooks will get status 404. Waiting webhooks will be parked, and "
        "parked ones will no longer be listed. Switch the webhooks off at the platform first.",
        options,
    )
    _for_each_shop(
        ids,
        parameters.remove,
        lambda id: f"removed {id}",
        ["Functions that have cached a shop's settings accept its webhooks for up to an hour."]
        if parameters.persistent
        else [],
    )


def _get_existing(parameters: "ShopParameters", id: str) -> "StoredShop":
    shop = parameters.get(id)
    if shop is None:
        raise UserError(f"no shop {id}: `shopwire shop list` lists the shops")
    return shop


def _confirm(consequences: str, options: argparse.Namespace) -> None:
    """Print the consequences and ask whether to go on, unless --yes is given.

    Raises:
        UserError: the user does not agree, or cannot be asked.
    """
    if options.yes:
        return
    print(consequences, file=sys.stderr)
    if not sys.stdin.isatty():
        raise UserError("nothing was changed: use --yes to agree without being asked")
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UserError("nothing was changed")


def _for_each_shop(
    ids: list[str], action: Callable[[str], None], success: Callable[[str], str], notes: list[str]
) -> None:
    """Do the action for each shop, even if it failed for another one.

    Args:
        success: returns the line to print after the action.
        notes: what to print at the end if the action succeeded at least once.

    Raises:
        CommandError: it failed for some of them.
    """
    failed = []
    for id in ids:
        try:
            action(id)
        except CommandError as error:
            failed.append(id)
            _print_note(str(error))
        else:
            print(escape(success(id)), flush=True)
    if len(failed) < len(ids):
        for note in notes:
            print(note, file=sys.stderr)
    if failed:
        raise CommandError(f"failed for {', '.join(failed)}; {len(ids) - len(failed)} of {len(ids)} succeeded")


def _print_note(text: str) -> None:
    print(f"shopwire shop: {escape(text)}", file=sys.stderr)
