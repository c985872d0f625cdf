"""The bill of materials and the list of licences: what is held against what."""

import json
import re
from pathlib import Path

import pytest

from tools.check_sbom import ALLOWED, locked, main, packages, problems, table

ROOT = Path(__file__).parents[2]
LOCK = locked((ROOT / "shared" / "requirements.txt").read_text(encoding="utf-8"))
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
FOUND = packages(BILL)


def test_names_and_licences_are_told_in_one_way() -> None:
    assert FOUND == {"six": ("1.17.0", ("MIT",)), "python-dateutil": ("2.9.0", ("Apache-2.0", "BSD-3-Clause"))}
    assert packages(
        {"components": [{"name": "x", "version": "1", "licenses": [{"expression": "MIT OR Apache-2.0"}]}]}
    ) == {"x": ("1", ("Apache-2.0", "MIT"))}


def test_a_bill_of_what_is_locked_is_right_without_what_is_left_out_of_the_layer() -> None:
    assert list(problems(FOUND, {"six": "1.17.0", "python-dateutil": "2.9.0", "boto3": "1.44.5"})) == []


@pytest.mark.parametrize(
    ("found", "lock", "says"),
    [
        (FOUND, {"six": "1.16.0", "python-dateutil": "2.9.0"}, "six: locked 1.16.0, in the layer 1.17.0"),
        (FOUND, {"python-dateutil": "2.9.0"}, "six: locked not at all, in the layer 1.17.0"),
        ({}, {"six": "1.17.0"}, "six: locked 1.17.0, in the layer not at all"),
        ({"boto3": ("1", ("Apache-2.0",))}, {"boto3": "1"}, "boto3: locked not at all, in the layer 1"),
        ({"x": ("1", ("AGPL-3.0",))}, {"x": "1"}, "x: its licence needs a look: AGPL-3.0"),
        ({"x": ("1", ())}, {"x": "1"}, "x: its licence needs a look: none said"),
    ],
)
def test_what_is_wrong_is_named(found: dict[str, tuple[str, tuple[str, ...]]], lock: dict[str, str], says: str) -> None:
    assert list(problems(found, lock)) == [says]


def test_a_list_that_is_not_true_any_more_is_refused_and_made_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bill, lock, listed = tmp_path / "sbom.json", tmp_path / "lock.txt", tmp_path / "licences.md"
    bill.write_text(json.dumps(BILL))
    lock.write_text("six==1.17.0 \\\n    --hash=sha256:00\npython-dateutil==2.9.0 ; python_version < '3.14'\n")
    listed.write_text("old")
    assert main(bill, lock, listed, write=False) == 1
    assert "is not true any more: make licences" in capsys.readouterr().err
    assert main(bill, lock, listed, write=True) == main(bill, lock, listed, write=False) == 0
    assert listed.read_text() == table(FOUND)


def test_the_list_in_the_docs_has_every_package_that_is_shipped_in_the_version_that_is_locked() -> None:
    text = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", text, re.MULTILINE)[1:]
    listed = {name: (version, tuple(licences.split(", "))) for name, version, licences in rows}
    assert list(problems(listed, LOCK)) == []
    assert all(ALLOWED.issuperset(licences) for _, licences in listed.values())
    assert text == table(listed)
