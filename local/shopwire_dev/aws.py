"""The AWS services that shopwire uses, embedded: moto's SQS, DynamoDB and SSM in memory, with fault injection.

They run in a separate process, because moto needs more CPU time per webhook than everything else together. The
resources have the same settings as in template.yaml.
"""

import json
import math
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import boto3
from botocore.config import Config

from shopwire.models import Shop
from shopwire_wsgi import (
    Application,
    Environ,
    Server,
    StartResponse,
    drop_connection,
    is_for_loopback,
    listen,
    read_body,
    respond_json,
)

REGION = "eu-central-1"
TABLE = "shopwire"
SHOPS_PATH = "/shopwire/dev/shops/"
PARTS = {"queue": "sqs", "ledger": "dynamodb", "settings": "ssm"}
"""Part of shopwire -> AWS service."""
MODES = ("down", "hang", "ok")

_MAX_HANG_SECONDS = 30.0
_MAX_FAULT_SECONDS = 1_000_000
_FAULTS_PATH = "/shopwire/faults"
_SIGNED_SERVICE = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([a-z0-9-]+)/aws4_request")
_RETENTION_SECONDS = "1209600"  # 14 days
QUEUE_ATTRIBUTES = {
    "FifoQueue": "true",
    "DeduplicationScope": "messageGroup",
    "FifoThroughputLimit": "perMessageGroupId",
    "VisibilityTimeout": "360",
    "MessageRetentionPeriod": _RETENTION_SECONDS,
    "MaximumMessageSize": "1048576",
}


class BadFault(Exception):
    """The requested fault is invalid. The text names the field."""


@dataclass(slots=True)
class Faults:
    """The injected faults.

    Args:
        clock: returns seconds.
    """

    clock: Callable[[], float] = time.monotonic
    by_service: dict[str, tuple[str, float]] = field(default_factory=dict)
    """AWS service -> (mode, end of the fault in seconds of the clock)."""
    changed: threading.Condition = field(default_factory=threading.Condition)

    def set(self, fault: Any) -> None:
        """Inject or end a fault of one part (POST /dev/faults).

        Raises:
            BadFault: a field is missing or wrong.
        """
        if not isinstance(fault, dict):
            raise BadFault("the body must be an object with the fields part and mode")
        part, mode, seconds = fault.get("part"), fault.get("mode"), fault.get("seconds")
        if not isinstance(part, str) or part not in PARTS:
            raise BadFault(f"part must be one of {', '.join(PARTS)}")
        if not isinstance(mode, str) or mode not in MODES:
            raise BadFault(f"mode must be one of {', '.join(MODES)}")
        if seconds is not None and not (type(seconds) in (int, float) and 0 <= seconds <= _MAX_FAULT_SECONDS):
            raise BadFault(f"seconds must be a number from 0 to {_MAX_FAULT_SECONDS}")
        if unknown := fault.keys() - {"part", "mode", "seconds"}:
            raise BadFault(f"{', '.join(sorted(unknown))}: unknown field")
        with self.changed:
            self.by_service[PARTS[part]] = (mode, math.inf if seconds is None else self.clock() + seconds)
            self.changed.notify_all()

    def mode(self, service: str) -> str:
        """Return the mode in which the service is now."""
        mode, until = self.by_service.get(service, ("ok", 0.0))
        return mode if self.clock() < until else "ok"

    def seconds_left(self, service: str) -> float | None:
        """Return after how many seconds the service's fault ends; None if it has none, or one without an end."""
        left = self.by_service.get(service, ("ok", 0.0))[1] - self.clock()
        return left if 0 < left < math.inf else None

    def wait_while_hanging(self, service: str) -> None:
        """Block until the service does not hang any more, at most 30 s."""
        end = time.monotonic() + _MAX_HANG_SECONDS
        with self.changed:
            while self.mode(service) == "hang" and (left := end - time.monotonic()) > 0:
                self.changed.wait(min(left, 0.2))


def make_application(services: Mapping[str, Application], faults: Faults) -> Application:
    """Return a WSGI application that serves all services at one address and applies the faults."""
    # moto gives messages of one group to two consumers that receive at the same moment, and fails if an item is written
    # while it scans a table.
    locks = {name: threading.Lock() for name in services}

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not is_for_loopback(environ) or "HTTP_ORIGIN" in environ:
            # The parameters hold the shops' secrets, and moto would show them to any web page.
            return respond_json(start_response, 403, {"message": "only AWS clients on this machine are served"})
        if environ["PATH_INFO"] == _FAULTS_PATH:
            try:
                faults.set(json.loads(read_body(environ)))
            except BadFault as error:
                return respond_json(start_response, 400, str(error))
            except (ValueError, RecursionError):
                return respond_json(start_response, 400, "the body is not JSON")
            return respond_json(start_response, 200, None)
        match = _SIGNED_SERVICE.search(environ.get("HTTP_AUTHORIZATION", ""))
        service = match.group(1) if match else ""
        if service not in services:
            return respond_json(
                start_response, 404, {"message": f"the request is not signed for one of {', '.join(services)}"}
            )
        mode = faults.mode(service)
        if mode == "down":
            return respond_json(start_response, 503, {"__type": "ServiceUnavailable", "message": "injected fault"})
        if mode == "hang":
            faults.wait_while_hanging(service)
            return drop_connection(environ)
        try:
            with locks[service]:
                return services[service](environ, start_response)
        except Exception as error:
            # moto checks little of what it is sent. AWS reports such a failure in the same form.
            return respond_json(start_response, 500, {"__type": "InternalFailure", "message": type(error).__name__})

    return serve


def process_environment(variables: Mapping[str, str]) -> dict[str, str | None]:
    """Return the changes of this process's environment that make functions use only the embedded services.

    A developer may have an AWS profile, custom endpoints or a proxy. None of them may affect the functions.

    Args:
        variables: further variables to set.

    Returns:
        The new value of each variable. None means that the variable must be unset.
    """
    inherited = {name: None for name in os.environ if name.startswith("AWS_")}
    hosts = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1,localhost")))
    no_files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    return {**inherited, **no_files, "NO_PROXY": hosts, "no_proxy": hosts, **variables}


def make_table(dynamodb: Any, name: str) -> None:
    """Create a table with the keys of the table in template.yaml.

    Args:
        dynamodb: a boto3 client.
    """
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )


class Aws:
    """The embedded services on loopback, in a child process that ends when this process ends.

    Raises:
        PortUnavailable.
    """

    def __init__(self, host: str, port: int) -> None:
        # The socket listens before the child process is ready, so that early clients wait instead of failing.
        listener = listen(host, port)
        self.url = f"http://{host}:{listener.getsockname()[1]}"
        self.queue_url = ""
        self.faults = Faults()
        """This process's copy of the faults that are active in the child process."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(listener.fileno())],
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C must reach only this process; the child ends when its stdin is closed
        )
        listener.close()

    def start(self, shops: Iterable[Shop], settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Create the stack's table and queues, and a parameter for each shop.

        Args:
            settings: shop id -> fields of the shop's parameter.
        """
        self._make_table()
        self.queue_url = self._make_queues()
        ssm = self.client("ssm")
        for shop in shops:
            ssm.put_parameter(Name=SHOPS_PATH + shop.id, Type="SecureString", Value=json.dumps(settings[shop.id]))

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def set_fault(self, fault: Any) -> None:
        """Inject or end a fault of one part (POST /dev/faults).

        Raises:
            BadFault.
        """
        request = Request(self.url + _FAULTS_PATH, json.dumps(fault).encode())
        try:
            build_opener(ProxyHandler({})).open(request, timeout=5).close()
        except HTTPError as error:
            raise BadFault(json.load(error)) from None
        self.faults.set(fault)

    def client(self, service: str) -> Any:
        """Return a boto3 client of an embedded service."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2}),
        )

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which functions find the embedded services."""
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
            "SHOPWIRE_HASH_KEY": "local-hash-key",
        }

    def _make_table(self) -> None:
        dynamodb = self.client("dynamodb")
        # On a busy machine the first call takes longer than the client waits. Its second attempt finds the table then.
        with suppress(dynamodb.exceptions.ResourceInUseException):
            make_table(dynamodb, TABLE)
        dynamodb.update_time_to_live(
            TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
        )

    def _make_queues(self) -> str:
        sqs = self.client("sqs")
        dead_letters_url = sqs.create_queue(
            QueueName="shopwire-dead.fifo",
            Attributes={"FifoQueue": "true", "MessageRetentionPeriod": _RETENTION_SECONDS},
        )["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead_letters_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1000})
        url: str = sqs.create_queue(
            QueueName="shopwire-retry.fifo", Attributes={**QUEUE_ATTRIBUTES, "RedrivePolicy": redrive}
        )["QueueUrl"]
        return url


def _serve(file_descriptor: int) -> None:
    """Serve the embedded services on a listening socket until stdin is closed."""
    from moto.moto_server.werkzeug_app import create_backend_app

    services: dict[str, Any] = {name: create_backend_app(name) for name in PARTS.values()}  # type: ignore[arg-type]
    Server(make_application(services, Faults()), listener=socket.socket(fileno=file_descriptor)).start()
    sys.stdin.read()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
