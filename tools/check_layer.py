"""Whether the layer that `sam build` packed starts without compiling: `make build` asks, after each build.

    .venv-lambda/bin/python tools/check_layer.py .aws-sam/build

Run by the functions' own interpreter, which has nothing of this project installed: only the standard library here.
"""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# The second word of a .pyc: bit 0 it is checked by the source's hash, if at all; bit 1 it is checked (PEP 552).
_UNCHECKED = (1).to_bytes(4, "little")
# What python -v says of a module that it had to compile (of one that it had not: the same with the .pyc).
_COMPILED = re.compile(r"^# code object from '?(.*\.py)'?$", re.MULTILINE)
_VERBOSE = ("#", "import ")
_IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
"""


def problems(layer: Path, package: str) -> Iterator[str]:
    """What keeps this layer's package from starting on shipped bytecode, for the interpreter that runs this.

    Args:
        layer: the folder that is on Python's path.
        package: imported with all its modules, and with what they import.
    """
    for source in layer.rglob("*.py"):
        bytecode = Path(importlib.util.cache_from_source(str(source)))
        if not bytecode.is_file():
            yield f"{source.relative_to(layer)}: no bytecode for this interpreter"
        elif bytecode.read_bytes()[:8] != importlib.util.MAGIC_NUMBER + _UNCHECKED:
            yield f"{source.relative_to(layer)}: its bytecode is of another version, or is checked against the source"
    environment = {"PYTHONPATH": str(layer), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-v", "-c", _IMPORT_ALL, package], env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        said = [line for line in ran.stderr.splitlines() if not line.startswith(_VERBOSE)]
        yield f"{package} cannot be imported: {said[-1]}"
    for path in _COMPILED.findall(ran.stderr):
        if Path(path).is_relative_to(layer):
            yield f"{Path(path).relative_to(layer)}: compiled when it was imported"


def main(build: Path) -> int:
    """0 if the built layer is as it should be, else 1."""
    found = list(problems((build / "Layer" / "python").resolve(), "shopwire"))
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
