"""Tests of tools/check_sbom.py: the bill of materials against the lock, and the page of licences."""

import json
import re
from pathlib import Path

import pytest

from tools.check_sbom import ALLOWED, find_problems, licences_page, locked_versions, main, packages_in

ROOT = Path(__file__).parents[2]
LOCK = locked_versions((ROOT / "shared" / "requirements.txt").read_text(encoding="utf-8"))
BILL = {
    "components": [
        {"name": "six", "version": "1.17.0", "licenses": [{"license": {"id": "MIT"}}]},
        {
            "name": "Python_DateUtil",
            "version": "2.9.0",
            "licenses": [
                {"license": {"name": "License :: OSI Approved :: BSD License"}},
                {"license": {"name": "License :: OSI Approved :: Apache Software License"}},
            ],
        },
    ]
}
FOUND = packages_in(BILL)


def test_names_and_licences_are_normalized() -> None:
    assert FOUND == {"six": ("1.17.0", ("MIT",)), "python-dateutil": ("2.9.0", ("Apache-2.0", "BSD-3-Clause"))}
    assert packages_in(
        {"components": [{"name": "x", "version": "1", "licenses": [{"expression": "MIT OR Apache-2.0"}]}]}
    ) == {"x": ("1", ("Apache-2.0", "MIT"))}


def test_package_that_the_layer_leaves_out_is_not_missing() -> None:
    assert list(find_problems(FOUND, {"six": "1.17.0", "python-dateutil": "2.9.0", "boto3": "1.44.5"})) == []


@pytest.mark.parametrize(
    ("found", "lock", "problem"),
    [
        (FOUND, {"six": "1.16.0", "python-dateutil": "2.9.0"}, "six: expected 1.16.0, but the layer has 1.17.0"),
        (FOUND, {"python-dateutil": "2.9.0"}, "six: expected nothing, but the layer has 1.17.0"),
        ({}, {"six": "1.17.0"}, "six: expected 1.17.0, but the layer has nothing"),
        ({"boto3": ("1", ("Apache-2.0",))}, {"boto3": "1"}, "boto3: expected nothing, but the layer has 1"),
        ({"x": ("1", ("AGPL-3.0",))}, {"x": "1"}, "x: a person must review its licence: AGPL-3.0"),
        ({"x": ("1", ())}, {"x": "1"}, "x: a person must review its licence: none declared"),
    ],
)
def test_problem_is_reported(found: dict[str, tuple[str, tuple[str, ...]]], lock: dict[str, str], problem: str) -> None:
    assert list(find_problems(found, lock)) == [problem]


def test_outdated_page_is_reported_and_write_updates_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bill, lock, page = tmp_path / "sbom.json", tmp_path / "lock.txt", tmp_path / "licences.md"
    bill.write_text(json.dumps(BILL))
    lock.write_text("six==1.17.0 \\\n    --hash=sha256:00\npython-dateutil==2.9.0 ; python_version < '3.14'\n")
    page.write_text("old")
    assert main(bill, lock, page, write=False) == 1
    assert "does not match the built layer: run `make licences`" in capsys.readouterr().err
    assert main(bill, lock, page, write=True) == main(bill, lock, page, write=False) == 0
    assert page.read_text() == licences_page(FOUND)


def test_page_in_docs_lists_every_shipped_package_in_its_locked_version() -> None:
    text = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", text, re.MULTILINE)[1:]
    listed = {name: (version, tuple(licences.split(", "))) for name, version, licences in rows}
    assert list(find_problems(listed, LOCK)) == []
    assert all(ALLOWED.issuperset(licences) for _, licences in listed.values())
    assert text == licences_page(listed)
