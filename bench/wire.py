"""The counting account behind a socket: real boto3 clients and the real transport, for what a webhook takes of a
processor. Only the caller's thread is measured, the server's is not.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from bench.account import Account

# The first part of X-Amz-Target.
_SERVICES = {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "AmazonSSM": "ssm"}


@contextmanager
def served(account: Account) -> Iterator[str]:
    """Serve the account's AWS services and its API ("/api/"); gives the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body of an answer are two writes: without this the second waits for the first one's receipt.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.startswith("/api/"):
                status, _ = account.transport("POST", self.path, {}, body, 0)
                self._answer(status, {})
                return
            prefix, _, operation = self.headers["X-Amz-Target"].partition(".")
            try:
                self._answer(200, account.call(_SERVICES[prefix], xform_name(operation), json.loads(body)))
            except ClientError as error:
                said = error.response["Error"]
                self._answer(400, {"__type": said["Code"], "message": said["Message"], **_item(error)})

        def _answer(self, status: int, said: Any) -> None:
            text = json.dumps(said).encode()
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
