"""Finds or installs PHP for the tests, and renders a page of a WooCommerce shop with imitated WordPress functions."""

import json
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.installing import apt_install, one_at_a_time

PLUGIN = Path(__file__).parents[2] / "storefront" / "woocommerce.php"
_WORDPRESS = Path(__file__).with_name("wordpress.php")

HOW_TO_INSTALL = """The tests of the WooCommerce plugin need PHP 7.4 or later (CLI), and this machine has none:
  Debian, Ubuntu   apt-get install php-cli
  macOS            brew install php
"""


@cache
def php(find: Callable[[str], str | None] = shutil.which, install: Callable[[str], bool] = apt_install) -> str:
    """Return the path of PHP. If there is none on the PATH, install Debian's package if possible.

    Raises:
        RuntimeError: there is no PHP. The text says how to install it.
    """
    with one_at_a_time("php"):
        path = find("php") or (find("php") if install("php-cli") else None)
    if not path:
        raise RuntimeError(HOW_TO_INSTALL)
    return path


def lint(file: Path) -> str:
    """Return the output of PHP's syntax check."""
    return subprocess.run([php(), "-l", file], capture_output=True, text=True, timeout=60).stdout


def render(page_input: dict[str, Any]) -> dict[str, Any]:
    """Render a page of the shop. wordpress.php documents the input and the result. PHP warnings fail the test."""
    command = [php(), "-d", "error_reporting=-1", "-d", "display_errors=stderr", _WORDPRESS, PLUGIN]
    process = subprocess.run(command, input=json.dumps(page_input), capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stderr) == (0, ""), process.stdout
    page: dict[str, Any] = json.loads(process.stdout)
    return page
