"""What can be typed: help, wrong arguments, and how a command ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shopwire_cli.main import main

COMMANDS = [
    "map",
    "send",
    "dev",
    "parked",
    "parked list",
    "parked show",
    "parked replay",
    "shop",
    "shop put",
    "shop list",
    "shop show",
    "shop remove",
]
COMMANDS += ["secret", "secret new"]


def ends(arguments: str) -> int:
    """The exit code, however the command ends."""
    try:
        return main(arguments.split())
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example_that_can_be_typed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(f"{command} --help") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: shopwire {command}")
    assert f"\n  shopwire {command}" in out.partition("example")[2]


def test_help_of_the_whole_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends("--help") == 0
    out = capsys.readouterr().out
    assert all(f"\n    {command} " in out for command in ("map", "send", "dev", "parked", "shop", "secret"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("", "shopwire: the following arguments are required: COMMAND"),
        ("bogus", "shopwire: argument COMMAND: invalid choice: 'bogus'"),
        ("map", "shopwire map: the following arguments are required: PLATFORM, TOPIC"),
        ("map shopify", "shopwire map: the following arguments are required: TOPIC"),
        ("map shopify orders/create --known --new", "shopwire map: argument --new: not allowed with argument --known"),
        ("map shopify orders/create a b", "shopwire: unrecognized arguments: b"),
        ("map magento order.created", "shopwire map: no platform 'magento': one of shopify, woocommerce"),
        ("map bigcommerce store/order/created", "shopwire map: bigcommerce is not supported yet"),
        ("map adobe-commerce order", "shopwire map: adobe-commerce is not supported yet"),
        ("send", "shopwire send: PLATFORM and TOPIC are needed"),
        ("send shopify", "shopwire send: PLATFORM and TOPIC are needed"),
        ("send magento x", "shopwire send: no platform 'magento'"),
        ("send shopify orders/create --count 0", "shopwire send: argument --count: at least 1"),
        ("send shopify orders/create --count x", "shopwire send: argument --count: invalid number value: 'x'"),
        ("dev --port 65536", "shopwire dev: argument --port: a port is 0 to 65535"),
        ("parked", "shopwire parked: the following arguments are required: ACTION"),
        ("parked replay", "shopwire parked: which ones? ID ..., or --all"),
        ("parked replay --all x.1.2", "shopwire parked: which ones? ID ..., or --all"),
        ("parked show x.1.2 --url nowhere", "shopwire parked: --url: nowhere/dev/parked/x.1.2 is no address"),
    ],
)
def test_wrong_arguments_are_one_line_on_stderr_and_exit_2(
    arguments: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(says)
    assert err.count("\n") == 1


def test_ctrl_c_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import shopwire_cli.commands.map

    def interrupted(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(shopwire_cli.commands.map, "run", interrupted)
    assert ends("map shopify orders/create") == 130
    assert capsys.readouterr() == ("", "")


def test_a_reader_that_has_enough_ends_without_a_traceback(tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"note": "x" * 300_000}))
    reading, writing = os.pipe()
    os.close(reading)
    try:
        code = "import sys; from shopwire_cli.main import main; sys.exit(main(sys.argv[1:]))"
        ended = subprocess.run(
            [sys.executable, "-c", code, "map", "shopify", "no/such/topic", str(body)],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writing)
    assert ended.returncode == 1
    assert b"Traceback" not in ended.stderr
    assert b"BrokenPipe" not in ended.stderr


def test_starting_up_loads_nothing_heavy() -> None:
    code = (
        "import sys; from shopwire_cli.main import _parser; _parser();"
        "print([one for one in ('pydantic', 'boto3', 'requests', 'shopwire.models') if one in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert ended.stdout == b"[]\n"
