"""The AWS parts that shopwire uses, in memory: moto's SQS, DynamoDB and SSM, behind faults by request.

They run in a process of their own, since moto needs more time for a webhook than everything else together. The stack's
resources are made as template.yaml makes them.
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
MODES = ("down", "hang", "ok")

_LONGEST_HANG = 30.0
_FAULTS_PATH = "/shopwire/faults"
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


class BadFault(Exception):
    """A fault was asked for in a way that cannot be done. The text names the field."""


@dataclass(slots=True)
class Faults:
    """Which parts are broken, until when (seconds of the clock)."""

    clock: Callable[[], float] = time.monotonic
    broken: dict[str, tuple[str, float]] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def set(self, wanted: Any) -> None:
        """Break a part, or mend it: POST /dev/faults.

        Raises:
            BadFault.
        """
        if not isinstance(wanted, dict):
            raise BadFault("an object with part and mode is needed")
        part, mode, seconds = wanted.get("part"), wanted.get("mode"), wanted.get("seconds")
        if not isinstance(part, str) or part not in PARTS:
            raise BadFault(f"part: one of {', '.join(PARTS)}")
        if not isinstance(mode, str) or mode not in MODES:
            raise BadFault(f"mode: one of {', '.join(MODES)}")
        if seconds is not None and not (type(seconds) in (int, float) and math.isfinite(seconds) and seconds >= 0):
            raise BadFault("seconds: a number that is not negative")
        if unknown := wanted.keys() - {"part", "mode", "seconds"}:
            raise BadFault(f"{', '.join(sorted(unknown))}: no such field")
        with self.changed:
            self.broken[PARTS[part]] = (mode, math.inf if seconds is None else self.clock() + seconds)
            self.changed.notify_all()

    def mode(self, service: str) -> str:
        """What a call of the service finds now."""
        mode, until = self.broken.get(service, ("ok", 0.0))
        return mode if self.clock() < until else "ok"

    def wait_until_mended(self, service: str) -> None:
        """Come back when the service is mended, or after half a minute."""
        end = time.monotonic() + _LONGEST_HANG
        with self.changed:
            while self.mode(service) == "hang" and (left := end - time.monotonic()) > 0:
                self.changed.wait(min(left, 0.2))


def with_faults(services: Mapping[str, Application], faults: Faults) -> Application:
    """The services behind one address, some of which do not answer."""
    # moto hands one group's messages to two consumers that ask at the same moment, and stumbles over an item that is
    # written while it looks through a table.
    one_at_a_time = {name: threading.Lock() for name in services}

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not is_for_loopback(environ) or "HTTP_ORIGIN" in environ:
            # The shops' secrets are in here, and moto would show them to any web page.
            return respond_json(start_response, 403, {"message": "for AWS clients on this machine"})
        if environ["PATH_INFO"] == _FAULTS_PATH:
            try:
                faults.set(json.loads(read_body(environ)))
            except BadFault as error:
                return respond_json(start_response, 400, str(error))
            return respond_json(start_response, 200, None)
        match = _SERVICE.search(environ.get("HTTP_AUTHORIZATION", ""))
        service = match.group(1) if match else ""
        if service not in services:
            return respond_json(start_response, 404, {"message": f"one of {', '.join(services)}, signed for it"})
        mode = faults.mode(service)
        if mode == "down":
            return respond_json(start_response, 503, {"__type": "ServiceUnavailable", "message": "broken on purpose"})
        if mode == "hang":
            faults.wait_until_mended(service)
            return drop_connection(environ)
        with one_at_a_time[service]:
            return services[service](environ, start_response)

    return serve


def process_environment(variables: Mapping[str, str]) -> dict[str, str | None]:
    """What this process's environment must become so that functions in it reach only this machine's parts; None: unset.

    Whoever works with AWS has a profile, endpoints of his own, a proxy: none of them may come between.
    """
    own = {name: None for name in os.environ if name.startswith("AWS_")}
    hosts = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1,localhost")))
    nowhere = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    return {**own, **nowhere, "NO_PROXY": hosts, "no_proxy": hosts, **variables}


def make_table(dynamodb: Any, name: str) -> None:
    """A table with the keys of template.yaml's."""
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )


class Aws:
    """The embedded parts, served on loopback; they end with this process, however it ends.

    Raises:
        wsgi.PortUnavailable.
    """

    def __init__(self, host: str, port: int) -> None:
        # Listened to from here: who asks before the other process is ready waits for it.
        listener = listen(host, port)
        self.url = f"http://{host}:{listener.getsockname()[1]}"
        self.queue_url = ""
        self.faults = Faults()
        """Which parts are broken, as that process sees it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(listener.fileno())],
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this process: that one ends when its stdin does
        )
        listener.close()

    def start(self, shops: Iterable[Shop], settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Make the stack's resources and the shops' parameters."""
        self._make_table()
        self.queue_url = self._make_queues()
        ssm = self.client("ssm")
        for shop in shops:
            ssm.put_parameter(Name=SHOPS_PATH + shop.id, Type="SecureString", Value=json.dumps(settings[shop.id]))

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def set_fault(self, wanted: Any) -> None:
        """Break a part, or mend it: POST /dev/faults.

        Raises:
            BadFault.
        """
        request = Request(self.url + _FAULTS_PATH, json.dumps(wanted).encode())
        try:
            build_opener(ProxyHandler({})).open(request, timeout=5).close()
        except HTTPError as error:
            raise BadFault(json.load(error)) from None
        self.faults.set(wanted)

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
        make_table(dynamodb, TABLE)
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


def _serve(file_descriptor: int) -> None:
    """Serve the parts on a socket that listens already, until stdin ends."""
    from moto.moto_server.werkzeug_app import create_backend_app

    services: dict[str, Any] = {name: create_backend_app(name) for name in PARTS.values()}  # type: ignore[arg-type]
    Server(with_faults(services, Faults()), listener=socket.socket(fileno=file_descriptor)).start()
    sys.stdin.read()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
