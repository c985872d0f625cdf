"""Where the tests' PHP comes from, and a page of a WooCommerce shop rendered by it, with stand-ins for WordPress."""

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

HOW_TO_GET_ONE = """there is no PHP here, and the WooCommerce plugin's tests need one (7.4 or later, the command line):
  Debian, Ubuntu   apt-get install php-cli
  macOS            brew install php
"""


@cache
def php(find: Callable[[str], str | None] = shutil.which, install: Callable[[str], bool] = apt_install) -> str:
    """The PHP on the PATH; where there is none, Debian's is installed if that may be done.

    Raises:
        RuntimeError: there is none; says how to get one.
    """
    with one_at_a_time("php"):
        found = find("php") or (find("php") if install("php-cli") else None)
    if not found:
        raise RuntimeError(HOW_TO_GET_ONE)
    return found


def lint(file: Path) -> str:
    """What PHP says of a file's syntax."""
    return subprocess.run([php(), "-l", file], capture_output=True, text=True, timeout=60).stdout


def render(scene: dict[str, Any]) -> dict[str, Any]:
    """A page of the shop: see wordpress.php. A warning of PHP's is an error."""
    asked = [php(), "-d", "error_reporting=-1", "-d", "display_errors=stderr", _WORDPRESS, PLUGIN]
    done = subprocess.run(asked, input=json.dumps(scene), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    page: dict[str, Any] = json.loads(done.stdout)
    return page
