"""Finds or installs Chromium for the tests, so that no test is skipped.

The search ends with a Chromium that starts, because `chromium-browser` of some distributions only prints which package
to install.
"""

import shutil
import sys
from collections.abc import Iterable, Iterator

from playwright.sync_api import Browser, BrowserType, Error

from tests.support.installing import apt_install, one_at_a_time, run

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# The browser can resolve only the names of this machine, so requests to other hosts fail. Playwright's routes could
# block them too, but with a route Playwright answers CORS preflights itself, and the tests must see the real responses.
_ARGUMENTS = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"]

HOW_TO_INSTALL = """The browser tests need Chromium, and none starts on this machine. Install one:
  Debian, Ubuntu   apt-get install chromium
  macOS            brew install --cask google-chrome, and google-chrome on the PATH
  anywhere         .venv/bin/python -m playwright install --with-deps chromium
These were tried:
"""


def launch(chromium: BrowserType, candidates: Iterable[tuple[str, str | None]] | None = None) -> Browser:
    """Return the first Chromium that starts.

    Args:
        candidates: (label, executable) of each Chromium to try. The executable None is Playwright's own Chromium. By
            default, all that are found or can be installed.

    Raises:
        RuntimeError: no Chromium starts. The text says how to install one.
    """
    errors = []
    with one_at_a_time("chromium"):
        for label, path in _candidates() if candidates is None else candidates:
            try:
                return chromium.launch(executable_path=path, args=_ARGUMENTS)
            except Error as error:
                errors.append(f"  {label}: {error.message.strip().splitlines()[0]}")
    raise RuntimeError(HOW_TO_INSTALL + "\n".join(errors))


def _candidates() -> Iterator[tuple[str, str | None]]:
    """Yield the candidates. A download or an installation starts only after the candidates before it have failed."""
    yield from _on_path()
    yield "Playwright's own", None
    run(sys.executable, "-m", "playwright", "install", "--only-shell", "chromium")
    yield "Playwright's own, downloaded", None
    if apt_install("chromium"):
        yield from _on_path()


def _on_path() -> Iterator[tuple[str, str]]:
    return ((path, path) for name in NAMES if (path := shutil.which(name)))
