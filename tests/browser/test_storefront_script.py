"""The file storefront/shopwire.js: its size, the browser APIs that it must not use, and its route in `shopwire dev`."""

import gzip
import io
import re
from pathlib import Path
from typing import Any

from shopwire_dev.aws import Faults
from shopwire_dev.gateway import STOREFRONT_SCRIPT, Gateway, ParkedRoutes

ROOT = Path(__file__).parents[2]


def test_script_is_under_two_kilobytes_with_gzip() -> None:
    assert len(gzip.compress(STOREFRONT_SCRIPT.read_bytes(), 9)) < 2048


def test_script_stores_nothing_in_the_browser_and_loads_nothing() -> None:
    code = STOREFRONT_SCRIPT.read_text(encoding="utf-8")
    assert not re.search(r"\.cookie|localStorage|sessionStorage|indexedDB|import\b|require\(|https?://", code)


def test_shopwire_dev_serves_the_script() -> None:
    def unused(*_: Any) -> Any:
        raise AssertionError

    started: list[Any] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/shopwire.js",
        "HTTP_HOST": "127.0.0.1:8787",
        "wsgi.input": io.BytesIO(),
    }
    gateway = Gateway({}, unused, Faults().set, ParkedRoutes(unused, unused, unused), unused)
    body = b"".join(gateway(environ, lambda status, headers: started.extend((status, dict(headers)))))
    assert (started[0], started[1]["Content-Type"]) == ("200 OK", "text/javascript; charset=utf-8")
    assert body == STOREFRONT_SCRIPT.read_bytes()


def test_guide_documents_every_call_and_attribute_of_the_script() -> None:
    guide, code = (
        (ROOT / "docs/storefront.md").read_text(encoding="utf-8"),
        STOREFRONT_SCRIPT.read_text(encoding="utf-8"),
    )
    calls = re.findall(r"^    (\w+)\(\w*(?:, \w+)?\) \{$", code, re.MULTILINE)
    assert calls == [
        *("page", "product", "category", "wishlist", "search", "cart"),
        *("cartToken", "currency", "contact", "consent"),
    ]
    assert [name for name in calls if f"shopwire.{name}(" not in guide] == []
    (in_json,) = re.findall(r"for \(const name of \[(.*)\]\) \{\n    if \(name in said\)", code)
    assert [name for name in re.findall(r"\w+", in_json) if f"`data-{name}`" not in guide] == []
    attributes = {re.sub(r"([A-Z])", r"-\1", name).lower() for name in re.findall(r"\bsaid\.(\w+)", code)}
    assert attributes == {"url", "signature", "cart-token", "currency", "page", "category"}
    assert [name for name in attributes if f"`data-{name}`" not in guide] == []
