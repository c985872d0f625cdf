"""Build the installable zips of the OpenCart module.

    make opencart

OpenCart 4 takes the name of the zip as the name of the extension, so both are called shopwire.ocmod.zip, in folders of
their own: build/opencart3 and build/opencart4. The same sources always give the same bytes.
"""

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "senders" / "opencart"
_NAME = "shopwire.ocmod.zip"
_LIBRARY = {3: "upload/system/library/shopwire", 4: "system/library/shopwire"}
"""Where the part that all versions share is, by the major version of OpenCart."""
_LANGUAGES = {3: "upload/admin/language/{}/extension/module", 4: "admin/language/{}/module"}
"""Where the texts of the settings page are, in a folder of their language."""


def files(version: int) -> dict[str, Path]:
    """Return the files of the zip: the path within it, and the source."""
    own = SOURCES / str(version)
    found = {path.relative_to(own).as_posix(): path for path in own.rglob("*") if path.is_file()}
    shared = [*(SOURCES / "common").glob("*.php"), ROOT / "senders" / "php" / "client.php"]
    found |= {f"{_LIBRARY[version]}/{path.name}": path for path in shared}
    languages = (SOURCES / "common" / "language").glob("*.php")
    return found | {f"{_LANGUAGES[version].format(path.stem)}/shopwire.php": path for path in languages}


def build(version: int, folder: Path) -> Path:
    """Write the zip for a major version of OpenCart into a folder, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _NAME
    with zipfile.ZipFile(path, "w") as archive:
        for name, source in sorted(files(version).items()):
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, source.read_bytes())
    return path


def main() -> int:
    """Build both zips, and print their paths."""
    for version in _LIBRARY:
        print(build(version, ROOT / "build" / f"opencart{version}").relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
