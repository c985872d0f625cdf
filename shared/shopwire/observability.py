"""One log line a webhook, which is its metrics too (CloudWatch's embedded metric format). No personal data in either.

Powertools' Logger writes the line; its Metrics would write a second one for the same facts.
"""

import os
from typing import Any

from aws_lambda_powertools import Logger

logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", "shopwire"), utc=True)

_NAMESPACE = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "shopwire")


def report(message: str, now: int, *, shop: str, outcome: str, **facts: Any) -> None:
    """Log what became of a webhook and count it by shop and outcome.

    Args:
        now: UTC milliseconds.
        facts: topic, entity, key, reason, milliseconds: ids and our own words, nothing that a person wrote.
    """
    metric = {
        "Timestamp": now,
        "CloudWatchMetrics": [
            {
                "Namespace": _NAMESPACE,
                "Dimensions": [["shop", "outcome"], ["outcome"]],
                "Metrics": [{"Name": "webhooks", "Unit": "Count"}],
            }
        ],
    }
    said = {name: fact for name, fact in facts.items() if fact is not None}
    logger.info(message, extra={"_aws": metric, "webhooks": 1, "shop": shop, "outcome": outcome, **said})
