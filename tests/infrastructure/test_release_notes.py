"""What a release says of itself, and when there is none."""

from pathlib import Path

import pytest

from tools.release_notes import NotReady, main, notes

CHANGELOG = "# Changelog\n\n## Unreleased\n\n- later\n\n## 1.2.0 (2026-12-01)\n\n- one\n- two\n\n## 1.1.0\n\n- first\n"


def test_a_release_says_its_own_part_of_the_changelog() -> None:
    assert notes("v1.2.0", "1.2.0", CHANGELOG) == "- one\n- two\n"
    assert notes("v1.1.0", "1.1.0", CHANGELOG) == "- first\n"


@pytest.mark.parametrize(
    ("tag", "version", "says"),
    [
        ("v1.3.0", "1.2.0", "the tag is 'v1.3.0', pyproject.toml's version is 1.2.0"),
        ("1.2.0", "1.2.0", "the tag must be v1.2.0"),
        ("v1.3.0", "1.3.0", "says nothing under '## 1.3.0'"),
        ("v1.2", "1.2", "says nothing under '## 1.2'"),
        ("v1.0.0", "1.0.0", "says nothing"),
    ],
)
def test_a_tag_that_is_not_ready_is_no_release(tag: str, version: str, says: str) -> None:
    with pytest.raises(NotReady) as refused:
        notes(tag, version, CHANGELOG.replace("## 1.1.0\n\n- first\n", "## 1.0.0\n\n"))
    assert says in str(refused.value)


def test_a_wrong_tag_is_one_line_and_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("v0.0.0", tmp_path / "notes.md") == 1
    assert capsys.readouterr().err.startswith("make notes: the tag is 'v0.0.0'")
    assert not (tmp_path / "notes.md").exists()
