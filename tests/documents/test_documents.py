"""Tests of the documents: commands work, links resolve, and named files exist (CONTRIBUTING.md, "Documents").

The words after a fence decide how a block is tested:
- `sh`: the test runs the block against a running `shopwire dev`. A `text` block directly after it is the expected
  output, in which … stands for any text.
- `sh ci`: the block has `make` targets that CI or another test runs.
- `sh account`: the block needs an account or another machine, so the test only parses the calls of shopwire and make.
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
from shopwire_cli.shop_secrets import secrets_of
from shopwire_cli.shops_file import PUBLISHED_SECRETS, SECRET_FIELDS
from shopwire_dev.stack import DevStack
from tests.support.markdown import DOCUMENTS, ROOT, Block, Document, read

TEXTS = [read(path) for path in DOCUMENTS]
each_document = pytest.mark.parametrize("document", TEXTS, ids=lambda document: document.name)

SHELL_FENCES = {("sh",), ("sh", "account"), ("sh", "ci")}
OTHER_FENCES = {"text", "toml", "json", "yaml", "python", "html", "javascript", "mermaid", "diff", "liquid", "php"}
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z-]*):(?!=)", MAKEFILE, re.M))
CI = (ROOT / ".ci" / "run").read_text()
TESTED_ELSEWHERE = {
    "install": "Makefile",  # Every other target needs it.
    "run": "tests/documents/test_documents.py",
    "simulate": "tests/simulation/test_simulation.py",
    "mutants": "tests/simulation/test_mutants.py",
}
"""Targets that .ci/run does not run, and the file that tests them."""

# Files that a command or the reader creates.
CREATED_FILES = {
    "bench/results.json",
    "build/fuzz/findings",
    "page.html",
    "shops.toml",
    "app.py",
    "shopify.app.toml",
    "order.json",
}
SUFFIXES = (".py", ".md", ".toml", ".yaml", ".yml", ".json", ".txt", ".js")
URL = "http://127.0.0.1:8787"


def shell_blocks(document: Document, *words: str) -> list[Block]:
    return [block for block in document.blocks if block.words == ("sh", *words)]


def commands(block: Block) -> list[str]:
    """Return the command lines with continued lines joined, without comments and here-documents."""
    text = re.sub(r"<<'?(\w+)'?\n.*?\n\1$", "", block.text, flags=re.S | re.M).replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def arguments_of(program: str, command: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of the program in a command line."""
    words = shlex.split(command, comments=True)
    for index, word in enumerate(words):
        if word in (program, f".venv/bin/{program}") and (not index or words[index - 1] in ("|", "&&", ";", "exec")):
            rest = words[index + 1 :]
            end = next((n for n, word in enumerate(rest) if re.fullmatch(r"\||&&|;|[<>].*|\d>.*", word)), len(rest))
            yield rest[:end]


@each_document
def test_every_block_has_a_known_fence(document: Document) -> None:
    for block in document.blocks:
        if block.words[:1] == ("sh",):
            known = block.words in SHELL_FENCES
        else:
            known = bool(block.words) and block.words[0] in OTHER_FENCES
        assert known, f"{document.name}:{block.line}: ```{' '.join(block.words)}"


# --- sh: the test runs the block


@pytest.fixture
def dev() -> Iterator[DevStack]:
    stack = DevStack()
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
def folder(dev: DevStack, tmp_path: Path) -> Path:
    """A copy of the repository, made of links, so that new files do not get into it. Its shopwire uses this test's
    `dev`."""
    for path in ROOT.iterdir():
        if path.name not in (".venv", ".git"):
            (tmp_path / path.name).symlink_to(path)
    program = tmp_path / ".venv" / "bin" / "shopwire"
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!{sys.executable}\nimport sys, shopwire_cli.parser\nshopwire_cli.parser.DEV_URL = {dev.url!r}\n"
        "from shopwire_cli.main import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("document", list(filter(shell_blocks, TEXTS)), ids=lambda document: document.name)
def test_commands_work_and_print_the_documented_output(document: Document, dev: DevStack, folder: Path) -> None:
    for block, next_block in zip(document.blocks, [*document.blocks[1:], None], strict=True):
        location = f"{document.name}:{block.line}"
        if block.words[:1] == ("toml",) and len(block.words) == 2:
            (folder / block.words[1]).write_text(block.text)
        if block.words != ("sh",):
            continue
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text.replace(URL, dev.url)],
            cwd=folder,
            env=os.environ | {"PATH": f"{folder / '.venv' / 'bin'}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        printed = result.stdout.replace(dev.url, URL).strip()
        assert result.returncode == 0, f"{location}:\n{printed}"
        if next_block and next_block.words == ("text",) and next_block.line - block.line <= block.text.count("\n") + 4:
            expected = ".*".join(map(re.escape, next_block.text.strip().split("…")))
            assert re.fullmatch(expected, printed, re.S), f"{location} prints:\n{printed}"


# --- sh ci, sh account: the test only parses the commands


@each_document
def test_every_make_target_is_run_by_ci_or_by_a_test(document: Document) -> None:
    for block in shell_blocks(document, "ci"):
        for command in commands(block):
            calls = list(arguments_of("make", command))
            assert calls, f"{document.name}:{block.line}: {command}: a `sh ci` block may only call make"
            for target in (word for arguments in calls for word in arguments if "=" not in word):
                in_ci = re.search(rf"^make {target}\b", CI, re.M)
                assert target in TARGETS, f"{document.name}:{block.line}: make {target}"
                assert in_ci or (ROOT / TESTED_ELSEWHERE.get(target, "-")).exists(), (
                    f"{document.name}:{block.line}: neither CI nor a test runs make {target}"
                )


@each_document
def test_commands_that_are_not_run_can_be_parsed(document: Document) -> None:
    for block in (*shell_blocks(document, "account"), *shell_blocks(document, "ci")):
        for command in commands(block):
            for arguments in arguments_of("shopwire", command):
                make_parser(arguments).parse_args(arguments)  # A wrong argument exits with an error.
            for arguments in arguments_of("make", command):
                assert {word for word in arguments if "=" not in word} <= TARGETS, f"{document.name}: {command}"


@each_document
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


def test_make_run_gets_ready_and_ends_with_ctrl_c() -> None:
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
    os.killpg(run.pid, signal.SIGINT)  # A terminal also sends the signal to the whole process group.
    run.communicate(timeout=30)


# --- examples, links and names of files


def test_shopify_page_lists_the_topics_that_shopwire_uses() -> None:
    blocks = read(ROOT / "docs/platforms/shopify.md").blocks
    (app,) = (block for block in blocks if block.words == ("toml", "shopify.app.toml"))
    (subscription,) = tomllib.loads(app.text)["webhooks"]["subscriptions"]
    topics = {*subscription["topics"], *subscription["compliance_topics"]}
    assert topics == {topic.name for topic in platforms.get("shopify").topics if topic.connect}


def test_woocommerce_page_lists_the_topics_that_shopwire_uses() -> None:
    text = (ROOT / "docs/platforms/woocommerce.md").read_text()
    topics = {".".join(words).lower() for words in re.findall(r"\*(Order|Customer) (\w+)\*", text)}
    assert topics == {topic.name for topic in platforms.get("woocommerce").topics if topic.connect}


@each_document
def test_examples_of_settings_and_json_are_valid(document: Document) -> None:
    for block in document.blocks:
        if block.words[:1] == ("json",):
            json.loads(block.text)
        if block.words[:1] == ("toml",):
            for id, fields in tomllib.loads(block.text).items():
                if isinstance(fields, dict) and "esputnik_key" in fields:
                    parse_shop(id, fields)
                    secrets = {secret for name in SECRET_FIELDS for secret in secrets_of(fields, name)}
                    assert secrets <= PUBLISHED_SECRETS, (
                        f"{document.name}: `shopwire shop put` must refuse the secrets of the examples. Use a secret "
                        "of _SECRETS_IN_DOCUMENTS (cli/shopwire_cli/shops_file.py), or add this one there."
                    )


@each_document
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
    """Return the paths of the repository's files and folders, except hidden ones."""
    return [
        path.relative_to(ROOT).as_posix()
        for top in ROOT.iterdir()
        if not top.name.startswith(".") or top.name in (".ci", ".github", ".gitignore")
        for path in ((top, *top.rglob("*")) if top.is_dir() else (top,))
    ]


@each_document
def test_every_named_file_exists(document: Document) -> None:
    for code in document.codes:
        name = re.sub(r"<[^>]*>|\*", "*", code.rstrip("/"))
        if code in CREATED_FILES or not re.fullmatch(r"[\w.*-][\w.*/-]*", name):
            continue
        in_folder = "/" in name and (ROOT / name.partition("/")[0]).is_dir()
        if in_folder or name.endswith(SUFFIXES):
            pattern = re.compile(r"(.*/)?" + re.escape(name).replace(r"\*", "[^/]*"))
            assert any(map(pattern.fullmatch, files())), f"{document.name}: {code}"
