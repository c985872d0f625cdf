"""The errors of failed calls of AWS. They are botocore's own exceptions."""

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

# The error code of a throttled call. Each service has its own.
_THROTTLING_CODES = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "sqs": "RequestThrottled",
    "ssm": "ThrottlingException",
}


def client_error(operation: str, code: str, message: str) -> ClientError:
    """Return the error with which a service refuses a call.

    Args:
        operation: the name of the client's method ("update_item").
    """
    name = "".join(word.capitalize() for word in operation.split("_"))
    status = 500 if code.startswith("Internal") else 400
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        name,
    )


def throttled(service: str, operation: str) -> ClientError:
    """Return the error of a throttled call, for a hook to raise "before"."""
    return client_error(operation, _THROTTLING_CODES[service], "Rate exceeded")


def cannot_connect(service: str) -> EndpointConnectionError:
    """Return the error of a service that cannot be reached, for a hook to raise "before"."""
    return EndpointConnectionError(endpoint_url=f"https://{service}.eu-central-1.amazonaws.com/")


def no_answer(service: str) -> ReadTimeoutError:
    """Return the error of a read time-out, for a hook to raise "before" or "after".

    The caller cannot know whether the call took effect.
    """
    return ReadTimeoutError(endpoint_url=f"https://{service}.eu-central-1.amazonaws.com/")
