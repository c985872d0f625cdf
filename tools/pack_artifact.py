"""Pack a built artifact into one reproducible tar file (run by `make artifact` and `make reproducible`).

    python tools/pack_artifact.py .aws-sam/build build/shopwire.tar

The same content gives the same bytes on every machine and at any time. The pipeline passes this file from one job to
the next, and a release attests it. The script uses only the standard library."""

import hashlib
import sys
import tarfile
from pathlib import Path


def pack(folder: Path, target: Path) -> str:
    """Write the folder's files into a tar archive and return the archive's SHA-256 in hex.

    The archive holds no times and no owners. Of a file's mode it keeps only whether the file is executable.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts):
            if path.is_file():
                entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
                entry.size = path.stat().st_size
                entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
                with path.open("rb") as content:
                    archive.addfile(entry, content)
    return hashlib.sha256(target.read_bytes()).hexdigest()


if __name__ == "__main__":
    print(f"{pack(Path(sys.argv[1]), Path(sys.argv[2]))}  {Path(sys.argv[2]).name}")
