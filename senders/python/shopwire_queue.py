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
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DELAYS_SECONDS = (5, 30, 120, 600, 1800, 3600)
"""Seconds until the next attempt, after one failure, two failures, and so on."""

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
        self._secrets = [secrets] if isinstance(secrets, str) else list(secrets)
        self._timeout = timeout
        self._clock = clock
        self._last_added = 0
        self._adding = threading.Lock()

    def add(self, change: dict[str, Any]) -> bool:
        """Write a change into the queue. It never raises, and does not use the network.

        Args:
            change: a body of the format. Without `version` it gets the present time.

        Returns:
            whether it is written. Otherwise the reason is logged.
        """
        try:
            with self._adding:
                # Of two changes of one millisecond, the second is the newer one.
                now = self._last_added = max(round(self._clock() * 1000), self._last_added + 1)
            if change.get("type") in _SNAPSHOTS and not change.get("version"):
                change = {**change, "version": _moment(now)}
            body = json.dumps(change, ensure_ascii=False)
            id = f"msg_{uuid.uuid4().hex}"
            # The name begins with the time, so that the messages are sent in their order.
            _write(self._folder / "waiting" / f"{now:013d}-{id}.json", json.dumps({"id": id, "body": body}))
            return True
        except Exception as error:
            _logger.error("a change could not be written to the queue: %s", type(error).__name__)
            return False

    def flush(self, seconds: float = 20) -> dict[str, Any]:
        """Send what waits, in order, until a call fails. After a failure it waits longer and longer.

        Args:
            seconds: no call begins later than this.

        Returns:
            sent, rejected, waiting: numbers of messages; error: why it stopped, "" if nothing is wrong.
        """
        summary: dict[str, Any] = {"sent": 0, "rejected": 0, "waiting": 0, "error": ""}
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _lock(self._folder / "lock") as is_held:
            if not is_held:
                return {**summary, "error": "another process is sending"}
            state = self._read_state()
            if state["not_before"] > self._clock():
                summary["error"] = f"waiting after a failure: {state['error']}"
            else:
                self._send_waiting(summary, state["failures"], self._clock() + seconds)
            summary["waiting"] = len(self._waiting())
        return summary

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
            except (ValueError, KeyError, TypeError):
                self._reject(path, "the file is damaged")
                summary["rejected"] += 1
                continue
            status, response = self._post(id, body)
            if status in (400, 413):  # mistakes, or more than 4 MiB: sending it again would not help
                self._reject(path, response)
                summary["rejected"] += 1
            elif 200 <= status < 300:
                path.unlink()
                summary["sent"] += 1
            else:
                summary["error"] = f"HTTP {status}: {response}" if status else response
                self._record_failure(failures + 1, summary["error"])
                return
            if failures:
                failures = 0
                with suppress(FileNotFoundError):
                    (self._folder / "state.json").unlink()

    def _post(self, id: str, body: bytes) -> tuple[int, str]:
        """Post a message once. Return status and response; 0 and the reason if there is no response."""
        host, port = self._url.hostname or "", self._url.port
        call: http.client.HTTPConnection
        if self._url.scheme == "https":
            context = ssl.create_default_context()
            call = http.client.HTTPSConnection(host, port, timeout=self._timeout, context=context)
        else:
            call = http.client.HTTPConnection(host, port, timeout=self._timeout)
        try:
            call.request("POST", self._url.path, body, self._headers(id, body))
            response = call.getresponse()
            return response.status, response.read(1 << 16).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            return 0, f"no response: {type(error).__name__}"
        finally:
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
            error = str(state.get("error", ""))
            return {"failures": int(state["failures"]), "not_before": float(state["not_before"]), "error": error}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {"failures": 0, "not_before": 0, "error": ""}

    def _record_failure(self, failures: int, error: str) -> None:
        delay = DELAYS_SECONDS[min(failures, len(DELAYS_SECONDS)) - 1]
        # Shops that failed together do not come back at the same moment.
        not_before = self._clock() + delay * random.uniform(0.8, 1)
        state = {"failures": failures, "not_before": not_before, "error": error[:500]}
        _write(self._folder / "state.json", json.dumps(state))


def _moment(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _write(path: Path, content: str) -> None:
    """Write a file that no reader sees half-written."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    temporary.write_text(content, encoding="utf-8")
    temporary.replace(path)


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
