"""One log line per webhook. If a person must act, the line is a metric too (CloudWatch's embedded metric format).

Neither contains personal data. Powertools' Logger writes the line; its Metrics would write a second one with the same
content. Metrics are named only here. What else could write a value of a webhook or a secret into the log (libraries,
warnings, unexpected exceptions) is silenced here too.
"""

import functools
import logging
import os
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger

from shopwire.errors import ShopwireError, UnexpectedError

# There is no location, trace id or service in a line: the message says the place, nothing is traced, and a log is paid
# by the byte.
logger = Logger(
    service=os.environ.get("POWERTOOLS_SERVICE_NAME", "shopwire"),
    utc=True,
    # RFC 3339. Lambda treats a line with any other timestamp as INFO, whatever its level, and adds a timestamp of its
    # own (Lambda's guide, "Log-level filtering"). "%F" is Powertools' directive for milliseconds.
    datefmt="%Y-%m-%dT%H:%M:%S.%FZ",
    location=None,
    xray_trace_id=None,
)

logger.remove_keys(["service"])  # each function has its own log group

_NAMESPACE = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "shopwire")

# A custom metric costs $0.30 a month per shop and outcome, and half of the line's bytes, which is more than all writes
# of a small shop. Outcomes that need no person are counted from the lines (docs/operate.md).
_METRICS = frozenset({"parked", "unavailable", "unverified"})

# The loggers of the layer's libraries. At DEBUG they write whole requests and responses: settings with their secrets,
# items of the table, URLs with a customer's id.
_LIBRARIES = {
    "aws_lambda_powertools": logging.WARNING,
    "botocore": logging.WARNING,
    "bcdocs": logging.WARNING,  # botocore's too
    # Its warning about a response header that it cannot parse contains the request's URL.
    "urllib3": logging.ERROR,
    # Warnings of Python, which pydantic gives with a value in them.
    "py.warnings": logging.CRITICAL,
}

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
"""A Lambda function's handler: (event, context) -> response."""


def silence_libraries() -> None:
    """Let no library log what it sends and receives, whatever the level of the root logger is.

    Lambda's runtime sets the root logger to the level of `LoggingConfig` before the function's module is imported, and
    a library's logger has the root logger's level if it has none of its own.
    """
    logging.captureWarnings(True)
    for name, level in _LIBRARIES.items():
        logging.getLogger(name).setLevel(level)


def hide_values(handler: Handler) -> Handler:
    """Return the handler with the texts of unexpected exceptions removed, because Lambda's runtime logs them.

    The text of a KeyError or of pydantic's ValidationError may contain a value of a webhook. The type and the traceback
    remain. The errors of shopwire contain no value.
    """

    @functools.wraps(handler)
    def without_values(event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            return handler(event, context)
        except ShopwireError:
            raise
        except Exception as error:
            raise UnexpectedError(type(error).__name__).with_traceback(error.__traceback__) from None

    return without_values


def report(message: str, now: int, *, shop: str, outcome: str, **facts: Any) -> None:
    """Log what became of a webhook. If an alarm depends on the outcome, count it by shop and outcome.

    Args:
        now: UTC milliseconds.
        facts: topic, entity, key (its short hash), reason and its details, ms: ids, codes and numbers,
            nothing that a person wrote.
    """
    fields = {name: fact for name, fact in facts.items() if fact is not None}
    counted = _metric(now, "webhooks", 1, "Count", ["shop", "outcome"], ["outcome"]) if outcome in _METRICS else {}
    logger.info(message, extra={"shop": shop, "outcome": outcome, **fields, **counted})


def report_visit(message: str, *, shop: str, outcome: str, reason: str) -> None:
    """Log what became of a browser's call. It is never counted for an alarm.

    A page that a browser or a proxy kept has an old signature, so refused visits are normal.
    """
    logger.info(message, extra={"shop": shop, "outcome": outcome, "reason": reason})


def report_outbox_age(now: int, since: int) -> None:
    """Log that webhooks wait in the outbox, and since when (UTC ms). Do not call it for an empty outbox.

    A metric that is seldom written costs next to nothing, and its alarm treats a missing value as good.
    """
    logger.info(
        "webhooks wait in the outbox", extra=_metric(now, "outbox_age_seconds", (now - since) // 1000, "Seconds", [])
    )


def _metric(now: int, name: str, value: int, unit: str, *dimensions: list[str]) -> dict[str, Any]:
    directive = {"Namespace": _NAMESPACE, "Dimensions": dimensions, "Metrics": [{"Name": name, "Unit": unit}]}
    return {"_aws": {"Timestamp": now, "CloudWatchMetrics": [directive]}, name: value}
