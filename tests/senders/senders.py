"""The senders of senders/, each as a process that runs commands, and a server that answers as a test says."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from shopwire.models import Webhook
from tests.php.interpreter import php
from tests.support.installing import apt_install, one_at_a_time

HERE = Path(__file__).parent
NOW = 1_795_800_000_000

HOW_TO_INSTALL_NODE = """The tests of the Node sender need Node 14 or later, and this machine has none:
  Debian, Ubuntu   apt-get install nodejs
  macOS            brew install node
"""
HOW_TO_INSTALL_EXTENSION = """The tests of the PHP senders need PHP's extension {extension}, and this machine has none:
  Debian, Ubuntu   apt-get install {package}
"""


@cache
def node() -> str:
    """Return the path of Node. If there is none on the PATH, install Debian's package if possible.

    Raises:
        RuntimeError: there is no Node. The text says how to install it.
    """
    with one_at_a_time("node"):
        path = shutil.which("node") or (shutil.which("node") if apt_install("nodejs") else None)
    if not path:
        raise RuntimeError(HOW_TO_INSTALL_NODE)
    return path


@cache
def php_with(extension: str, package: str) -> str:
    """Return the path of PHP with this extension. If it is missing, install Debian's package if possible.

    Raises:
        RuntimeError: there is no such PHP. The text says how to install it.
    """

    def has_extension() -> bool:
        modules = subprocess.run([php(), "-m"], capture_output=True, text=True, timeout=60).stdout
        return extension in modules.split()

    with one_at_a_time(package):
        if not has_extension() and not (apt_install(package) and has_extension()):
            raise RuntimeError(HOW_TO_INSTALL_EXTENSION.format(extension=extension, package=package))
    return php()


def _php(program: Callable[[], str]) -> list[str]:
    return [program(), "-d", "error_reporting=-1", "-d", "display_errors=stderr", str(HERE / "driver.php")]


SENDERS: dict[str, Callable[[], tuple[list[str], dict[str, str]]]] = {
    "python": lambda: ([sys.executable, str(HERE / "driver.py")], {}),
    "node": lambda: ([node(), str(HERE / "driver.js")], {}),
    "php-streams": lambda: (_php(php), {"transport": "streams"}),
    "php-curl": lambda: (_php(lambda: php_with("curl", "php-curl")), {"transport": "curl"}),
}
"""The command of each sender, and its options."""


@dataclass
class Sender:
    """One sender with its queue.

    Args:
        name: its name in `SENDERS`.
        now: UTC milliseconds of its clock.
    """

    name: str
    folder: Path
    url: str
    secrets: list[str]
    now: int = NOW
    timeout: float = 10

    def run(self, *commands: tuple[str, Any]) -> list[Any]:
        """Run commands in one process and return their results.

        Args:
            commands: ("add", a change), ("flush", seconds), ("pass", milliseconds). Warnings of the program fail the
                test.
        """
        command, options = SENDERS[self.name]()
        given = {
            "folder": str(self.folder),
            "url": self.url,
            "secrets": self.secrets,
            "now": self.now,
            "timeout": self.timeout,
            "commands": commands,
            **options,
        }
        done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr + done.stdout
        self.now += sum(argument for name, argument in commands if name == "pass")
        results: list[Any] = json.loads(done.stdout)
        return results

    def add(self, change: dict[str, Any]) -> bool:
        return self.run(("add", change)) == [True]

    def flush(self, *, after: int = 0) -> dict[str, Any]:
        """Send what waits, `after` milliseconds later."""
        summary: dict[str, Any] = self.run(("pass", after), ("flush", 20))[1]
        return summary

    def files(self, state: str) -> list[str]:
        return sorted(path.name for path in (self.folder / state).glob("*"))


@dataclass
class Server:
    """A server that answers with the next of `answers`. In the end it answers 200.

    Args:
        answers: a status; a status and its Retry-After; "silence"; "drip", a response that never ends.
    """

    answers: list[int | str | tuple[int, str]] = field(default_factory=list)
    calls: list[Webhook] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> str:
        """Start it and return its URL."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.calls.append(Webhook(headers, body, NOW))
                answer = server.answers.pop(0) if server.answers else 200
                if answer == "silence":
                    server.stopping.wait(30)
                    return
                text = json.dumps({"error": "the body has mistakes"}).encode()
                status, wait = answer if isinstance(answer, tuple) else (answer, "")
                self.send_response(503 if answer == "drip" else int(status))
                self.send_header("location", "/elsewhere")
                if answer == "drip":
                    self.drip()
                    return
                if wait:
                    self.send_header("retry-after", wait)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def drip(self) -> None:
                self.send_header("content-length", "1000000")
                self.end_headers()
                with suppress(OSError):  # the sender left
                    while not server.stopping.wait(0.2):
                        self.wfile.write(b".")
                        self.wfile.flush()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._http.server_port}/webhooks/my-shop"

    def stop(self) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
