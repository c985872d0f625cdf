"""Tests of tables in the documents that repeat something from the code."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from shopwire import platforms
from shopwire.delivery.reasons import SENTENCES
from shopwire.models import Reason, Shop
from shopwire_emulator.faults import MODES
from shopwire_emulator.settings import AccountSettings
from shopwire_inspector.faults import API_MODES
from tests.support.markdown import ROOT

DECISIONS = sorted((ROOT / "docs/decisions").glob("0*.md"))


def rows(page: str) -> list[tuple[str, ...]]:
    """Return the cells of each table row of the page."""
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines if line.startswith("|")]


def test_operate_page_has_the_sentence_of_every_reason() -> None:
    codes = {f"`{reason}`" for reason in Reason}
    documented = [row for row in rows("docs/operate.md") if row[0] in codes]
    assert documented == [(f"`{reason}`", SENTENCES[reason]) for reason in Reason]


def test_shops_page_has_every_setting() -> None:
    documented = {name for row in rows("docs/shops.md") for name in re.findall(r"`(\w+)`", row[0])}
    assert documented == Shop.model_fields.keys() - {"id"}


def test_emulator_page_has_every_setting_and_fault_mode() -> None:
    documented = {name for row in rows("docs/emulator.md") for name in re.findall(r"`(\w+)`", row[0])}
    assert documented >= {field.name for field in fields(AccountSettings)} | set(MODES) - {"ok"}


def test_inspector_offers_every_fault_mode_of_the_emulator() -> None:
    assert API_MODES.keys() == set(MODES)


@pytest.mark.parametrize("name", platforms.OF_SHOPS)
def test_readme_has_a_row_that_links_to_the_page_of_each_platform(name: str) -> None:
    page = f"docs/platforms/{name}.md"
    assert (ROOT / page).exists(), f"{page} is missing"
    assert any(f"]({page})" in row[-1] for row in rows("README.md")), f"README.md has no row that links to {page}"


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_decision_has_status_and_date_and_is_in_the_index(path: Path) -> None:
    title, status = path.read_text(encoding="utf-8").splitlines()[:3:2]
    number, name = re.fullmatch(r"# (\d+)\. (.+)", title).groups()  # type: ignore[union-attr]
    assert re.fullmatch(r"Status: (accepted|replaced by \[\d+\]\(.+\))\. Date: \d{4}-\d\d-\d\d\.", status)
    assert (f"[{number}]({path.name})", name) in rows("docs/decisions/README.md")
