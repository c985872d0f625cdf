"""Where the tests' Chromium comes from. No test is skipped for want of one: it is found, fetched or installed.

What counts is that it starts: the `chromium-browser` of some distributions only says which package to install.
"""

import shutil
import sys
from collections.abc import Iterable, Iterator

from playwright.sync_api import Browser, BrowserType, Error

from tests.support.installing import apt_install, one_at_a_time, run

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Only this machine has a name: whatever a page asks of another host fails as if there were no such host. (Playwright's
# routes would do that too, but with any route set it answers CORS preflights itself, and those are tested here.)
_ARGUMENTS = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"]

HOW_TO_GET_ONE = """no Chromium starts here, and the browser tests need one:
  Debian, Ubuntu   apt-get install chromium
  macOS            brew install --cask google-chrome, and google-chrome on the PATH
  anywhere         .venv/bin/python -m playwright install --with-deps chromium
What was tried:
"""


def launch(chromium: BrowserType, ways: Iterable[tuple[str, str | None]] | None = None) -> Browser:
    """The first Chromium that starts.

    Args:
        ways: what to call each, and the executable (None: Playwright's own); by default all that there are.

    Raises:
        RuntimeError: none does; says how to get one.
    """
    tried = []
    with one_at_a_time("chromium"):
        for way, path in _ways() if ways is None else ways:
            try:
                return chromium.launch(executable_path=path, args=_ARGUMENTS)
            except Error as error:
                tried.append(f"  {way}: {error.message.strip().splitlines()[0]}")
    raise RuntimeError(HOW_TO_GET_ONE + "\n".join(tried))


def _ways() -> Iterator[tuple[str, str | None]]:
    """Each is made only when the one before it failed."""
    yield from _on_path()
    yield "Playwright's own", None
    run(sys.executable, "-m", "playwright", "install", "--only-shell", "chromium")
    yield "Playwright's own, fetched", None
    if apt_install("chromium"):
        yield from _on_path()


def _on_path() -> Iterator[tuple[str, str]]:
    return ((path, path) for name in NAMES if (path := shutil.which(name)))
