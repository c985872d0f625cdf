"""Tests of tools/pack_artifact.py: which differences change the archive, and which do not."""

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.pack_artifact import pack


def build(folder: Path, names: list[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    return folder


NAMES = ["template.yaml", "Layer/python/a.py", "Layer/python/a/b.py", "Webhook/app.py"]


def test_folder_time_and_order_do_not_change_the_archive(tmp_path: Path) -> None:
    first = build(tmp_path / "one", NAMES)
    second = build(tmp_path / "elsewhere" / "other", NAMES[::-1])
    os.utime(second / "template.yaml", (1, 1))
    (second / "Webhook/app.py").chmod(0o600)
    assert pack(first, tmp_path / "1.tar") == pack(second, tmp_path / "2.tar")
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "template.yaml").write_text("other"),
        lambda folder: (folder / "template.yaml").chmod(0o755),
        lambda folder: (folder / "template.yaml").rename(folder / "template.yml"),
        lambda folder: (folder / "more").write_text(""),
    ],
    ids=["content", "executable", "name", "additional file"],
)
def test_content_names_and_modes_change_the_archive(tmp_path: Path, change: Callable[[Path], object]) -> None:
    folder = build(tmp_path / "one", NAMES)
    before = pack(folder, tmp_path / "1.tar")
    change(folder)
    assert pack(folder, tmp_path / "2.tar") != before


def test_archive_unpacks_to_the_packed_files(tmp_path: Path) -> None:
    pack(build(tmp_path / "one", NAMES), tmp_path / "1.tar")
    with tarfile.open(tmp_path / "1.tar") as archive:
        archive.extractall(tmp_path / "back", filter="data")
    assert {str(path.relative_to(tmp_path / "back")) for path in (tmp_path / "back").rglob("*") if path.is_file()} == {
        *NAMES
    }
    assert (tmp_path / "back" / NAMES[1]).read_text() == f"content of {NAMES[1]}"


def test_further_files_are_beside_the_template_and_change_the_archive(tmp_path: Path) -> None:
    folder, further = build(tmp_path / "one", NAMES), build(tmp_path, ["elsewhere/samconfig.toml"])
    alone = pack(folder, tmp_path / "1.tar")
    path = further / "elsewhere/samconfig.toml"
    together = pack(folder, tmp_path / "2.tar", [path])
    with tarfile.open(tmp_path / "2.tar") as archive:
        assert sorted(archive.getnames()) == sorted([*NAMES, "samconfig.toml"])
    path.write_text("other")
    assert len({alone, together, pack(folder, tmp_path / "3.tar", [path])}) == 3
