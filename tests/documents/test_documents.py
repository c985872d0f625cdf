"""Every document is true: its commands work, its links resolve, what it names exists (CONTRIBUTING.md, "Documents").

The words behind a fence decide: `sh` is run here, block by block, against a running `shopwire dev`, and a `text` block
right behind it is what it prints (… stands for anything); `sh ci` holds `make` targets which CI or the suite runs;
`sh account` needs an account or a machine that is not here, so that only the words of shopwire and make are checked.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from shopwire import platforms
from shopwire.shops import parse_shop
from shopwire_cli.main import make_parser
from shopwire_cli.shops_file import PUBLISHED_SECRETS
from shopwire_dev.stack import DevStack
from tests.support.markdown import DOCUMENTS, ROOT, Block, Document, read

TEXTS = [read(path) for path in DOCUMENTS]
NAMED = pytest.mark.parametrize("document", TEXTS, ids=lambda one: one.name)

SHELLS = {("sh",), ("sh", "account"), ("sh", "ci")}
OTHERS = {"text", "toml", "json", "yaml", "python", "html", "javascript", "mermaid", "diff", "liquid", "php"}
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z-]*):(?!=)", MAKEFILE, re.M))
CI = (ROOT / ".ci" / "run").read_text()
ELSEWHERE = {
    "install": "Makefile",  # every other target needs it
    "run": "tests/documents/test_documents.py",
    "simulate": "tests/simulation/test_simulation.py",
    "mutants": "tests/simulation/test_mutants.py",
}
"""Targets that .ci/run does not run, and where they are tried instead."""

# Made by a command, or by the reader.
MADE = {"bench/results.json", "page.html", "shops.toml", "app.py", "shopify.app.toml", "order.json"}
SUFFIXES = (".py", ".md", ".toml", ".yaml", ".yml", ".json", ".txt", ".js")
URL = "http://127.0.0.1:8787"


def shell_blocks(document: Document, *words: str) -> list[Block]:
    return [block for block in document.blocks if block.words == ("sh", *words)]


def commands(block: Block) -> list[str]:
    """Its command lines: joined where they go on, without comments and other commands' input."""
    text = re.sub(r"<<'?(\w+)'?\n.*?\n\1$", "", block.text, flags=re.S | re.M).replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def words_of(command: str, program: str) -> Iterator[list[str]]:
    """The arguments of each call of the program in a command line."""
    words = shlex.split(command, comments=True)
    for place, word in enumerate(words):
        if word in (program, f".venv/bin/{program}") and (not place or words[place - 1] in ("|", "&&", ";", "exec")):
            rest = words[place + 1 :]
            end = next((n for n, one in enumerate(rest) if re.fullmatch(r"\||&&|;|[<>].*|\d>.*", one)), len(rest))
            yield rest[:end]


@NAMED
def test_every_block_says_what_it_is(document: Document) -> None:
    for block in document.blocks:
        known = block.words in SHELLS if block.words[:1] == ("sh",) else block.words[:1] and block.words[0] in OTHERS
        assert known, f"{document.name}:{block.line}: ```{' '.join(block.words)}"


# --- sh: run here


@pytest.fixture
def dev() -> Iterator[DevStack]:
    stack = DevStack()
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
def folder(dev: DevStack, tmp_path: Path) -> Path:
    """Where a reader stands: the repository, but that what is written stays out of it; shopwire finds our `dev`."""
    for one in ROOT.iterdir():
        if one.name not in (".venv", ".git"):
            (tmp_path / one.name).symlink_to(one)
    program = tmp_path / ".venv" / "bin" / "shopwire"
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!{sys.executable}\nimport sys, shopwire_cli.parser\nshopwire_cli.parser.DEV_URL = {dev.url!r}\n"
        "from shopwire_cli.main import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("document", [one for one in TEXTS if shell_blocks(one)], ids=lambda one: one.name)
def test_every_command_works_and_prints_what_the_document_says(document: Document, dev: DevStack, folder: Path) -> None:
    for block, follower in zip(document.blocks, [*document.blocks[1:], None], strict=True):
        where = f"{document.name}:{block.line}"
        if block.words[:1] == ("toml",) and len(block.words) == 2:
            (folder / block.words[1]).write_text(block.text)
        if block.words != ("sh",):
            continue
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text.replace(URL, dev.url)],
            cwd=folder,
            env=os.environ | {"PATH": f"{folder / '.venv' / 'bin'}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        printed = ran.stdout.replace(dev.url, URL).strip()
        assert ran.returncode == 0, f"{where}:\n{printed}"
        if follower and follower.words == ("text",) and follower.line - block.line <= block.text.count("\n") + 4:
            expected = ".*".join(map(re.escape, follower.text.strip().split("…")))
            assert re.fullmatch(expected, printed, re.S), f"{where} prints:\n{printed}"


# --- sh ci, sh account: checked


@NAMED
def test_every_make_target_is_run_by_ci_or_by_the_suite(document: Document) -> None:
    for block in shell_blocks(document, "ci"):
        for command in commands(block):
            called = list(words_of(command, "make"))
            assert called, f"{document.name}:{block.line}: {command}: only make here"
            for target in (word for words in called for word in words if "=" not in word):
                known = re.search(rf"^make {target}\b", CI, re.M) or (ROOT / ELSEWHERE.get(target, "-")).exists()
                assert target in TARGETS, f"{document.name}:{block.line}: make {target}"
                assert known, f"{document.name}:{block.line}: make {target} is run by nobody"


@NAMED
def test_commands_that_cannot_be_run_here_can_at_least_be_typed(document: Document) -> None:
    for block in (*shell_blocks(document, "account"), *shell_blocks(document, "ci")):
        for command in commands(block):
            for words in words_of(command, "shopwire"):
                make_parser(words).parse_args(words)  # exits with what is wrong
            for words in words_of(command, "make"):
                assert {word for word in words if "=" not in word} <= TARGETS, f"{document.name}: {command}"


@NAMED
def test_commands_in_the_text_exist(document: Document) -> None:
    for code in document.codes:
        words = code.removeprefix(".venv/bin/").split()
        if words[0] == "make" and len(words) > 1 and re.fullmatch("[a-z-]+", words[1]):
            assert words[1] in TARGETS, f"{document.name}: {code}"
        if words[0] == "shopwire" and len(words) > 1:
            names = [word.split("|")[0] for word in words[1:3] if re.fullmatch(r"[a-z]+(\|[a-z]+)*", word)]
            with pytest.raises(SystemExit) as end:
                make_parser(names).parse_args([*names[:1], "--help"])
            assert end.value.code == 0, f"{document.name}: {code}"


def test_make_run_is_ready_and_ends_with_ctrl_c() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    run = subprocess.Popen(
        ["make", "run", "ARGS=--port 0"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout
    assert any(line.startswith("ready http://127.0.0.1:") for line in run.stdout)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    run.communicate(timeout=30)


# --- what is shown and named


def test_the_topics_to_subscribe_to_at_shopify_are_those_that_mean_something() -> None:
    (app,) = (
        one for one in read(ROOT / "docs/platforms/shopify.md").blocks if one.words == ("toml", "shopify.app.toml")
    )
    (wanted,) = tomllib.loads(app.text)["webhooks"]["subscriptions"]
    asked = {*wanted["topics"], *wanted["compliance_topics"]}
    assert asked == {topic.name for topic in platforms.get("shopify").topics if topic.connect}


def test_the_topics_to_subscribe_to_at_woocommerce_are_those_that_mean_something() -> None:
    text = (ROOT / "docs/platforms/woocommerce.md").read_text()
    asked = {".".join(words).lower() for words in re.findall(r"\*(Order|Customer) (\w+)\*", text)}
    assert asked == {topic.name for topic in platforms.get("woocommerce").topics if topic.connect}


@NAMED
def test_settings_and_json_that_are_shown_are_right(document: Document) -> None:
    for block in document.blocks:
        if block.words[:1] == ("json",):
            json.loads(block.text)
        if block.words[:1] == ("toml",):
            for id, fields in tomllib.loads(block.text).items():
                if isinstance(fields, dict) and "esputnik_key" in fields:
                    parse_shop(id, fields)
                    assert set(fields["secrets"]) <= PUBLISHED_SECRETS, "nobody may use an example's"


@NAMED
def test_every_link_into_the_repository_resolves(document: Document) -> None:
    for link in document.links:
        path, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        target = document.path.parent / path if path else document.path
        assert target.exists(), f"{document.name}: {link}"
        if anchor:
            assert anchor in read(target).anchors, f"{document.name}: {link}"


@cache
def files() -> list[str]:
    """The repository's files and folders, but what is hidden or was made."""
    return [
        path.relative_to(ROOT).as_posix()
        for top in ROOT.iterdir()
        if not top.name.startswith(".") or top.name in (".ci", ".github", ".gitignore")
        for path in ((top, *top.rglob("*")) if top.is_dir() else (top,))
    ]


@NAMED
def test_every_file_that_is_named_exists(document: Document) -> None:
    for code in document.codes:
        name = re.sub(r"<[^>]*>|\*", "*", code.rstrip("/"))
        if code in MADE or not re.fullmatch(r"[\w.*-][\w.*/-]*", name):
            continue
        below_a_folder = "/" in name and (ROOT / name.partition("/")[0]).is_dir()
        if below_a_folder or name.endswith(SUFFIXES):
            pattern = re.compile(r"(.*/)?" + re.escape(name).replace(r"\*", "[^/]*"))
            assert any(map(pattern.fullmatch, files())), f"{document.name}: {code}"
