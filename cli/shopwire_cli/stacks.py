"""A deployed stack, found by its name: the same environment as its functions have, out of the stack's outputs."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from shopwire.delivery.work import Policy
from shopwire.environment import Clients, Environment, Settings
from shopwire_cli.errors import CommandError, UserError


def environment_of(name: str) -> Environment:
    """The stack's environment, by AWS's usual credentials and region.

    Raises:
        UserError: no such stack, not a shopwire stack, or no credentials or region.
        CommandError: AWS does not answer, or refuses.
    """
    return Environment(_settings(name, _describe(name)), Clients())


def _settings(name: str, stack: Mapping[str, Any]) -> Settings:
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
    try:
        return Settings(
            table=outputs["TableName"],
            queue_url=outputs["QueueUrl"],
            shops_path=outputs["ShopsPath"],
            esputnik_url="https://esputnik.com/api/",
            hash_key=stack["StackId"].split("/")[2],  # as template.yaml cuts it out
            policy=Policy(),
        )
    except KeyError as missing:
        raise UserError(f"stack {name} has no output {missing.args[0]}: is it one of shopwire's?") from None


def _describe(name: str) -> dict[str, Any]:
    import boto3

    try:
        client = boto3.session.Session().client("cloudformation")  # type: ignore[call-overload]
        stack: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
    except NoRegionError:
        raise UserError("no AWS region: set AWS_REGION, or AWS_PROFILE to a profile that has one") from None
    except NoCredentialsError:
        raise UserError("no AWS credentials: set AWS_PROFILE, or sign in") from None
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            raise UserError(f"no stack {name} in {client.meta.region_name}") from None
        raise CommandError(f"AWS refused to describe stack {name}: {error.response['Error']['Code']}") from None
    except BotoCoreError as error:
        raise CommandError(f"AWS does not answer: {type(error).__name__}") from None
    return stack
