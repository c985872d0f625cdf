"""`shopwire shop`: a shops.toml becomes the shops of a stack, or of the running `shopwire dev`.

No secret is ever printed: everything that is shown of one goes through shopwire_cli.masks.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from shopwire.errors import BadSettings
from shopwire.models import Shop
from shopwire.shops import parse_shop
from shopwire_cli.errors import CommandError, UserError
from shopwire_cli.masks import changes, masked, shown
from shopwire_cli.parameters import LARGEST, Parameters, Stored, of_dev, of_stack, packed
from shopwire_cli.tables import table
from shopwire_dev.demo_shops import demo_settings, read_settings

Settings = Mapping[str, Any]


def run(options: argparse.Namespace) -> int:
    """Put, list, show or remove."""
    # What is wrong with the file is said before anybody is asked.
    wanted = _read(options) if options.action == "put" else {}
    parameters = of_stack(options.stack) if options.stack else of_dev(options.url)
    match options.action:
        case "put":
            return _put(parameters, wanted, options)
        case "list":
            return _list(parameters, options)
        case "show":
            return _show(parameters, options)
    return _remove(parameters, options)


def _read(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The file's shops that were asked for, checked."""
    try:
        found = read_settings(options.file)
        shops = {id: parse_shop(id, fields) for id, fields in found.items()}
    except BadSettings as error:
        text = str(error).removeprefix(f"{options.file}: ")
        raise UserError(f"{options.file}: {text}") from None
    if not found:
        raise UserError(f"{options.file}: no shop in it: a table is needed, as [my-shop]")
    if unknown := set(options.ids) - found.keys():
        raise UserError(f"{options.file}: no shop {', '.join(sorted(unknown))}: one of {', '.join(found)}")
    wanted = {id: fields for id, fields in found.items() if id in (options.ids or found)}
    for id, fields in wanted.items():
        try:
            size = len(packed(fields).encode())
        except (TypeError, ValueError):
            raise UserError(f"{options.file}: shop {id}: a date, or a number without end, is no setting") from None
        if size > LARGEST:
            raise UserError(f"{options.file}: shop {id}: {size} bytes of settings, a parameter holds {LARGEST}")
        if options.stack and _secrets(fields) & _KNOWN_TO_ALL:
            raise UserError(f"{options.file}: shop {id}: secrets: this one stands in the documentation")
        for warning in _warnings(shops[id], fields):
            print(f"shopwire shop: {options.file}: shop {id}: {warning}", file=sys.stderr)
    return wanted


# Whoever copies an example whole would have a secret that everybody knows. A test holds this against the documents.
_IN_DOCUMENTS = (
    "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "Zt3kVb9uQyW5rLhC8nXfE2jMsGp7aDoI",
    "the-app's-client-secret",
    "xq0FhJq6m2dPl7vZ8sYtB1cKwRn4eUgA",
)
_KNOWN_TO_ALL = frozenset((*_IN_DOCUMENTS, *(key for shop in demo_settings().values() for key in shop["secrets"])))


def _secrets(settings: Settings) -> set[str]:
    found = settings.get("secrets")
    return {one for one in found if isinstance(one, str)} if isinstance(found, list) else set()


def _warnings(shop: Shop, fields: Settings) -> Iterator[str]:
    keys = [*_secrets(fields), fields["esputnik_key"], fields.get("storefront_secret") or "x"]
    if any(key != key.strip() for key in keys):
        yield "a secret begins or ends with a space: was it copied with one?"
    if any("<" in key and ">" in key for key in keys):
        yield "a secret holds <...>: was a placeholder left in?"
    if shop.platform == "shopify" and not shop.store:
        yield "store is not set: webhooks of every other shop that has the same app would be believed"


def _put(parameters: Parameters, wanted: Mapping[str, dict[str, Any]], options: argparse.Namespace) -> int:
    stored = {id: parameters.get(id) for id in wanted}
    before = {id: _settings(one) for id, one in stored.items()}
    for id, fields in wanted.items():
        for line in _plan(id, before[id], fields):
            print(line, flush=True)
    to_write = [id for id in wanted if before[id] != wanted[id]]
    if options.dry_run or not to_write:
        return 0
    if refused := [why for id in to_write for why in _refused(id, before[id], wanted[id])]:
        _ask("\n".join(refused), options)
    return _each(
        to_write,
        lambda id: parameters.put(id, wanted[id], new=stored[id] is None),
        lambda id: f"written {id}: its webhooks go to {parameters.url(id)}",
        _afterwards(parameters, any(before[id] is not None for id in to_write)),
    )


def _settings(stored: Stored | None) -> dict[str, Any] | None:
    """What is there now; {} where it is no table of fields, None where nothing is."""
    if stored is None:
        return None
    try:
        found = json.loads(stored.value)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _plan(id: str, before: Settings | None, after: Settings) -> Iterator[str]:
    if before is None:
        yield f"{id}: new, {after['platform']}, secrets {' '.join(map(masked, after['secrets']))}"
    elif before == after:
        yield f"{id}: unchanged"
    else:
        for line in changes(before, after):
            yield f"{id}: {line}"


def _refused(id: str, before: Settings | None, after: Settings) -> Iterator[str]:
    """What would make webhooks be refused that are believed now."""
    if not before:
        return
    if _secrets(before) and not _secrets(before) & _secrets(after):
        yield f"{id}: no secret stays: webhooks signed with those of today will be refused (keep one while rotating)"
    for field in ("platform", "store"):
        if before.get(field) and after.get(field) and before[field] != after[field]:
            yield f"{id}: another {field}: webhooks of {before[field]} will be refused"


def _afterwards(parameters: Parameters, changed: bool) -> str:
    lines = []
    if changed:
        lines.append(
            "A new secret is believed within 30 seconds: change it at the platform after that, not before. Any other "
            "change, and a secret that was taken out, holds within an hour."
        )
    if not parameters.lasting:
        lines.append("Kept in memory until `shopwire dev` ends; `shopwire dev --shops FILE` begins with them.")
    return "\n".join(lines)


def _list(parameters: Parameters, options: argparse.Namespace) -> int:
    records = [_record(parameters, one) for one in parameters.all()]
    if options.json:
        print(json.dumps(records, ensure_ascii=False))
    elif records:
        print(table(("id", "platform", "store", "secrets", "changed", "problem"), records))
    else:
        print("no shop is connected: shopwire shop put FILE", file=sys.stderr)
    return 0


def _record(parameters: Parameters, stored: Stored) -> dict[str, Any]:
    settings = _settings(stored) or {}
    return {
        "id": stored.id,
        "platform": str(settings.get("platform") or "-"),
        "store": str(settings.get("store") or "-"),
        "secrets": " ".join(map(masked, settings["secrets"])) if isinstance(settings.get("secrets"), list) else "-",
        "changed": f"{stored.changed:%Y-%m-%d %H:%M}",
        "problem": _problem(stored) or "-",
        "url": parameters.url(stored.id),
    }


def _problem(stored: Stored) -> str | None:
    try:
        parse_shop(stored.id, stored.value)
    except BadSettings as error:
        return str(error).removeprefix(f"shop {stored.id}: ")
    return None


def _show(parameters: Parameters, options: argparse.Namespace) -> int:
    stored = _existing(parameters, options.id)
    about = {"id": stored.id, "url": parameters.url(stored.id), "changed": f"{stored.changed:%Y-%m-%dT%H:%M:%S%z}"}
    if problem := _problem(stored):
        about["problem"] = problem
    print(json.dumps({**about, "settings": shown(_settings(stored) or {})}, ensure_ascii=False, indent=2))
    return 0


def _remove(parameters: Parameters, options: argparse.Namespace) -> int:
    found = [_existing(parameters, id) for id in dict.fromkeys(options.ids)]
    _ask(
        f"{', '.join(one.id for one in found)}: webhooks will be answered 404, what waits will be parked, what is "
        "parked is no longer listed. Switch the webhooks off at the platform first.",
        options,
    )
    return _each(
        [one.id for one in found],
        parameters.remove,
        lambda id: f"removed {id}",
        "Functions that know a shop go on for up to an hour.",
    )


def _existing(parameters: Parameters, id: str) -> Stored:
    stored = parameters.get(id)
    if stored is None:
        raise UserError(f"no shop {id}: shopwire shop list lists them")
    return stored


def _ask(what: str, options: argparse.Namespace) -> None:
    if options.yes:
        return
    print(what, file=sys.stderr)
    if not sys.stdin.isatty():
        raise UserError("nothing was changed: --yes does it without asking")
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UserError("nothing was changed")


def _each(ids: list[str], do: Any, done: Any, afterwards: str) -> int:
    """Do it to each shop, whatever became of those before."""
    failed = []
    for id in ids:
        try:
            do(id)
        except CommandError as error:
            failed.append(id)
            print(f"shopwire shop: {error}", file=sys.stderr)
        else:
            print(done(id), flush=True)
    if afterwards and len(failed) < len(ids):
        print(afterwards, file=sys.stderr)
    if failed:
        raise CommandError(f"not done: {', '.join(failed)} ({len(ids) - len(failed)} of {len(ids)} are)")
    return 0
