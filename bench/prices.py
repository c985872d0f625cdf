"""The one table of AWS's public prices: on demand, us-east-1, no free tier, no savings plan. Nothing is counted here.

As AWS's pricing pages had them in June 2026. Other regions: Frankfurt is some 10 to 20 % dearer.
"""

from dataclasses import dataclass

REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of something costs. `part` is the line of the bill that it belongs to."""

    part: str
    usd: float
    source: str


_MILLION, _GB = 1e6, 1e9
_METRIC_HOURS = 730

# What is counted -> its price.
PRICES = {
    # HTTP API, each 512 KB begun of a request.
    "gateway_requests": Price("gateway", 1.00 / _MILLION, "https://aws.amazon.com/api-gateway/pricing/"),
    "invocations": Price("requests", 0.20 / _MILLION, "https://aws.amazon.com/lambda/pricing/"),
    # arm64, first 7.5 billion GB-seconds of a month.
    "gb_seconds": Price("compute", 0.0000133334, "https://aws.amazon.com/lambda/pricing/"),
    # A write unit is 1 KB of the larger of the item before and after, a refused condition's too; a read unit 4 KB.
    "write_units": Price("writes", 0.625 / _MILLION, "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "read_units": Price("reads", 0.125 / _MILLION, "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    # FIFO, each 64 KB begun of a call.
    "queue_requests": Price("queue", 0.50 / _MILLION, "https://aws.amazon.com/sqs/pricing/"),
    "idle_polls": Price("polling", 0.50 / _MILLION, "https://aws.amazon.com/sqs/pricing/"),
    # Functions' and access logs, first 10 TB of a month.
    "log_bytes": Price("logs", 0.50 / _GB, "https://aws.amazon.com/cloudwatch/pricing/"),
    # A custom metric is paid by the hour in which it gets a value.
    "metric_hours": Price("metrics", 0.30 / _METRIC_HOURS, "https://aws.amazon.com/cloudwatch/pricing/"),
    # To the internet, first 10 TB of a month.
    "egress_bytes": Price("egress", 0.09 / _GB, "https://aws.amazon.com/ec2/pricing/on-demand/"),
    "kms_requests": Price("kms", 0.03 / 10_000, "https://aws.amazon.com/kms/pricing/"),
}
