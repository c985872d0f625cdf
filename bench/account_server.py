"""Serve the counting account over HTTP, so that real AWS clients and the real transport can call it.

The CPU time of a webhook is measured with these clients. Only the caller's thread is measured, not the server's
threads."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from bench.account import Account

# The service of each prefix of X-Amz-Target.
_SERVICES = {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "AmazonSSM": "ssm"}


@contextmanager
def serve(account: Account) -> Iterator[str]:
    """Serve the account's AWS services, and the API below /api/, while the block runs. Yield the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # A response consists of two writes. With Nagle's algorithm, the second waits for the acknowledgement of the
        # first.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.startswith("/api/"):
                status, _, _ = account.transport("POST", self.path, {}, body, 0)
                self._respond(status, {})
                return
            prefix, _, operation = self.headers["X-Amz-Target"].partition(".")
            try:
                self._respond(200, account.call(_SERVICES[prefix], xform_name(operation), json.loads(body)))
            except ClientError as error:
                details = error.response["Error"]
                self._respond(400, {"__type": details["Code"], "message": details["Message"], **_item(error)})

        def _respond(self, status: int, body: Any) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _item(error: ClientError) -> dict[str, Any]:
    item: Any = error.response.get("Item")
    return {"Item": item} if item else {}
