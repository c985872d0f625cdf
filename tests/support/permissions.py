"""The permissions that template.yaml gives to each function, and the AWS actions that the code calls."""

from pathlib import Path
from typing import Any

from tools.template import load

RESOURCES: dict[str, Any] = load(Path(__file__).parents[2] / "template.yaml")["Resources"]
_SERVICES = {"ledger": "dynamodb", "queue": "sqs", "settings": "ssm"}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def logical_name(value: dict[str, Any]) -> str:
    """Return the logical ID that a `Ref` or `Fn::GetAtt` names."""
    return str(value.get("Ref") or value["Fn::GetAtt"][0])


def statements(function: str) -> list[dict[str, Any]]:
    """Return all policy statements of a function's role.

    Args:
        function: logical ID of the function.
    """
    role = RESOURCES[logical_name(RESOURCES[function]["Properties"]["Role"])]["Properties"]
    documents = [policy["PolicyDocument"] for policy in role["Policies"]]
    for policy in role["ManagedPolicyArns"]:
        documents.append(RESOURCES[policy["Ref"]]["Properties"]["PolicyDocument"])
    return [statement for document in documents for statement in document["Statement"]]


def allowed_actions(function: str) -> set[str]:
    """Return the IAM actions that a function's role allows."""
    return {action for statement in statements(function) for action in as_list(statement["Action"])}


def iam_action(service: str, operation: str) -> str:
    """Return the IAM action of a client's method.

    Args:
        service: name of the service, or of the simulation's fake of it.
        operation: name of the method, for example "get_item".
    """
    # One permission covers a message and a batch (AWS, "Actions, resources, and condition keys for Amazon SQS").
    operation = operation.replace("send_message_batch", "send_message")
    return f"{_SERVICES.get(service, service)}:{''.join(word.title() for word in operation.split('_'))}"
