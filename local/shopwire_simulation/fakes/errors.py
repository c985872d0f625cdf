"""How a call of AWS fails: botocore's own exceptions, as a client raises them."""

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

# What a service says when it is asked too often: each has its own word for it.
_THROTTLED = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "sqs": "RequestThrottled",
    "ssm": "ThrottlingException",
}


def refusal(operation: str, code: str, message: str) -> ClientError:
    """The service's own no. `operation` is a method's name ("update_item")."""
    name = "".join(word.capitalize() for word in operation.split("_"))
    status = 500 if code.startswith("Internal") else 400
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        name,
    )


def throttled(service: str, operation: str) -> ClientError:
    """Asked too often: for a hook to raise "before"."""
    return refusal(operation, _THROTTLED[service], "Rate exceeded")


def cannot_connect(service: str) -> EndpointConnectionError:
    """Nobody is there: for a hook to raise "before"."""
    return EndpointConnectionError(endpoint_url=f"https://{service}.eu-central-1.amazonaws.com/")


def no_answer(service: str) -> ReadTimeoutError:
    """The time for an answer is over: before or after the effect, the caller cannot tell."""
    return ReadTimeoutError(endpoint_url=f"https://{service}.eu-central-1.amazonaws.com/")
