"""The floor of an invocation: nothing but a line of Powertools' Logger."""

from typing import Any

from aws_lambda_powertools import Logger

logger = Logger()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Say that there was a call."""
    logger.info("called")
    return {"statusCode": 200, "body": "{}"}
