"""The bill of materials that `make sbom` made of the built layer: whether it is what was locked, under which licences.

    .venv/bin/python -m tools.check_sbom build/sbom.json shared/requirements.txt docs/licences.md [--write]

The list of licences in docs is made of it (--write), or found to be true.
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
"""Of the licences that let a service use the package as it is. Another one wants a person's look."""

_LAYER = Path(shopwire.__file__).parents[1] / "layer.py"

# Packages that say it the old way.
_SPDX = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
_HEAD = """# Licences

What the Lambda layer carries beside shopwire's own code (MIT, [LICENSE](../LICENSE)): made of the built layer by
`make licences`, and found to be true by `make sbom`. Each package's licence text is in the layer, in its `.dist-info`.

| package | version | licence |
|---|---|---|
"""

Packages = Mapping[str, tuple[str, tuple[str, ...]]]
"""Version and licences by name."""


def packages(bill: Mapping[str, Any]) -> Packages:
    """What a CycloneDX bill lists."""
    return {_name(one["name"]): (one["version"], _licences(one)) for one in bill["components"]}


def _licences(component: Mapping[str, Any]) -> tuple[str, ...]:
    said = []
    for one in component.get("licenses", ()):
        name = one.get("expression") or one["license"].get("id") or one["license"]["name"]
        said += re.split(r" (?:AND|OR) ", _SPDX.get(name, name))
    return tuple(sorted(set(said)))


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(lock: str) -> dict[str, str]:
    """The versions of a lock."""
    return dict(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", lock, re.MULTILINE))


def problems(found: Packages, lock: Mapping[str, str]) -> Iterator[str]:
    """Where the bill is not what was locked, or asks for a person's look."""
    left_out = {_name(name) for name in runpy.run_path(str(_LAYER))["UNUSED"]}
    for name in sorted(found.keys() | lock.keys()):
        version, licences = found.get(name, ("", ()))
        expected = "" if name in left_out else lock.get(name, "")
        if version != expected:
            yield f"{name}: locked {expected or 'not at all'}, in the layer {version or 'not at all'}"
        elif version and not ALLOWED.issuperset(licences or ["none"]):
            yield f"{name}: its licence needs a look: {', '.join(licences) or 'none said'}"


def table(found: Packages) -> str:
    """docs/licences.md."""
    rows = [f"| {name} | {version} | {', '.join(licences)} |\n" for name, (version, licences) in sorted(found.items())]
    return _HEAD + "".join(rows)


def main(bill: Path, lock: Path, listed: Path, *, write: bool) -> int:
    """0 if all is as it should be, else 1."""
    found = packages(json.loads(bill.read_text(encoding="utf-8")))
    wrong = list(problems(found, locked(lock.read_text(encoding="utf-8"))))
    if write:
        listed.write_text(table(found), encoding="utf-8")
    elif listed.read_text(encoding="utf-8") != table(found):
        wrong.append(f"{listed} is not true any more: make licences")
    print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4]), write="--write" in sys.argv))
