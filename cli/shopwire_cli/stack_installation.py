"""A deployed stack, found by its name: the same environment as its functions have, out of the stack's outputs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from shopwire.delivery.task import Policy
from shopwire.environment import Clients, Environment, Settings
from shopwire.errors import MessageTooLarge, NewerMessageFormat, QueueUnavailable, SettingsUnavailable, TableUnavailable
from shopwire.stores.parked import Parked
from shopwire_cli.commands.parked import Record, unknown
from shopwire_cli.errors import CommandError, UserError


class Stack:
    """The parked webhooks of a deployed stack (`shopwire_cli.commands.parked.Installation`).

    Args:
        name: the stack's; credentials and region are AWS's usual ones.

    Raises:
        UserError: no such stack, not one of shopwire's, or no credentials or region.
        CommandError: AWS does not answer, or refuses.
    """

    def __init__(self, name: str) -> None:
        self._environment = Environment(settings_of(name), Clients())

    def list(self) -> list[Record]:
        with _one_line_errors():
            shops = self._environment.shops.ids()
            found = [one for shop in shops for one in self._environment.parked.list(shop)]
        return [one.summary for one in sorted(found, key=lambda one: (one.first, one.id))]

    def show(self, id: str) -> Record:
        with _one_line_errors():
            return self._get(id).details

    def replay(self, id: str) -> None:
        with _one_line_errors():
            self._environment.replay(self._get(id))

    def _get(self, id: str) -> Parked:
        found = self._environment.parked.get(id)
        if found is None:
            raise unknown(id)
        return found


def settings_of(name: str) -> Settings:
    """The settings of a deployed stack's functions.

    Raises:
        UserError, CommandError: as `Stack`.
    """
    return _settings(name, _describe(name))


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except (SettingsUnavailable, TableUnavailable, QueueUnavailable) as error:
        raise CommandError(f"AWS does not answer, or refuses: {error}") from None
    except MessageTooLarge:
        raise CommandError("too large for the queue") from None
    except NewerMessageFormat:
        raise CommandError("written by a newer shopwire than this one") from None
    except ValueError as error:
        raise CommandError(str(error)) from None


def output_values(name: str, *keys: str) -> list[str]:
    """These outputs of the stack.

    Raises:
        UserError, CommandError: as Stack does.
    """
    return _outputs(name, _describe(name), *keys)


def _settings(name: str, stack: Mapping[str, Any]) -> Settings:
    table, queue_url, shops_path = _outputs(name, stack, "TableName", "QueueUrl", "ShopsPath")
    return Settings(
        table=table,
        queue_url=queue_url,
        shops_path=shops_path,
        esputnik_url="https://esputnik.com/api/",
        hash_key=stack["StackId"].split("/")[2],  # as template.yaml cuts it out
        policy=Policy(),
    )


def _outputs(name: str, stack: Mapping[str, Any], *keys: str) -> list[str]:
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
    try:
        return [outputs[key] for key in keys]
    except KeyError as missing:
        raise UserError(f"stack {name} has no output {missing.args[0]}: is it one of shopwire's?") from None


def _describe(name: str) -> dict[str, Any]:
    with aws_errors(f"describe stack {name}"):
        client: Any = boto3.session.Session().client("cloudformation")
        try:
            stack: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                raise UserError(f"no stack {name} in {client.meta.region_name}") from None
            raise
    return stack


@contextmanager
def aws_errors(what: str) -> Iterator[None]:
    """What goes wrong when AWS is asked to do `what` ("read the shops"), as one line.

    Raises:
        UserError: no credentials or no region.
        CommandError: AWS does not answer, or refuses.
    """
    try:
        yield
    except NoRegionError:
        raise UserError("no AWS region: set AWS_REGION, or AWS_PROFILE to a profile that has one") from None
    except NoCredentialsError:
        raise UserError("no AWS credentials: set AWS_PROFILE, or sign in") from None
    except ClientError as error:
        raise CommandError(f"AWS refused to {what}: {error.response['Error']['Code']}") from None
    except BotoCoreError as error:
        raise CommandError(f"could not {what}, AWS does not answer: {type(error).__name__}") from None
