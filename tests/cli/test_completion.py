"""`shopwire completion`: what the Tab key offers, and the script of bash in a real bash."""

import subprocess
import sys
from pathlib import Path

import pytest

from shopwire.platforms import NAMES
from shopwire_cli.commands import COMMANDS
from shopwire_cli.completion import SCRIPTS
from shopwire_cli.main import main

Captured = pytest.CaptureFixture[str]


def offered(capsys: Captured, words: str) -> list[str]:
    """Return what is offered for the last word, which may be empty."""
    assert main(["completion", "--words", *words.split(" ")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", sorted(COMMANDS)),
        ("help pa", ["parked"]),
        ("s", ["secret", "send", "shop", "simulate"]),
        ("parked ", ["list", "replay", "show"]),
        ("parked list --u", ["--url", "--utc"]),
        ("shop put shops.toml --dry", ["--dry-run"]),
        ("map s", ["shopify", "storefront"]),
        ("map --new woo", ["woocommerce"]),
        ("map woocommerce order.c", ["order.created"]),
        ("map --region UA woocommerce order.c", ["order.created"]),
        ("map --item-id ", ["product", "sku", "variant"]),
        ("send shopify orders/updated--ref", ["orders/updated--refunded"]),
        ("send shopify orders/create ", []),  # a file
        ("send shopify orders/create order.json x", []),
        ("map nonsense ", []),
        ("nonsense ", []),
        ("completion ", ["bash", "fish", "zsh"]),
        ("map --contact ", []),
    ],
)
def test_words_are_those_of_the_parsers(capsys: Captured, words: str, found: list[str]) -> None:
    assert offered(capsys, words) == found


@pytest.mark.parametrize("shell", SCRIPTS)
def test_script_asks_the_command_that_is_typed(capsys: Captured, shell: str) -> None:
    assert main(["completion", shell]) == 0
    assert "completion --words" in capsys.readouterr().out


def test_bash_offers_the_words(tmp_path: Path) -> None:
    program = tmp_path / "shopwire"
    program.write_text(f"#!{sys.executable}\nimport sys\nfrom shopwire_cli.main import main\nsys.exit(main())\n")
    program.chmod(0o755)
    script = f"""
eval "$({program} completion bash)"
COMP_WORDS=({program} send shopify orders/updated--p) COMP_CWORD=3
_shopwire
printf '%s\\n' "${{COMPREPLY[@]}}"
COMP_WORDS=({program} send "") COMP_CWORD=2
_shopwire
echo "${{COMPREPLY[*]}}"
complete -p shopwire
"""
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    *samples, platforms, registered = run.stdout.splitlines()
    assert samples == [
        "orders/updated--partly_refunded",
        "orders/updated--presentment",
    ]
    assert platforms == " ".join(sorted(NAMES))
    assert registered == "complete -o default -F _shopwire shopwire"
