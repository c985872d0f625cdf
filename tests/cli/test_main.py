"""The command line as a whole: help, version, wrong arguments, exit codes, and the packages that the help imports."""

import json
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import shopwire_cli.commands
from shopwire_cli import mapping
from shopwire_cli.commands import COMMANDS
from shopwire_cli.main import main

ACTIONS = [
    "parked list",
    "parked show",
    "parked replay",
    "shop put",
    "shop list",
    "shop show",
    "shop remove",
    "secret new",
]


def exit_code(arguments: str) -> int:
    """Run the command, and return its exit code even if argparse ends the process."""
    try:
        return main(arguments.split())
    except SystemExit as end:
        return int(end.code or 0)


def test_every_command_is_in_commands() -> None:
    modules = {module.name for module in pkgutil.iter_modules(shopwire_cli.commands.__path__)}
    assert modules == set(COMMANDS)


@pytest.mark.parametrize("command", [*COMMANDS, *ACTIONS])
def test_help_shows_an_example_that_can_be_typed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(f"{command} --help") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: shopwire {command}")
    assert f"\n  shopwire {command}" in out.partition("example")[2]


@pytest.mark.parametrize("arguments", ["--help", ""])
def test_help_without_a_command_names_every_command(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert all(f"\n    {command} " in out for command in COMMANDS)
    assert "\n  shopwire send " in out.partition("examples:")[2]


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--version") == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(r"shopwire \d+\.\d+\.\d+\n", out)
    assert err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--bogus", "shopwire: there is no option --bogus (see"),
        ("--verzion", "shopwire: there is no option --verzion (did you mean --version?)"),
        ("bogus", "shopwire: there is no command 'bogus': choose one of map, send, dev, tail, "),
        ("prked list", "shopwire: there is no command 'prked' (did you mean parked?): choose one of "),
        ("help prked", "shopwire: there is no command 'prked' (did you mean parked?): choose one of "),
        ("parked lst", "shopwire parked: there is no action 'lst' (did you mean list?): choose one of list, show, "),
        ("send shopify orders/create --frsh", "shopwire send: there is no option --frsh (did you mean --fresh?)"),
        ("send shopify orders/crate", "shopwire send: no sample 'orders/crate' (did you mean orders/create?): "),
        (
            "send shopify orders/create --shop demo-shopfy",
            "shopwire send: there is no shop 'demo-shopfy' (did you mean demo-shopify?): choose one of ",
        ),
        ("map shopfy orders/create", "shopwire map: there is no platform 'shopfy' (did you mean shopify?): choose one"),
        (
            "map shopify orders/create x --item-id skuu",
            "shopwire map: --item-id: must be one of variant, product, sku, not 'skuu' (did you mean sku?)",
        ),
        ("simulate --seed x", "shopwire simulate: argument --seed: must be a whole number, not 'x'"),
        ("completion csh", "shopwire completion: there is no shell 'csh'"),
        ("map", "shopwire map: the following arguments are required: PLATFORM, TOPIC"),
        ("map shopify", "shopwire map: the following arguments are required: TOPIC"),
        ("map shopify orders/create --known --new", "shopwire map: argument --new: not allowed with argument --known"),
        ("map shopify orders/create a b", "shopwire map: one argument too many: b"),
        (
            "map magento order.created",
            "shopwire map: there is no platform 'magento': choose one of shopify, woocommerce",
        ),
        ("map saleor order", "shopwire map: saleor is not supported yet"),
        ("map adobe-commerce order", "shopwire map: adobe-commerce is not supported yet"),
        ("map horoshop order", "shopwire map: horoshop is not supported yet"),
        ("send", "shopwire send: name PLATFORM and TOPIC"),
        ("send shopify", "shopwire send: name PLATFORM and TOPIC"),
        ("send magento x", "shopwire send: there is no platform 'magento'"),
        (
            "send shopify orders/create --url http://127.0.0.1:8787/webhooks/my-shop",
            "shopwire send: argument --url: must be the address of shopwire alone, without /webhooks/my-shop",
        ),
        (
            "send shopify orders/create --count 0",
            "shopwire send: argument --count: must be a whole number of at least 1, not '0'",
        ),
        (
            "send shopify orders/create --count x",
            "shopwire send: argument --count: must be a whole number of at least 1, not 'x'",
        ),
        ("dev --port 65535", "shopwire dev: argument --port: must be a port number from 0 to 65534, not '65535'"),
        ("dev --port x", "shopwire dev: argument --port: must be a port number from 0 to 65534, not 'x'"),
        (
            "inspect --port 65536",
            "shopwire inspect: argument --port: must be a port number from 0 to 65535, not '65536'",
        ),
        ("parked", "shopwire parked: the following arguments are required: ACTION"),
        ("parked replay", "shopwire parked: name the ids to replay, or use --all"),
        ("parked replay --all x.1.2", "shopwire parked: name the ids to replay, or use --all"),
        (
            "parked show x.1.2 --url nowhere",
            "shopwire parked: --url: nowhere/dev/parked/x.1.2 is not an address: write it like http://127.0.0.1:8787",
        ),
    ],
)
def test_wrong_arguments_print_one_line_and_exit_with_2(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(message)
    assert err.count("\n") == 1


def test_ctrl_c_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import shopwire_cli.commands.map

    def interrupted(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(shopwire_cli.commands.map, "run", interrupted)
    assert exit_code("map shopify orders/create") == 130
    assert capsys.readouterr() == ("", "")


def test_a_closed_pipe_ends_without_a_traceback(tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"note": "x" * 300_000}))
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        code = "import sys; from shopwire_cli.main import main; sys.exit(main(sys.argv[1:]))"
        ended = subprocess.run(
            [sys.executable, "-c", code, "map", "shopify", "no/such/topic", str(body)],
            stdout=write_end,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(write_end)
    assert ended.returncode == 1
    assert b"Traceback" not in ended.stderr
    assert b"BrokenPipe" not in ended.stderr


def test_help_loads_no_slow_package() -> None:
    code = (
        "import sys; from shopwire_cli.commands import COMMANDS; from shopwire_cli.main import make_parser;"
        "[make_parser([name]) for name in COMMANDS];"
        "print([name for name in ('pydantic', 'boto3', 'requests') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert ended.stdout == b"[]\n"


def test_registered_platform_is_supported_though_it_was_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "PLANNED_PLATFORMS", ("shopify",))
    assert mapping.find_platform("shopify").name == "shopify"
