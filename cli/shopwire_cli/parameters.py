"""The shops' parameters in SSM Parameter Store, of a deployed stack or of the running `shopwire dev`.

They are written as shopwire.shops reads them. Values are secrets: none of them ever stands in an error.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config

from shopwire_cli.errors import CommandError
from shopwire_cli.stack_installation import aws_errors, output_values
from shopwire_cli.web import call

LARGEST = 4096
"""Bytes that a standard parameter holds (AWS, "Managing parameter tiers")."""

# PutParameter is throttled at a few calls a second (AWS, "Systems Manager endpoints and quotas").
_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 8, "mode": "standard"})


@dataclass(frozen=True, slots=True)
class Stored:
    """What a parameter holds."""

    id: str
    value: str
    changed: datetime


class Parameters:
    """The shops of one installation. Each method raises CommandError.

    Args:
        path: prefix of the parameters' names, ending in "/".
        webhook_url: where the shops' webhooks go, ending in "/".
        lasting: whether they outlive the process that keeps them.
    """

    def __init__(self, client: Any, path: str, webhook_url: str, *, lasting: bool) -> None:
        self._client = client
        self._path = path
        self._webhook_url = webhook_url
        self.lasting = lasting

    def all(self) -> list[Stored]:
        """All of them, by id."""
        with aws_errors("read the shops"):
            pages = self._client.get_paginator("get_parameters_by_path").paginate(Path=self._path, WithDecryption=True)
            found = [self._stored(one) for page in pages for one in page["Parameters"]]
        return sorted(found, key=lambda one: one.id)

    def get(self, id: str) -> Stored | None:
        """One; None: there is no such."""
        with aws_errors(f"read shop {id}"):
            try:
                return self._stored(self._client.get_parameter(Name=self._path + id, WithDecryption=True)["Parameter"])
            except self._client.exceptions.ParameterNotFound:
                return None

    def put(self, id: str, settings: dict[str, Any], *, new: bool) -> None:
        """Write one. A new one never overwrites what somebody else wrote meanwhile."""
        with aws_errors(f"write shop {id}"):
            self._client.put_parameter(
                Name=self._path + id, Value=packed(settings), Type="SecureString", Overwrite=not new
            )

    def remove(self, id: str) -> None:
        """Delete one."""
        with aws_errors(f"remove shop {id}"):
            self._client.delete_parameter(Name=self._path + id)

    def url(self, id: str) -> str:
        """Where the shop's webhooks go."""
        return self._webhook_url + id

    def _stored(self, parameter: dict[str, Any]) -> Stored:
        return Stored(parameter["Name"].removeprefix(self._path), parameter["Value"], parameter["LastModifiedDate"])


def packed(settings: dict[str, Any]) -> str:
    """The parameter's value.

    Raises:
        TypeError, ValueError: JSON has no such value (TOML's dates, infinity).
    """
    return json.dumps(settings, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def of_stack(name: str) -> Parameters:
    """Those of a deployed stack.

    Raises:
        UserError: no such stack, not one of shopwire's, or no credentials or region.
        CommandError: AWS does not answer, or refuses.
    """
    path, url = output_values(name, "ShopsPath", "WebhookUrl")
    return Parameters(boto3.client("ssm", config=_CONFIG), path, url, lasting=True)


def of_dev(url: str) -> Parameters:
    """Those of the running `shopwire dev`, which keeps them in an SSM of its own on this machine, as it says.

    Raises:
        UserError, CommandError: nobody answers there, or somebody else.
    """
    url = url.rstrip("/")
    answer = call("GET", f"{url}/dev/aws")
    try:
        aws = answer.json() if answer.ok else {}
        endpoint, region, path = aws["endpoint"], aws["region"], aws["shops_path"]
    except (ValueError, KeyError, TypeError):
        raise CommandError(f"{url} is no `shopwire dev`, or another version's") from None
    client = boto3.client(
        "ssm",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        # A proxy of the user's has nothing to do between two processes of one machine.
        config=_CONFIG.merge(Config(proxies={})),
    )
    return Parameters(client, path, f"{url}/webhooks/", lasting=False)
