"""Tests of tools/release_notes.py: which text a release gets, and which tags cannot be released."""

from pathlib import Path

import pytest

from tools.release_notes import ReleaseError, main, release_notes

CHANGELOG = "# Changelog\n\n## Unreleased\n\n- later\n\n## 1.2.0 (2026-12-01)\n\n- one\n- two\n\n## 1.1.0\n\n- first\n"


def test_notes_are_the_versions_section_of_the_changelog() -> None:
    assert release_notes("v1.2.0", "1.2.0", CHANGELOG) == "- one\n- two\n"
    assert release_notes("v1.1.0", "1.1.0", CHANGELOG) == "- first\n"


@pytest.mark.parametrize(
    ("tag", "version", "message"),
    [
        ("v1.3.0", "1.2.0", "the tag is 'v1.3.0', but pyproject.toml has version 1.2.0"),
        ("1.2.0", "1.2.0", "the tag must be v1.2.0"),
        ("v1.3.0", "1.3.0", "has no entry below '## 1.3.0'"),
        ("v1.2", "1.2", "has no entry below '## 1.2'"),
        ("v1.0.0", "1.0.0", "has no entry"),
    ],
)
def test_tag_without_matching_version_or_notes_is_rejected(tag: str, version: str, message: str) -> None:
    with pytest.raises(ReleaseError) as error:
        release_notes(tag, version, CHANGELOG.replace("## 1.1.0\n\n- first\n", "## 1.0.0\n\n"))
    assert message in str(error.value)


def test_rejected_tag_prints_one_line_and_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("v0.0.0", tmp_path / "notes.md") == 1
    assert capsys.readouterr().err.startswith("make notes: the tag is 'v0.0.0'")
    assert not (tmp_path / "notes.md").exists()
