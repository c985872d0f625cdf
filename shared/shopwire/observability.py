"""One log line a webhook; where somebody has to act, it is a metric too (CloudWatch's embedded metric format). No
personal data in either.

Powertools' Logger writes the line; its Metrics would write a second one for the same facts. No other module names a
metric.
"""

import os
from typing import Any

from aws_lambda_powertools import Logger

# Neither place, trace id nor service: the message says the place, nothing is traced, and bytes are what a log costs.
logger = Logger(
    service=os.environ.get("POWERTOOLS_SERVICE_NAME", "shopwire"),
    utc=True,
    # RFC 3339: a line with any other time Lambda takes for INFO, whatever its level, and adds a time of its own
    # ("Log-level filtering" in its guide). "%F" are Powertools' milliseconds.
    datefmt="%Y-%m-%dT%H:%M:%S.%FZ",
    location=None,
    xray_trace_id=None,
)

logger.remove_keys(["service"])  # each function has a log group of its own

_NAMESPACE = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "shopwire")

# A custom metric is $0.30 a month for each shop and outcome, and half of the line's bytes: more than all writes of a
# small shop. What needs nobody's hand is counted from the lines (README, "Operate").
_METRICS = frozenset({"parked", "unavailable", "unverified"})


def report(message: str, now: int, *, shop: str, outcome: str, **facts: Any) -> None:
    """Log what became of a webhook; count it by shop and outcome where an alarm may hang on it.

    Args:
        now: UTC milliseconds.
        facts: topic, entity, key (its short hash), reason, milliseconds: ids and our own words, nothing that a person
            wrote.
    """
    said = {name: fact for name, fact in facts.items() if fact is not None}
    counted = _metric(now, "webhooks", 1, "Count", ["shop", "outcome"], ["outcome"]) if outcome in _METRICS else {}
    logger.info(message, extra={"shop": shop, "outcome": outcome, **said, **counted})


def outbox_waits(now: int, since: int) -> None:
    """Log that the outbox is not empty, and measure since when. Nothing is said of an empty one: a metric that is
    seldom there costs next to nothing, and to its alarm none is a good sign."""
    logger.info("the outbox waits", extra=_metric(now, "outbox_age_seconds", (now - since) // 1000, "Seconds", []))


def _metric(now: int, name: str, value: int, unit: str, *dimensions: list[str]) -> dict[str, Any]:
    directive = {"Namespace": _NAMESPACE, "Dimensions": dimensions, "Metrics": [{"Name": name, "Unit": unit}]}
    return {"_aws": {"Timestamp": now, "CloudWatchMetrics": [directive]}, name: value}
