"""Requests as curl commands, to be copied into a shell. No command contains an API key."""

import base64
import shlex
from collections.abc import Mapping

MAX_BODY_BYTES = 100_000
"""A longer command line is refused by some systems."""
# curl sets them itself, or they belong to the connection that brought the webhook.
_LEFT_OUT = ("host", "content-length", "connection", "accept", "accept-encoding", "x-forwarded-", "forwarded", "sec-")


def webhook_command(url: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return the command that posts a webhook again."""
    kept = {name: value for name, value in sorted(headers.items()) if not name.lower().startswith(_LEFT_OUT)}
    return _command("POST", url, [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in kept.items()], body)


def api_command(method: str, url: str, body: bytes) -> str:
    """Return the command that sends a request to the API. The shell fills in the key."""
    options = ['-u "shopwire:$ESPUTNIK_KEY"', "-H 'content-type: application/json'"]
    return _command(method, url, options, body)


def _command(method: str, url: str, options: list[str], body: bytes) -> str:
    head = f"curl -i -X {shlex.quote(method)} {shlex.quote(url)}"
    text = _text(body)
    if text is not None:
        return " \\\n  ".join([head, *options, *([f"--data-raw {shlex.quote(text)}"] if body else [])])
    command = " \\\n  ".join([head, *options, "--data-binary @-"])
    return f"echo {base64.b64encode(body).decode()} | base64 -d | {command}"


def _text(body: bytes) -> str | None:
    """Return the body as a shell can hold it; None if it cannot."""
    try:
        return None if b"\0" in body else body.decode()
    except UnicodeDecodeError:
        return None
