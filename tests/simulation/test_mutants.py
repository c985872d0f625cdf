"""The simulation catches planted bugs. Here it catches the quick ones; `make mutants` plants all of them."""

import subprocess
from pathlib import Path

import pytest

from shopwire_simulation.mutants import runner
from shopwire_simulation.mutants.patches import PROJECT, PatchError, PlantedBug, apply, check, copy_code, read_bugs
from shopwire_simulation.mutants.runner import main, simulate_bug

BUGS = read_bugs()
QUICK = [bug for bug in BUGS if bug.quick]
NAME = "shared/number.py"
PATCH = """A number is wrong.
Quick: no

--- a/shared/number.py
+++ b/shared/number.py
@@ -11,3 +11,3 @@
 first = 1
-second = 2
+second = 3\t
 third = 3
"""
CODE = "before = 0\n" * 10 + "first = 1\nsecond = 2\nthird = 3\n"


def _write_bug(folder: Path, text: str = PATCH) -> PlantedBug:
    (folder / "wrong-number.patch").write_text(text)
    (bug,) = read_bugs(folder)
    return bug


def _write_code(folder: Path, text: str = CODE) -> Path:
    path = folder / "shared" / "number.py"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("copy")
    copy_code(folder)
    return folder


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_patch_applies_to_the_code(bug: PlantedBug, copy: Path) -> None:
    check(bug, copy)


def test_there_are_enough_bugs_and_most_are_quick() -> None:
    assert len(BUGS) >= 90
    assert len(QUICK) >= len(BUGS) / 2


@pytest.mark.parametrize("bug", QUICK, ids=lambda bug: bug.name)
def test_planted_bug_is_caught(bug: PlantedBug) -> None:
    assert simulate_bug(bug).kind is not None


def test_code_that_cannot_be_simulated_is_an_error_with_its_traceback(tmp_path: Path) -> None:
    first_line = (PROJECT / "shared/shopwire/errors.py").read_text().splitlines()[0]
    header = "Nothing can be imported.\nQuick: no\n\n--- a/shared/shopwire/errors.py\n+++ b/shared/shopwire/errors.py\n"
    bug = _write_bug(tmp_path, f"{header}@@ -1 +1,2 @@\n+1 / 0\n {first_line}\n")
    with pytest.raises(RuntimeError, match=r"(?s)wrong-number: the process ended with 0: .*ZeroDivisionError"):
        simulate_bug(bug)


def test_first_lines_of_a_patch_describe_the_bug(tmp_path: Path) -> None:
    bug = _write_bug(tmp_path)
    assert (bug.name, bug.description, bug.quick, bug.found) == ("wrong-number", "A number is wrong.", False, "")
    text = PATCH.replace("Quick: no", "Step: burst 25\nFound: number 3\nQuick: yes")
    bug = _write_bug(tmp_path, text)
    assert (bug.description, bug.step, bug.quick, bug.found) == ("A number is wrong.", "burst 25", True, "number 3")
    assert bug.platform is None
    bug = _write_bug(tmp_path, text.replace("Quick: yes", "Platform: bigcommerce\nQuick: yes"))
    assert (bug.found, bug.platform) == ("number 3", "bigcommerce")
    assert bug.changed_files == ("shared/number.py",)


@pytest.mark.parametrize("text", [PATCH.removeprefix("A number is wrong.\n"), PATCH.replace("Quick: no\n", "")])
def test_patch_without_its_first_lines_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(PatchError, match=r"wrong-number\.patch: the first lines must say"):
        _write_bug(tmp_path, text)


def test_patch_applies_although_the_lines_moved(tmp_path: Path) -> None:
    path = _write_code(tmp_path, "moved = 0\n" * 30 + CODE)
    apply(_write_bug(tmp_path), tmp_path)
    assert path.read_text().endswith("first = 1\nsecond = 3\t\nthird = 3\n")


def test_patch_that_does_not_apply_is_an_error_with_its_name(tmp_path: Path) -> None:
    _write_code(tmp_path, "other = 1\n")
    with pytest.raises(PatchError, match=r"(?s)wrong-number\.patch does not apply.*git diff"):
        apply(_write_bug(tmp_path), tmp_path)


def test_surrounding_repository_and_git_settings_have_no_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitconfig").write_text("[apply]\nwhitespace = error-all\n[core]\nautocrlf = true\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    folder = tmp_path / "copy"
    path = _write_code(folder)
    apply(_write_bug(tmp_path, PATCH.replace("--- a/", f"diff --git a/{NAME} b/{NAME}\n--- a/")), folder)
    assert path.read_bytes() == CODE.replace("second = 2", "second = 3\t").encode()


def test_command_ends_with_2_if_a_patch_does_not_apply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bug = _write_bug(tmp_path)
    monkeypatch.setattr(runner, "read_bugs", lambda: [bug])
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("wrong-number.patch does not apply: error: shared/number.py: No such file")


def test_unknown_name_is_the_callers_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-bug"]) == 2
    assert "no planted bug has no-such-bug in its name" in capsys.readouterr().err
