"""Pack the Lambda layer (run by `sam build` through shared/Makefile). The script itself is not in the layer.

It does three things that SAM's own Python builder does not do (docs/limits-and-cost.md says what each saves).
- It adds bytecode, because Lambda's file system is read-only and every cold start would compile all imported modules.
- It removes the parts of the dependencies that shopwire does not use.
- It adds the compiled modules of both processors, because SAM does not tell make which processor the build is for.
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
LAMBDA_FOLDER = "/opt/python"
"""The layer's folder in Lambda. Bytecode that already names its final path loads without a correction of the path."""

OPERATIONS = {
    "dynamodb": "BatchGetItem BatchWriteItem DeleteItem GetItem PutItem Query Scan UpdateItem".split(),
    "sqs": "ChangeMessageVisibility SendMessage SendMessageBatch".split(),
    "ssm": "GetParameter GetParametersByPath".split(),
}
"""The operations that shopwire calls, by service. botocore describes 400 services and always reads the whole
description of a service. The descriptions of these three have 300 operations with documentation, and cost 12 MB of
memory and 50 ms of INIT."""

UNUSED = (
    # Only the command line uses these. The functions create their clients with botocore and send with urllib3.
    "boto3",
    "charset_normalizer",
    "idna",
    "requests",
    "s3transfer",
    # Command line tools of the dependencies.
    "bin",
)


def pack(source: Path, target: Path) -> None:
    """Write the contents of the layer's python/ folder.

    Args:
        source: folder with requirements.txt (a lock with hashes) and the package `shopwire`.
        target: folder to write to.
    """
    install(source / "requirements.txt", target)
    prune(target)
    shutil.copytree(source / "shopwire", target / "shopwire", ignore=shutil.ignore_patterns("__pycache__"))
    compile_all(target)


def install(lock: Path, target: Path) -> None:
    """Install the locked packages for the first platform, and add the compiled modules of the other platforms."""
    first, *others = PLATFORMS
    _pip_install(lock, target, first)
    for platform in others:
        with TemporaryDirectory() as folder:
            _pip_install(lock, Path(folder), platform)
            for compiled in Path(folder).rglob("*.so"):
                # The file's name contains the processor, so Python finds the right one.
                shutil.copy(compiled, target / compiled.relative_to(folder))


def _pip_install(lock: Path, target: Path, platform: str) -> None:
    command = [sys.executable, *"-m pip install --quiet --disable-pip-version-check --no-compile".split()]
    command += ["--no-deps", "--require-hashes", "--requirement", str(lock), "--target", str(target)]
    command += ["--only-binary=:all:", "--platform", platform, "--implementation", "cp", "--python-version", VERSION]
    subprocess.run(command, check=True)


def prune(target: Path) -> None:
    """Remove what the functions never read."""
    data = target / "botocore" / "data"
    unused = [target / name for name in UNUSED if (target / name).is_dir()]
    # `make sbom` lists the packages that have a .dist-info folder, so a removed package must not leave one.
    unused += [dist_info for name in UNUSED for dist_info in target.glob(f"{name}-*.dist-info")]
    unused += [path for path in data.iterdir() if path.is_dir() and path.name not in OPERATIONS]
    for folder in unused:
        shutil.rmtree(folder)
    for service, operations in OPERATIONS.items():
        for packed in data.glob(f"{service}/*/service-2.json.gz"):
            description = reduce_description(json.loads(gzip.decompress(packed.read_bytes())), operations)
            packed.with_suffix("").write_text(json.dumps(description), encoding="utf-8")
            packed.unlink()
    endpoints_path = data / "endpoints.json"
    endpoints = json.loads(endpoints_path.read_bytes())
    for partition in endpoints["partitions"]:
        services = partition["services"].items()
        partition["services"] = {name: service for name, service in services if name in OPERATIONS}
    endpoints_path.write_text(json.dumps(endpoints), encoding="utf-8")


def reduce_description(description: dict[str, Any], operations: Collection[str]) -> dict[str, Any]:
    """Return a service's description with only these operations and the shapes they use, without documentation.

    Raises:
        KeyError: the service has no such operation.
    """
    kept = {name: description["operations"][name] for name in operations}
    shapes: dict[str, Any] = {}
    to_visit = list(_shape_names(kept))
    while to_visit:
        name = to_visit.pop()
        if name not in shapes:
            shapes[name] = description["shapes"][name]
            to_visit += _shape_names(shapes[name])
    reduced: dict[str, Any] = _without_documentation({**description, "operations": kept, "shapes": shapes})
    return reduced


def _shape_names(value: Any) -> Iterator[str]:
    # A member of a structure may also be called "shape". Then its value is not a string.
    items = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    for key, child in items:
        if key == "shape" and isinstance(child, str):
            yield child
        else:
            yield from _shape_names(child)


def _without_documentation(value: Any) -> Any:
    # A member of a structure may also be called "documentation". Then its value is not a string.
    if isinstance(value, list):
        return [_without_documentation(child) for child in value]
    if isinstance(value, dict):
        return {
            key: _without_documentation(child)
            for key, child in value.items()
            if key != "documentation" or not isinstance(child, str)
        }
    return value


def compile_all(target: Path) -> None:
    """Write bytecode for every module. Python loads it without a check against the source.

    A check by time would fail, because an archive changes the files' times. A check by hash would read each source.

    Raises:
        SystemExit: a module cannot be compiled.
    """
    unchecked = PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(target, ddir=LAMBDA_FOLDER, quiet=1, force=True, invalidation_mode=unchecked):
        sys.exit(f"{target}: compileall could not compile every module (see its errors above)")


if __name__ == "__main__":
    if sysconfig.get_python_version() != VERSION:
        sys.exit(
            f"the layer's bytecode must be for Python {VERSION}, but this is Python {sysconfig.get_python_version()}: "
            f"run layer.py with python{VERSION}"
        )
    pack(Path(__file__).parent, Path(sys.argv[1]))
