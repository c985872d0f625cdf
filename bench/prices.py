"""AWS's public prices in us-east-1, on demand, without free tiers and savings plans.

The prices are those of AWS's pricing pages in June 2026. In other regions they differ: Frankfurt is 10 to 20 % more
expensive. No other module has prices.
"""

from dataclasses import dataclass

REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one unit.

    Args:
        part: line of the bill that the unit belongs to.
        usd: price in dollars.
        source: AWS's page with the price.
    """

    part: str
    usd: float
    source: str


_MILLION, _GB = 1e6, 1e9
_HOURS_PER_MONTH = 730

# The price of each unit that `bench.account` counts.
PRICES = {
    # HTTP API, for each started 512 KB of a request.
    "gateway_requests": Price("gateway", 1.00 / _MILLION, "https://aws.amazon.com/api-gateway/pricing/"),
    "invocations": Price("requests", 0.20 / _MILLION, "https://aws.amazon.com/lambda/pricing/"),
    # arm64, the first 7.5 billion GB-seconds of a month.
    "gb_seconds": Price("compute", 0.0000133334, "https://aws.amazon.com/lambda/pricing/"),
    # A write costs a unit for each started KB of the larger one of the old and the new item, even if its condition
    # fails. A read costs a unit for each started 4 KB.
    "write_units": Price("writes", 0.625 / _MILLION, "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "read_units": Price("reads", 0.125 / _MILLION, "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    # FIFO queue, for each started 64 KB of a call.
    "queue_requests": Price("queue", 0.50 / _MILLION, "https://aws.amazon.com/sqs/pricing/"),
    "idle_polls": Price("polling", 0.50 / _MILLION, "https://aws.amazon.com/sqs/pricing/"),
    # Log lines of the functions and of the API, the first 10 TB of a month.
    "log_bytes": Price("logs", 0.50 / _GB, "https://aws.amazon.com/cloudwatch/pricing/"),
    # A custom metric is billed for each hour in which it receives a value.
    "metric_hours": Price("metrics", 0.30 / _HOURS_PER_MONTH, "https://aws.amazon.com/cloudwatch/pricing/"),
    # To the internet, the first 10 TB of a month.
    "egress_bytes": Price("egress", 0.09 / _GB, "https://aws.amazon.com/ec2/pricing/on-demand/"),
    "kms_requests": Price("kms", 0.03 / 10_000, "https://aws.amazon.com/kms/pricing/"),
}
