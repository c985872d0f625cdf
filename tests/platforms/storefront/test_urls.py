"""The storefront: a URL counts only if it is http or https, or of a listed app, and of the shop's `origins`."""

import pytest

from shopwire.platforms.storefront.urls import is_of_origins, is_url_field, urls_in_text

ORIGINS = (
    "https://shop.example",
    "http://localhost:8000/",
    "https://Other.Example:443",
    "shopapp://",
    "app2://shop",
    "null",
)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "https://shop.example/a?b=c#d",
        "https://shop.example?a",
        "HTTPS://SHOP.EXAMPLE/",
        "https://shop.example:443/a",
        "https://shop.example/чашка?a=https://evil.example/",
        "http://localhost:8000/page.html",
        "https://other.example/",
        "shopapp://catalog/7",
        "shopapp://",
        "app2://shop/cart",
    ],
)
def test_url_of_a_listed_origin_is_accepted(url: str) -> None:
    assert is_of_origins(url, ORIGINS)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/mug",
        "mug",
        "//shop.example/a",
        "https:shop.example",
        "https:/shop.example",
        "https:///shop.example",
        "http://shop.example/",
        "https://shop.example:444/",
        "https://shop.example.evil.example/",
        "https://evil.example/https://shop.example/",
        "https://shop.example@evil.example/",
        "https://evil.example\\@shop.example/",
        "https://shop.example\\.evil.example/",
        "https://shop.example%2eevil.example/",
        "https://shop.example\t.evil.example/",
        "https://shop.example/\nx",
        "https://shop.example /",
        " https://shop.example/",
        "https://shop。example/",
        "https://shop.example./",
        "https://[::1]/",
        "http://localhost:8000:1/",
        "https://localhost:8000/",
        "javascript:alert(1)",
        "javascript://shop.example/%0aalert(1)",
        "data:text/html,x",
        "ftp://shop.example/",
        "otherapp://catalog",
        "shopapp:catalog",
        "app2://evil/cart",
        "app2://",
        "null",
        "null://x",
    ],
)
def test_any_other_url_is_refused(url: str) -> None:
    assert not is_of_origins(url, ORIGINS)


@pytest.mark.parametrize("origin", ["https://", "http://", "https:///", "null", "*", "shop.example", ""])
def test_setting_that_names_no_host_allows_no_page(origin: str) -> None:
    assert not is_of_origins("https://shop.example/", (origin,))
    assert not is_of_origins("https:///shop.example/", (origin,))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("url", "x"),
        ("URL", "x"),
        ("image_url", "x"),
        ("imageUrl", ""),
        ("image", "a.png"),
        ("href", "x"),
        ("color", "https://a"),
        ("color", " \tHTTPS:/a"),
        ("color", "//a"),
        ("color", "\\\\a"),
        ("color", "JavaScript:x"),
        ("color", "data:text/html,x"),
        ("color", "shopapp://x"),
        ("color", "/\t/a"),
        ("color", "ht\ntps://a"),
        ("color", "java\rscript:x"),
        ("color", "https:a"),
    ],
)
def test_property_that_leads_somewhere_is_a_url(name: str, text: str) -> None:
    assert is_url_field(name, text)


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("blue mug", []),
        ("see https://a", ["https://a"]),
        ("see //a", ["//a"]),
        ("javascript:x or http:a", ["javascript:x", "http:a"]),
        ("(https://a)", ["https://a)"]),
        ("mug,https://a", ["https://a"]),
        ("x.https://a", ["x.https://a"]),
        ("size: XL, ratio 1:/2, and/or 12:30", []),
    ],
)
def test_urls_of_a_text_are_found_wherever_they_begin(text: str, urls: list[str]) -> None:
    assert list(dict.fromkeys(urls_in_text(text))) == urls


@pytest.mark.parametrize(
    "text", ["red", "size: XL", "a/b", "data: three", "12:30", "Ratio 1:/2", "see https://a", "HTTP: 80"]
)
def test_other_property_is_no_url(text: str) -> None:
    assert not is_url_field("color", text)
