"""docs/threats.md: each row names a test that exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split(" | "))
    for line in (ROOT / "docs/threats.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| (?!arrow)", line)
]
ARROWS = {"internet → webhook", "browser → storefront", "function → API", "function → AWS"} | {
    "command line",
    "inspector",
    "pipeline",
}


def test_every_arrow_of_the_picture_has_rows() -> None:
    assert {row[0] for row in ROWS} == ARROWS


def test_no_threat_is_listed_twice() -> None:
    threats = [row[:2] for row in ROWS]
    assert len(threats) == len(set(threats)) > 30


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_row_names_a_test_that_exists(row: tuple[str, ...]) -> None:
    assert len(row) == 4
    assert all(row)
    found = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", row[3])
    assert found, f"{row[3]}: write `tests/path/test_file.py::test_name`"
    tree = ast.parse((ROOT / found[1]).read_text(encoding="utf-8"))
    assert found[2] in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
