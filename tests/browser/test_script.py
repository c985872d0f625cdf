"""storefront/shopwire.js as a file: its size, what it must not touch, and that `shopwire dev` serves it."""

import gzip
import io
import re
from pathlib import Path
from typing import Any

from shopwire_dev.aws import Faults
from shopwire_dev.gateway import SCRIPT, Gateway, Parked

ROOT = Path(__file__).parents[2]


def test_it_is_under_two_kilobytes_as_it_is_sent() -> None:
    assert len(gzip.compress(SCRIPT.read_bytes(), 9)) < 2048


def test_it_keeps_nothing_in_the_browser_and_loads_nothing() -> None:
    code = SCRIPT.read_text(encoding="utf-8")
    assert not re.search(r"\.cookie|localStorage|sessionStorage|indexedDB|import\b|require\(|https?://", code)


def test_shopwire_dev_serves_it() -> None:
    def nothing(*_: Any) -> Any:
        raise AssertionError

    said: list[Any] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/shopwire.js",
        "HTTP_HOST": "127.0.0.1:8787",
        "wsgi.input": io.BytesIO(),
    }
    gateway = Gateway({}, nothing, Faults().set, Parked(nothing, nothing, nothing), nothing)
    body = b"".join(gateway(environ, lambda status, headers: said.extend((status, dict(headers)))))
    assert (said[0], said[1]["Content-Type"]) == ("200 OK", "text/javascript; charset=utf-8")
    assert body == SCRIPT.read_bytes()


def test_the_guide_names_every_call_and_every_attribute_of_the_script() -> None:
    guide, code = (ROOT / "docs/storefront.md").read_text(encoding="utf-8"), SCRIPT.read_text(encoding="utf-8")
    calls = re.findall(r"^    (\w+)\(\w*(?:, \w+)?\) \{$", code, re.MULTILINE)
    assert calls == ["page", "product", "category", "cart", "cartToken", "currency", "contact", "consent"]
    assert [name for name in calls if f"shopwire.{name}(" not in guide] == []
    said = {re.sub(r"([A-Z])", r"-\1", name).lower() for name in re.findall(r"\bsaid\.(\w+)", code)}
    assert said == {"url", "signature", "cart-token", "currency", "page", "category"}
    assert [name for name in said if f"`data-{name}`" not in guide] == []
