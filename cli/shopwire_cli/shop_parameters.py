"""The shops' parameters in SSM Parameter Store, of a deployed stack or of the running `shopwire dev`.

A parameter's value is the JSON that shopwire.shops reads. It holds secrets, so no error contains any part of it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config

from shopwire.errors import BadSettings
from shopwire.shops import parse_shop
from shopwire_cli import aws_stack
from shopwire_cli.aws_stack import aws_errors
from shopwire_cli.errors import CommandError
from shopwire_cli.http_client import send_request

MAX_PARAMETER_BYTES = 4096
"""Size of a standard parameter (AWS, "Managing parameter tiers")."""

# PutParameter is throttled at a few calls a second (AWS, "Systems Manager endpoints and quotas").
_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 8, "mode": "standard"})


@dataclass(frozen=True, slots=True)
class StoredShop:
    """A shop's parameter.

    Attributes:
        value: the parameter's value, which may not be valid settings.
        changed: when it was last written.
    """

    id: str
    value: str
    changed: datetime

    @property
    def fields(self) -> dict[str, Any]:
        """The settings, not validated. {} if the value is not a JSON object."""
        try:
            found = json.loads(self.value)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def problem(self) -> str | None:
        """What is wrong with the settings, if anything is."""
        try:
            parse_shop(self.id, self.value)
        except BadSettings as error:
            return str(error).removeprefix(f"shop {self.id}: ")
        return None


class ShopParameters:
    """The shops of one installation. Each method that calls AWS may raise CommandError.

    Args:
        path: prefix of the parameters' names, ending in "/".
        webhook_url: prefix of the URLs for the shops' webhooks, ending in "/".
        persistent: False if the parameters are lost when the process that holds them ends.
        changed: is called with the id of each shop that was written or removed.
    """

    def __init__(
        self,
        client: Any,
        path: str,
        webhook_url: str,
        *,
        persistent: bool,
        changed: Callable[[str], None] = lambda id: None,
    ) -> None:
        self._client = client
        self._path = path
        self._webhook_url = webhook_url
        self.persistent = persistent
        self._changed = changed

    def list(self) -> list[StoredShop]:
        """Return all shops, sorted by id."""
        with aws_errors("read the shops"):
            pages = self._client.get_paginator("get_parameters_by_path").paginate(Path=self._path, WithDecryption=True)
            shops = [self._shop(parameter) for page in pages for parameter in page["Parameters"]]
        return sorted(shops, key=lambda shop: shop.id)

    def get(self, id: str) -> StoredShop | None:
        """Return one shop, or None if there is no such shop."""
        with aws_errors(f"read shop {id}"):
            try:
                return self._shop(self._client.get_parameter(Name=self._path + id, WithDecryption=True)["Parameter"])
            except self._client.exceptions.ParameterNotFound:
                return None

    def put(self, id: str, fields: dict[str, Any], *, new: bool) -> None:
        """Write one shop.

        Args:
            new: fail if the shop exists, because another user has created it meanwhile.
        """
        with aws_errors(f"write shop {id}"):
            self._client.put_parameter(
                Name=self._path + id, Value=parameter_value(fields), Type="SecureString", Overwrite=not new
            )
        self._changed(id)

    def remove(self, id: str) -> None:
        """Delete one shop."""
        with aws_errors(f"remove shop {id}"):
            self._client.delete_parameter(Name=self._path + id)
        self._changed(id)

    def url(self, id: str) -> str:
        """Return the URL for the shop's webhooks."""
        return self._webhook_url + id

    def _shop(self, parameter: dict[str, Any]) -> StoredShop:
        return StoredShop(parameter["Name"].removeprefix(self._path), parameter["Value"], parameter["LastModifiedDate"])


def parameter_value(fields: dict[str, Any]) -> str:
    """Return a shop's settings as the value of its parameter.

    Raises:
        TypeError, ValueError: JSON cannot contain a value that TOML can (a date, nan, inf).
    """
    return json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def stack_parameters(name: str) -> ShopParameters:
    """Return the shops' parameters of a deployed stack.

    Raises:
        UserError, CommandError: as `describe_stack`; UserError if the stack is not one of shopwire's.
    """
    stack = aws_stack.describe_stack(name)
    client = boto3.client("ssm", config=_CONFIG)
    return ShopParameters(client, stack.output("ShopsPath"), stack.output("WebhookUrl"), persistent=True)


def dev_parameters(url: str) -> ShopParameters:
    """Return the shops' parameters of the running `shopwire dev`. It keeps them in a local SSM and tells its address.

    Raises:
        UserError: the URL is not an address.
        CommandError: no server answers there, or it is not `shopwire dev`.
    """
    url = url.rstrip("/")
    response = send_request("GET", f"{url}/dev/aws")
    try:
        aws = response.json() if response.ok else {}
        endpoint, region, path = aws["endpoint"], aws["region"], aws["shops_path"]
    except (ValueError, KeyError, TypeError):
        raise CommandError(
            f"{url} is not `shopwire dev`, or one of another version: set --url, or start it again"
        ) from None
    client = boto3.client(
        "ssm",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        # Without the user's proxy, because both processes run on this machine.
        config=_CONFIG.merge(Config(proxies={})),
    )

    def forget(id: str) -> None:
        send_request("POST", f"{url}/dev/shops/{quote(id, safe='')}/forget")

    return ShopParameters(client, path, f"{url}/webhooks/", persistent=False, changed=forget)
