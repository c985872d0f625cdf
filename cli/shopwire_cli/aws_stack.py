"""Find a deployed stack by its name, and turn the errors of AWS into one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from shopwire_cli.errors import CommandError, UserError


@dataclass(frozen=True, slots=True)
class AwsStack:
    """A stack as CloudFormation describes it. `id` is its ARN."""

    name: str
    id: str
    outputs: dict[str, str]

    def output(self, key: str) -> str:
        """Return one output of the stack.

        Raises:
            UserError: the stack has no such output.
        """
        if key not in self.outputs:
            raise UserError(f"stack {self.name} has no output {key}: name a stack that was deployed with shopwire")
        return self.outputs[key]


def describe_stack(name: str) -> AwsStack:
    """Return the stack of this name, found with the AWS credentials and the region of the environment.

    Raises:
        UserError: there is no such stack, or no credentials, or no region.
        CommandError: AWS does not answer, or refuses.
    """
    with aws_errors(f"describe stack {name}"):
        client: Any = boto3.session.Session().client("cloudformation")
        try:
            described = client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            # CloudFormation has no error code of its own for this.
            if "does not exist" in error.response["Error"]["Message"]:
                region = client.meta.region_name
                raise UserError(f"no stack {name} in {region}: check the name, the region and the account") from None
            raise
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
    return AwsStack(name, described["StackId"], outputs)


@contextmanager
def aws_errors(action: str) -> Iterator[None]:
    """Raise the errors of AWS clients as errors of one line.

    Args:
        action: what AWS is asked to do, such as "read the shops".

    Raises:
        UserError: there are no credentials, or no region.
        CommandError: AWS does not answer, or refuses.
    """
    try:
        yield
    except NoRegionError:
        raise UserError("no AWS region: set AWS_REGION, or AWS_PROFILE to a profile that has one") from None
    except NoCredentialsError:
        raise UserError("no AWS credentials: set AWS_PROFILE, or sign in") from None
    except ClientError as error:
        raise CommandError(f"AWS refused to {action}: {error.response['Error']['Code']}") from None
    except BotoCoreError as error:
        raise CommandError(f"could not {action}, AWS does not answer: {type(error).__name__}") from None
