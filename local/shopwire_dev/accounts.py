"""Two shops that use one account of the API: their ids must not mean the same customers and orders."""

from collections.abc import Collection, Mapping
from typing import Any

from shopwire_emulator.emulator import DEMO_KEY


def shared_account(shops: Mapping[str, Mapping[str, Any]], ids: Collection[str]) -> str | None:
    """Return why a shop may not use the API key that it has; None if every shop may.

    Platforms count the ids of customers and orders from 1 in each shop. Shops with the same `esputnik_key` need
    different texts in front of their ids, and no text may begin with another one: "1" before 23 and "12" before 3 are
    the same id. The account of the demo shops is excepted, because any shop may be tried with it.

    Args:
        shops: the settings of all shops, by id. They may be wrong otherwise.
        ids: the shops that are examined. Each is compared with all others.
    """
    for id in ids:
        for other in shops:
            if other != id and _collide(shops[id], shops[other]):
                return (
                    f"shop {id}: `esputnik_key` is also that of shop {other}, so the same id would mean a customer or"
                    " an order of both: set `id_prefix` of both, to texts of which none begins with the other one"
                )
    return None


def _collide(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if one.get("esputnik_key") in (None, "", DEMO_KEY) or one["esputnik_key"] != other.get("esputnik_key"):
        return False
    first, second = str(one.get("id_prefix") or ""), str(other.get("id_prefix") or "")
    return first.startswith(second) or second.startswith(first)
