"""The AWS parts that shopwire uses, in memory: moto's server for SQS, DynamoDB and SSM, behind faults by request.

The stack's resources are made as template.yaml makes them.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from shopwire.models import Shop
from shopwire_local.wsgi import Application, Environ, Server, StartResponse, answer_json, break_off

REGION = "eu-central-1"
TABLE = "shopwire"
SHOPS_PATH = "/shopwire/dev/shops/"
PARTS = {"queue": "sqs", "ledger": "dynamodb", "settings": "ssm"}
MODES = ("down", "hang", "ok")

_LONGEST_HANG = 30.0
_SERVICE = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([a-z0-9-]+)/aws4_request")
_WEEKS = "1209600"
QUEUE = {
    "FifoQueue": "true",
    "DeduplicationScope": "messageGroup",
    "FifoThroughputLimit": "perMessageGroupId",
    "VisibilityTimeout": "360",
    "MessageRetentionPeriod": _WEEKS,
    "MaximumMessageSize": "1048576",
}


@dataclass(slots=True)
class Faults:
    """Which parts are broken, until when (seconds of the monotonic clock)."""

    broken: dict[str, tuple[str, float]] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def set(self, part: str, mode: str, seconds: float | None) -> None:
        """Break a part, or mend it.

        Raises:
            ValueError: naming the field.
        """
        if part not in PARTS:
            raise ValueError(f"part: one of {', '.join(PARTS)}")
        if mode not in MODES:
            raise ValueError(f"mode: one of {', '.join(MODES)}")
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0):
            raise ValueError("seconds: a number that is not negative")
        with self.changed:
            self.broken[PARTS[part]] = (mode, float("inf") if seconds is None else time.monotonic() + seconds)
            self.changed.notify_all()

    def mode(self, service: str) -> str:
        """What a call of the service finds now."""
        mode, until = self.broken.get(service, ("ok", 0.0))
        return mode if time.monotonic() < until else "ok"

    def wait_until_mended(self, service: str) -> None:
        """Come back when the service is mended, or after half a minute."""
        end = time.monotonic() + _LONGEST_HANG
        with self.changed:
            while self.mode(service) == "hang" and (left := end - time.monotonic()) > 0:
                self.changed.wait(min(left, 0.5))


def with_faults(application: Application, faults: Faults) -> Application:
    """The application, some of whose services do not answer."""

    # moto hands one group's messages to two consumers that ask at the same moment.
    one_at_a_time = threading.Lock()

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        match = _SERVICE.search(environ.get("HTTP_AUTHORIZATION", ""))
        service = match.group(1) if match else ""
        mode = faults.mode(service)
        if mode == "down":
            return answer_json(start_response, 503, {"__type": "ServiceUnavailable", "message": "broken on purpose"})
        if mode == "hang":
            faults.wait_until_mended(service)
            return break_off(environ)
        with one_at_a_time if service == PARTS["queue"] else nullcontext():
            return application(environ, start_response)

    return serve


class Aws:
    """The embedded parts, served on loopback.

    Raises:
        wsgi.PortTaken.
    """

    def __init__(self, host: str, port: int) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.faults = Faults()
        application: Any = DomainDispatcherApplication(create_backend_app)
        self._server = Server(with_faults(application, self.faults), host, port)
        self.url = f"http://{host}:{self._server.port}"
        self.queue_url = ""

    def start(self, shops: Iterable[Shop], settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Serve, and make the stack's resources and the shops' parameters."""
        self._server.start()
        self._make_table()
        self.queue_url = self._make_queues()
        ssm = self.client("ssm")
        for shop in shops:
            ssm.put_parameter(Name=SHOPS_PATH + shop.id, Type="SecureString", Value=json.dumps(settings[shop.id]))

    def stop(self) -> None:
        for part in PARTS:
            self.faults.set(part, "ok", None)
        self._server.stop()

    def client(self, service: str) -> Any:
        """A boto3 client of the embedded part."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2}),
        )

    def environment(self) -> dict[str, str]:
        """The variables by which functions find the parts."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SHOPWIRE_TABLE": TABLE,
            "SHOPWIRE_QUEUE_URL": self.queue_url,
            "SHOPWIRE_SHOPS_PATH": SHOPS_PATH,
            "SHOPWIRE_HASH_KEY": "on-ones-own-machine",
        }

    def _make_table(self) -> None:
        dynamodb = self.client("dynamodb")
        dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.update_time_to_live(
            TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
        )

    def _make_queues(self) -> str:
        sqs = self.client("sqs")
        dead = sqs.create_queue(
            QueueName="shopwire-dead.fifo", Attributes={"FifoQueue": "true", "MessageRetentionPeriod": _WEEKS}
        )["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1000})
        url: str = sqs.create_queue(QueueName="shopwire-retry.fifo", Attributes={**QUEUE, "RedrivePolicy": redrive})[
            "QueueUrl"
        ]
        return url
