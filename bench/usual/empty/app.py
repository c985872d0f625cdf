"""The empty handler, a baseline of `make bench`. It only logs a line with Powertools' Logger."""

from typing import Any

from aws_lambda_powertools import Logger

logger = Logger()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Log the call and return an empty response."""
    logger.info("called")
    return {"statusCode": 200, "body": "{}"}
