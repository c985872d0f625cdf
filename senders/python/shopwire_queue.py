"""A queue of changes for shopwire, in a folder (docs/platforms/generic.md). Python 3.8 or later, nothing else.

    from shopwire_queue import Queue

    shopwire = Queue("/var/lib/shopwire", "https://.../webhooks/my-shop", "whsec_...")
    shopwire.add({"type": "order", ...})   # in the request: writes a file, and calls nothing
    shopwire.start()                       # once per process: a thread sends what waits

or, in place of the thread, each minute from cron:

    SHOPWIRE_QUEUE=... SHOPWIRE_URL=... SHOPWIRE_SECRET=... python shopwire_queue.py flush

The files are personal data.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import logging
import os
import random
import socket
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DELAYS_SECONDS = (5, 30, 120, 600, 1800, 3600)
"""Seconds until the next attempt, after one failure, two failures, and so on."""

MAX_WAIT_SECONDS = 3600
"""The longest wait, whatever a response asks for, and whatever the state says after the clock was wrong."""

_SNAPSHOTS = ("order", "cart", "contact")
_logger = logging.getLogger("shopwire")


class Queue:
    """Keeps changes in a folder until shopwire has them.

    Args:
        folder: where the messages wait.
        url: the shop's URL, as `shopwire shop show` prints it.
        secrets: the shop's secret ("whsec_..."); two of them while one is being replaced.
        timeout: seconds for one call.
        clock: returns seconds since 1970.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        url: str,
        secrets: str | Sequence[str],
        timeout: float = 10,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = Path(folder)
        self._url = urlsplit(url)
        self._secrets = [secret.strip() for secret in ([secrets] if isinstance(secrets, str) else secrets)]
        self._timeout = timeout
        self._clock = clock
        self._last = 0
        self._adding = threading.Lock()

    def add(self, change: dict[str, Any]) -> bool:
        """Write a change into the queue. It never raises, and does not use the network.

        Args:
            change: a body of the format. Without `version` it gets the present time. Decimals, times and UUIDs are
                written as text.

        Returns:
            whether it is written. Otherwise the reason is logged.
        """
        try:
            now = self._next_moment()
            if change.get("type") in _SNAPSHOTS and not change.get("version"):
                change = {**change, "version": _moment(now)}
            body = json.dumps(change, ensure_ascii=False, default=_text)
            id = f"msg_{uuid.uuid4().hex}"
            # The name begins with the time, so that the messages are sent in their order.
            name = f"{now:013d}-{id}.json"
            _write(self._folder / "waiting" / name, json.dumps({"id": id, "body": body}))
            return True
        except Exception as error:
            _logger.error("a change could not be written to the queue: %s", type(error).__name__)
            return False

    def _next_moment(self) -> int:
        """Return the time in milliseconds, which is later than that of the change before."""
        with self._adding:
            now = round(self._clock() * 1000)
            # The second change of a millisecond, or after a clock is put right by a little, must not look older.
            is_slightly_behind = self._last - 60_000 < now <= self._last
            self._last = self._last + 1 if is_slightly_behind else now
            return self._last

    def flush(self, seconds: float = 20) -> dict[str, Any]:
        """Send what waits, in order, until a call fails. After a failure it waits longer and longer.

        Args:
            seconds: no call begins later than this.

        Returns:
            sent, rejected, waiting: numbers of messages; error: why it stopped, "" if nothing is wrong.
        """
        summary: dict[str, Any] = {"sent": 0, "rejected": 0, "waiting": 0, "error": ""}
        try:
            self._flush(summary, seconds)
        except (OSError, ValueError) as error:
            summary["error"] = f"the folder, the URL or the secret cannot be used: {type(error).__name__}"
        return summary

    def _flush(self, summary: dict[str, Any], seconds: float) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _lock(self._folder / "lock") as is_held:
            if not is_held:
                summary["error"] = "another process is sending"
                return
            state = self._read_state()
            if 0 < state["not_before"] - self._clock() <= MAX_WAIT_SECONDS:
                summary["error"] = f"waiting after a failure: {state['error']}"
            else:
                self._send_waiting(summary, state["failures"], self._clock() + seconds)
            summary["waiting"] = len(self._waiting())

    def start(self, interval: float = 5) -> threading.Thread:
        """Start a thread that sends what waits, every few seconds, until the process ends."""

        def run() -> None:
            while True:
                try:
                    self.flush()
                except Exception as error:
                    _logger.error("changes could not be sent: %s", type(error).__name__)
                time.sleep(interval)

        thread = threading.Thread(target=run, name="shopwire", daemon=True)
        thread.start()
        return thread

    def _send_waiting(self, summary: dict[str, Any], failures: int, end: float) -> None:
        for path in self._waiting():
            if self._clock() >= end:
                return
            try:
                message = json.loads(path.read_text(encoding="utf-8"))
                id, body = str(message["id"]), str(message["body"]).encode("utf-8", "replace")
            except (ValueError, KeyError, TypeError):  # a file that cannot be read at all is an OSError (`flush`)
                self._reject(path, "the file is damaged")
                summary["rejected"] += 1
                continue
            status, response, retry_after = self._post(id, body)
            if status in (400, 413):  # mistakes, or more than 4 MiB: sending it again would not help
                self._reject(path, response)
                summary["rejected"] += 1
            elif 200 <= status < 300:
                path.unlink()
                summary["sent"] += 1
            else:
                summary["error"] = f"HTTP {status}: {response}" if status else response
                self._record_failure(failures + 1, summary["error"], retry_after)
                return
            if failures:
                failures = 0
                with suppress(FileNotFoundError):
                    (self._folder / "state.json").unlink()

    def _post(self, id: str, body: bytes) -> tuple[int, str, int]:
        """Post a message once.

        Returns:
            status and response; 0 and the reason if there is no response. Then the seconds that the response asks to
            wait, or 0.
        """
        host, port = self._url.hostname or "", self._url.port
        call: http.client.HTTPConnection
        if self._url.scheme == "https":
            context = ssl.create_default_context()
            call = http.client.HTTPSConnection(host, port, timeout=self._timeout, context=context)
        else:
            call = http.client.HTTPConnection(host, port, timeout=self._timeout)
        limit = None
        try:
            call.connect()
            # The time-out of the socket begins again with every byte. This one is for the whole call.
            limit = threading.Timer(self._timeout, _cut, [call.sock])
            limit.daemon = True
            limit.start()
            call.request("POST", self._url.path, body, self._headers(id, body))
            response = call.getresponse()
            text = response.read(1 << 16).decode("utf-8", "replace")
            wait = response.getheader("retry-after") or ""
            return response.status, text, int(wait) if wait.isascii() and wait.isdigit() else 0
        except (OSError, http.client.HTTPException) as error:
            return 0, f"no response: {type(error).__name__}", 0
        finally:
            if limit:
                limit.cancel()
            call.close()

    def _headers(self, id: str, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._clock()))
        signed = f"{id}.{timestamp}.".encode() + body
        signatures = []
        for secret in self._secrets:
            key = base64.b64decode(secret[6:] + "==") if secret.startswith("whsec_") else secret.encode()
            signatures.append("v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode())
        return {
            "content-type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(signatures),
        }

    def _waiting(self) -> list[Path]:
        return sorted((self._folder / "waiting").glob("*.json"))

    def _reject(self, path: Path, why: str) -> None:
        """Keep a message aside, with the response that names its mistakes."""
        aside = self._folder / "rejected" / path.name
        _write(aside.with_suffix(".response.txt"), why)
        path.replace(aside)

    def _read_state(self) -> dict[str, Any]:
        try:
            state = json.loads((self._folder / "state.json").read_text(encoding="utf-8"))
            failures, not_before = max(0, int(state["failures"])), float(state["not_before"])
            error = state.get("error")
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return {"failures": 0, "not_before": 0, "error": ""}
        return {"failures": failures, "not_before": not_before, "error": error if isinstance(error, str) else ""}

    def _record_failure(self, failures: int, error: str, retry_after: int) -> None:
        delay = DELAYS_SECONDS[min(failures, len(DELAYS_SECONDS)) - 1]
        # Shops that failed together do not come back at the same moment.
        wait = max(delay * random.uniform(0.8, 1), min(retry_after, MAX_WAIT_SECONDS))
        state = {"failures": failures, "not_before": self._clock() + wait, "error": error[:500]}
        _write(self._folder / "state.json", json.dumps(state))


def _moment(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _write(path: Path, content: str) -> None:
    """Write a file that no reader sees half-written."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        temporary.write_text(content, encoding="utf-8")
        temporary.replace(path)
    except OSError:  # such as a full disk, which half a file would only fill
        with suppress(OSError):
            temporary.unlink()
        raise


def _text(value: Any) -> str:
    """Return what JSON has no type for as text, as databases and frameworks return it."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError


def _cut(connection: socket.socket) -> None:
    """End a call, also one that waits for a byte."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def _lock(path: Path) -> Iterator[bool]:
    """Take the lock of a file while the block runs, and yield whether no other process has it."""
    with open(path, "a") as file:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True  # the lock ends when the file is closed


def main() -> int:
    """Send what waits, and print a summary."""
    try:
        settings = [os.environ[name] for name in ("SHOPWIRE_QUEUE", "SHOPWIRE_URL", "SHOPWIRE_SECRET")]
    except KeyError as error:
        print(f"set {error.args[0]} in the environment", file=sys.stderr)
        return 2
    if sys.argv[1:] != ["flush"]:
        print("usage: python shopwire_queue.py flush", file=sys.stderr)
        return 2
    folder, url, secret = settings
    summary = Queue(folder, url, secret).flush()
    print(json.dumps(summary, ensure_ascii=False))
    return 1 if summary["error"] else 0


if __name__ == "__main__":
    sys.exit(main())
