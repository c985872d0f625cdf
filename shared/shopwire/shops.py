"""The settings and secrets of the connected shops: one SecureString parameter each in SSM Parameter Store, cached.

The value of a setting is never part of an error or a log line.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from pydantic_core import from_json

from shopwire import platforms
from shopwire.errors import BadSettings, SettingsUnavailable, UnknownShop
from shopwire.models import Shop

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

SHOP_ID = re.compile(r"[a-z0-9-]{3,64}")
"""What a shop's id looks like."""

_CACHE_SECONDS = 3600
_REREAD_SECONDS = 30


@dataclass(slots=True)
class _Cached:
    shop: Shop
    read_at: float


class Shops:
    """The settings by shop id. They are read again after an hour. While SSM fails, the last known ones stay valid.

    Args:
        path: prefix of the parameters' names, ending in "/".
        clock: returns seconds that only grow.
    """

    def __init__(self, client: "SSMClient", path: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._path = path
        self._clock = clock
        self._cached: dict[str, _Cached] = {}
        self._reread_at: dict[str, float] = {}
        self._names: frozenset[str] | None = None
        self._names_are_old = False
        self._listed_at = -float(_REREAD_SECONDS)

    def get(self, id: str) -> Shop:
        """Return the shop's settings.

        Raises:
            UnknownShop, BadSettings, SettingsUnavailable.
        """
        if not SHOP_ID.fullmatch(id):
            raise UnknownShop(id)
        cached = self._cached.get(id)
        if cached and self._clock() - cached.read_at < _CACHE_SECONDS:
            return cached.shop
        if not cached and not self._may_exist(id):
            raise UnknownShop(id)
        try:
            return self._read(id)
        except (SettingsUnavailable, BadSettings):
            # Settings that were good an hour ago still serve while SSM fails, or after a wrong change.
            if not cached:
                raise
            return cached.shop

    def reread(self, id: str) -> Shop | None:
        """Read the settings again, because a signature did not match and a secret may have been replaced.

        Returns:
            None if they were read again within the last 30 seconds, or cannot be read.
        """
        now = self._clock()
        if now - self._reread_at.get(id, -_REREAD_SECONDS) < _REREAD_SECONDS:
            return None
        self._reread_at[id] = now
        try:
            return self._read(id)
        except (SettingsUnavailable, UnknownShop, BadSettings):
            return None

    def forget(self, id: str) -> None:
        """Read the shop's settings again when they are needed next. While SSM fails, the last known ones stay valid."""
        if cached := self._cached.get(id):
            cached.read_at = -float(_CACHE_SECONDS)
        self._reread_at.pop(id, None)
        self._names = None  # it may not be in the list

    def ids(self) -> frozenset[str]:
        """Return the ids of all shops.

        Raises:
            SettingsUnavailable.
        """
        names: set[str] = set()
        call: dict[str, Any] = {"Path": self._path, "WithDecryption": False}
        while True:
            page = self._call("get_parameters_by_path", **call)
            names |= {parameter["Name"].removeprefix(self._path) for parameter in page["Parameters"]}
            if not page.get("NextToken"):
                return frozenset(names)
            call["NextToken"] = page["NextToken"]

    def _may_exist(self, id: str) -> bool:
        # After a cold start a shop is read directly. After the first request for a shop that does not exist, ids are
        # checked against a list, so that guessing ids costs nothing.
        if self._names is None or id in self._names:
            return True
        if self._list_is_due():
            self._list()
        elif self._names_are_old:
            raise SettingsUnavailable("the list of shops could not be read")
        return id in self._names

    def _list_is_due(self) -> bool:
        return self._clock() - self._listed_at >= _REREAD_SECONDS

    def _list(self) -> None:
        # The list is read at most every 30 seconds, also while SSM fails. Meanwhile no shop is reported as unknown
        # because of an old list: it may have been connected since.
        self._listed_at = self._clock()
        self._names_are_old = True
        self._names = self.ids()
        self._names_are_old = False

    def _read(self, id: str) -> Shop:
        try:
            text = self._call("get_parameter", Name=self._path + id, WithDecryption=True)["Parameter"]["Value"]
        except UnknownShop:
            self._cached.pop(id, None)
            if self._names is None and self._list_is_due():
                with suppress(SettingsUnavailable):  # SSM has just said that there is no such shop
                    self._list()
            raise
        shop = parse_shop(id, text)
        self._cached[id] = _Cached(shop, self._clock())
        return shop

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client, operation)(**arguments)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise UnknownShop if code == "ParameterNotFound" else SettingsUnavailable(code) from None
        except BotoCoreError as error:
            raise SettingsUnavailable(type(error).__name__) from None


def parse_shop(id: str, settings: str | dict[str, Any]) -> Shop:
    """Return the shop that its parameter's JSON, or a table of shops.toml, describes.

    Raises:
        BadSettings: with the names of shop and field.
    """
    try:
        fields = from_json(settings) if isinstance(settings, str) else settings
    except ValueError:
        raise BadSettings(f"shop {id}: the settings are not JSON") from None
    if not isinstance(fields, dict):
        raise BadSettings(f"shop {id}: the settings are not a table of fields")
    if "id" in fields:
        # Otherwise it would replace the id of the URL, and the webhooks of one shop would change the data of another.
        raise BadSettings(f"shop {id}: `id` is not a setting")
    shop, problems = None, []
    try:
        shop = Shop.model_validate({"id": id, **fields})
    except ValidationError as error:
        problems = list(_describe(error))
    platform = fields.get("platform")
    if isinstance(platform, str) and platform not in platforms.OF_SHOPS:
        problems.append(f"`platform` must be one of {', '.join(platforms.OF_SHOPS)}")
    if problems or shop is None:
        raise BadSettings(f"shop {id}: {'; '.join(problems)}")
    return shop


def _describe(error: ValidationError) -> Iterator[str]:
    """Yield the name of each wrong setting and what it must be, without its value."""
    known: set[str] = set()
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        name, setting = ".".join(str(part) for part in found["loc"]), str(found["loc"][0])
        match found["type"]:
            case "missing":
                problem = f"`{name}` is required"
            case "extra_forbidden":
                problem = f"`{name}` is not a setting"
            case "value_error":
                problem = f"`{name}` {found['msg'].removeprefix('Value error, ')}"
            case _:
                # A value of a table is named, an entry of a list is not: what it must be is said of the list.
                is_table = len(found["loc"]) > 1 and isinstance(found["loc"][1], str)
                problem = f"`{name if is_table else setting}` {Shop.model_fields[setting].description}"
        if problem not in known:
            known.add(problem)
            yield problem
