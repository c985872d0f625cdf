"""Check the bill of materials of the built layer against the lock and the allowed licences (run by `make sbom`).

    .venv/bin/python -m tools.check_sbom build/sbom.json shared/requirements.txt docs/licences.md [--write]

With --write (`make licences`), write docs/licences.md from the bill. Otherwise check that docs/licences.md matches it.
"""

import json
import re
import runpy
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import shopwire

ALLOWED = frozenset({"Apache-2.0", "BSD-3-Clause", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0"})
"""Licences that allow a service to use an unmodified package. A person must review any other licence."""

_LAYER_SCRIPT = Path(shopwire.__file__).parents[1] / "layer.py"

# Some packages still declare their licence as a trove classifier.
_SPDX = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
_HEAD = """# Licences

This page lists the packages in the Lambda layer, apart from shopwire's own code (MIT, [LICENSE](../LICENSE)).
`make licences` writes it from the built layer, and `make sbom` checks it. Each package's licence text is in the layer,
in its `.dist-info`.

| package | version | licence |
|---|---|---|
"""

Packages = Mapping[str, tuple[str, tuple[str, ...]]]
"""Version and licences of each package, by name."""


def packages_in(bill: Mapping[str, Any]) -> Packages:
    """Return the packages that a CycloneDX bill lists."""
    return {_normalized(part["name"]): (part["version"], _licences(part)) for part in bill["components"]}


def _licences(component: Mapping[str, Any]) -> tuple[str, ...]:
    licences = []
    for entry in component.get("licenses", ()):
        name = entry.get("expression") or entry["license"].get("id") or entry["license"]["name"]
        licences += re.split(r" (?:AND|OR) ", _SPDX.get(name, name))
    return tuple(sorted(set(licences)))


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked_versions(lock: str) -> dict[str, str]:
    """Return the version of each package in the text of a lock."""
    return dict(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", lock, re.MULTILINE))


def find_problems(found: Packages, lock: Mapping[str, str]) -> Iterator[str]:
    """Yield each package whose version is not the locked one, or whose licence a person must review."""
    left_out = {_normalized(name) for name in runpy.run_path(str(_LAYER_SCRIPT))["UNUSED"]}
    for name in sorted(found.keys() | lock.keys()):
        version, licences = found.get(name, ("", ()))
        expected = "" if name in left_out else lock.get(name, "")
        if version != expected:
            yield f"{name}: expected {expected or 'nothing'}, but the layer has {version or 'nothing'}"
        elif version and not ALLOWED.issuperset(licences or ["none"]):
            yield f"{name}: a person must review its licence: {', '.join(licences) or 'none declared'}"


def licences_page(found: Packages) -> str:
    """Return the text of docs/licences.md."""
    rows = [f"| {name} | {version} | {', '.join(licences)} |\n" for name, (version, licences) in sorted(found.items())]
    return _HEAD + "".join(rows)


def main(bill_path: Path, lock_path: Path, page_path: Path, *, write: bool) -> int:
    """Print the problems of the bill. Return 0 if there is none, otherwise 1."""
    found = packages_in(json.loads(bill_path.read_text(encoding="utf-8")))
    problems = list(find_problems(found, locked_versions(lock_path.read_text(encoding="utf-8"))))
    if write:
        page_path.write_text(licences_page(found), encoding="utf-8")
    elif page_path.read_text(encoding="utf-8") != licences_page(found):
        problems.append(f"{page_path} does not match the built layer: run `make licences`")
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4]), write="--write" in sys.argv))
