"""Pack a built artifact into one reproducible tar file (run by `make artifact` and `make reproducible`).

    python tools/pack_artifact.py .aws-sam/build build/shopwire.tar samconfig.toml requirements-sam.txt

The same content gives the same bytes on every machine and at any time. The pipeline passes this file from one job to
the next, and a release attests it. The further files go next to the template, so that the archive has everything that
a deployment reads: the stages' parameters and the lock of SAM. The script uses only the standard library."""

import hashlib
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path


def pack(folder: Path, target: Path, further: Sequence[Path] = ()) -> str:
    """Write the folder's files into a tar archive and return the archive's SHA-256 in hex.

    The archive holds no times and no owners. Of a file's mode it keeps only whether the file is executable.

    Args:
        further: files that go to the top of the archive, after the folder's own files.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    paths = sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts)
    named = [(path.relative_to(folder).as_posix(), path) for path in paths if path.is_file()]
    named += [(path.name, path) for path in further]
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in named:
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as content:
                archive.addfile(entry, content)
    return hashlib.sha256(target.read_bytes()).hexdigest()


if __name__ == "__main__":
    source, target, *further = map(Path, sys.argv[1:])
    print(f"{pack(source, target, further)}  {target.name}")
