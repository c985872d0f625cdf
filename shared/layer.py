"""Packs the Lambda layer: `sam build` runs it (Makefile). It is not in the layer, and nothing in there knows of it.

Three things that SAM's own Python builder does not do, each a part of the cold start (docs/speed.md has the figures):
- bytecode, since Lambda's tree is read-only and every cold start would compile all that it imports;
- only the parts of the dependencies that are used;
- compiled modules for both processors, so that one layer serves either: make is not told which one is built for.
"""

import compileall
import gzip
import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Collection, Iterator
from pathlib import Path
from py_compile import PycInvalidationMode
from tempfile import TemporaryDirectory
from typing import Any

VERSION = "3.13"
PLATFORMS = ("manylinux2014_aarch64", "manylinux2014_x86_64")
WHERE = "/opt/python"
"""Where Lambda puts it: bytecode that says so need not be corrected when it is loaded."""

OPERATIONS = {
    "dynamodb": "BatchGetItem DeleteItem GetItem PutItem Query Scan UpdateItem".split(),
    "sqs": "ChangeMessageVisibility SendMessage".split(),
    "ssm": "GetParameter GetParametersByPath".split(),
}
"""What is called, by service. botocore describes four hundred services, and reads a service's description whole: those
of these three hold 300 operations and their documentation, 12 MB of memory and 50 ms of INIT."""

UNUSED = (
    # The command line's: the functions make their clients with botocore and send with urllib3.
    "boto3",
    "charset_normalizer",
    "idna",
    "requests",
    "s3transfer",
    # The dependencies' own command line tools.
    "bin",
)


def pack(source: Path, target: Path) -> None:
    """Fill `target` with what a layer's python/ holds.

    Args:
        source: has requirements.txt, a lock with hashes, and the package.
    """
    install(source / "requirements.txt", target)
    prune(target)
    shutil.copytree(source / "shopwire", target / "shopwire", ignore=shutil.ignore_patterns("__pycache__"))
    compile_all(target)


def install(lock: Path, target: Path) -> None:
    """Install what is locked: for the first processor whole, of the others what is compiled."""
    with TemporaryDirectory() as folder:
        for number, platform in enumerate(PLATFORMS):
            place = Path(folder) / platform if number else target
            _pip(lock, place, platform)
            for compiled in place.rglob("*.so") if number else ():
                # The file's name says which processor it is for: Python finds its own.
                shutil.copy(compiled, target / compiled.relative_to(place))


def _pip(lock: Path, target: Path, platform: str) -> None:
    command = [sys.executable, *"-m pip install --quiet --disable-pip-version-check --no-compile".split()]
    command += ["--no-deps", "--require-hashes", "--requirement", str(lock), "--target", str(target)]
    command += ["--only-binary=:all:", "--platform", platform, "--implementation", "cp", "--python-version", VERSION]
    subprocess.run(command, check=True)


def prune(target: Path) -> None:
    """Take out what is never read."""
    data = target / "botocore" / "data"
    unused = [target / name for name in UNUSED if (target / name).is_dir()]
    # What says that they are there: the bill of materials (make sbom) is made of what the layer says it holds.
    unused += [said for name in UNUSED for said in target.glob(f"{name}-*.dist-info")]
    unused += [path for path in data.iterdir() if path.is_dir() and path.name not in OPERATIONS]
    for folder in unused:
        shutil.rmtree(folder)
    for service, operations in OPERATIONS.items():
        for packed in data.glob(f"{service}/*/service-2.json.gz"):
            description = only(json.loads(gzip.decompress(packed.read_bytes())), operations)
            packed.with_suffix("").write_text(json.dumps(description), encoding="utf-8")
            packed.unlink()
    places = data / "endpoints.json"
    endpoints = json.loads(places.read_bytes())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: one for name, one in partition["services"].items() if name in OPERATIONS}
    places.write_text(json.dumps(endpoints), encoding="utf-8")


def only(description: dict[str, Any], operations: Collection[str]) -> dict[str, Any]:
    """A service's description with these operations, the shapes that they speak of, and no documentation.

    Raises:
        KeyError: there is no such operation.
    """
    kept = {name: description["operations"][name] for name in operations}
    shapes: dict[str, Any] = {}
    waiting = list(_named_shapes(kept))
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = description["shapes"][name]
            waiting += _named_shapes(shapes[name])
    lean: dict[str, Any] = _undocumented({**description, "operations": kept, "shapes": shapes})
    return lean


def _named_shapes(value: Any) -> Iterator[str]:
    # A member may be called "shape" as well: then its value is no text.
    for key, one in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        if key == "shape" and isinstance(one, str):
            yield one
        else:
            yield from _named_shapes(one)


def _undocumented(value: Any) -> Any:
    # Likewise a member may be called "documentation".
    if isinstance(value, list):
        return [_undocumented(one) for one in value]
    if isinstance(value, dict):
        said = {key: one for key, one in value.items() if key != "documentation" or not isinstance(one, str)}
        return {key: _undocumented(one) for key, one in said.items()}
    return value


def compile_all(target: Path) -> None:
    """Bytecode beside every module, of the kind that is believed without a look at the source's time: an archive
    gives files other times, and a check would read each source as well.

    Raises:
        SystemExit: something cannot be compiled.
    """
    unchecked = PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(target, ddir=WHERE, quiet=1, force=True, invalidation_mode=unchecked):
        sys.exit(f"{target}: not everything could be compiled")


if __name__ == "__main__":
    if sysconfig.get_python_version() != VERSION:
        sys.exit(f"the layer's bytecode is for Python {VERSION}, this is {sysconfig.get_python_version()}")
    pack(Path(__file__).parent, Path(sys.argv[1]))
