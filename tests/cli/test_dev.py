"""`shopwire dev`: its options reach the server, and wrong ones are refused. No server is started here."""

import socket
from pathlib import Path
from typing import Any

import pytest

import shopwire_dev.stack
from shopwire_cli.main import main

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The arguments of each call of `serve`."""
    calls: list[tuple[Any, ...]] = []

    def serve(
        host: str,
        port: int,
        *,
        started: Any,
        esputnik_url: str | None,
        settings: Any,
        allow_remote: bool,
        public_hosts: list[str],
    ) -> None:
        calls.append((host, port, esputnik_url, settings, allow_remote, public_hosts))

    monkeypatch.setattr(shopwire_dev.stack, "serve", serve)
    return calls


def test_defaults_are_those_of_the_contract(served: list[Any]) -> None:
    assert main(["dev"]) == 0
    assert served == [("127.0.0.1", 8787, None, None, False, [])]


def test_every_option_reaches_the_server(served: list[Any], tmp_path: Path) -> None:
    shops = tmp_path / "shops.toml"
    shops.write_text('[my-shop]\nplatform = "shopify"\nsecrets = ["s"]\nesputnik_key = "k"\n')
    words = "--host 0.0.0.0 --allow-remote --public-host a.example --public-host https://B.example:443/x --port 9000"
    words = f"{words} --esputnik https://esputnik.com/api/ --shops".split()
    assert main(["dev", *words, str(shops)]) == 0
    settings = {"my-shop": {"platform": "shopify", "secrets": ["s"], "esputnik_key": "k"}}
    assert served == [("0.0.0.0", 9000, "https://esputnik.com/api/", settings, True, ["a.example", "b.example"])]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--shops /no/such", "--shops: /no/such: No such file or directory"),
        (
            "--esputnik https://elsewhere.example.com/",
            "--esputnik: 'elsewhere.example.com' is not one of 127.0.0.1, api.yespo.io, esputnik.com",
        ),
        (
            "--esputnik https://evil-esputnik.com/",
            "--esputnik: 'evil-esputnik.com' is not one of 127.0.0.1, api.yespo.io, esputnik.com",
        ),
        (
            "--esputnik https://esputnik.com@elsewhere.example.com/",
            "--esputnik: 'elsewhere.example.com' is not one of 127.0.0.1, api.yespo.io, esputnik.com",
        ),
        ("--esputnik http://esputnik.com/api/", "--esputnik: the URL of esputnik.com must begin with https://"),
        (
            "--host 0.0.0.0",
            "--host 0.0.0.0: other machines could reach this address and post webhooks to it. If they may, add "
            "--allow-remote",
        ),
        (
            "--public-host https://",
            "--public-host: must be the host name of a tunnel, like abc123.ngrok-free.app, not 'https://'",
        ),
        ("--host 192.0.2.1", "cannot listen on 192.0.2.1: it is not an address of this machine"),
        ("--host a..b", "cannot listen on a..b: it is not an address of this machine"),
        ("--esputnik nonsense", "--esputnik: 'nonsense' is not one of 127.0.0.1, api.yespo.io, esputnik.com"),
    ],
)
def test_wrong_option_is_one_line_and_exit_2(served: list[Any], capsys: Captured, words: str, message: str) -> None:
    assert main(["dev", *words.split()]) == 2
    out, err = capsys.readouterr()
    assert (out, served) == ("", [])
    assert err.startswith(f"shopwire dev: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_loopback_address_needs_no_flag(served: list[Any], host: str) -> None:
    assert main(["dev", "--host", host]) == 0
    assert [call[0] for call in served] == [host]


def test_help_says_that_the_next_port_is_used_too(capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        main(["dev", "--help"])
    assert "PORT and PORT+1 are listened on" in capsys.readouterr().out


def test_shop_without_a_secret_is_named_before_anything_starts(capsys: Captured, tmp_path: Path) -> None:
    shops = tmp_path / "shops.toml"
    shops.write_text('[my-shop]\nplatform = "shopify"\nesputnik_key = "hush"\n')
    assert main(["dev", "--shops", str(shops)]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "shopwire dev: --shops: shop my-shop: `secrets` is required\n")


def test_port_in_use_is_one_line_and_exit_1(capsys: Captured) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        assert main(["dev", "--port", str(port)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert (
        err
        == f"shopwire dev: 127.0.0.1:{port} is taken: choose another with --port (PORT and PORT+1 are listened on)\n"
    )
