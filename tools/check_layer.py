"""Check that the built layer starts from its shipped bytecode (run by `make build`).

    .venv-lambda/bin/python tools/check_layer.py .aws-sam/build

The functions' own interpreter runs this script. It has nothing of this project installed, so the script uses only the
standard library.
"""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# The second word of a .pyc file, bit 0: the file is validated by the source's hash, not by its time. Bit 1: Python
# checks that hash at import (PEP 552). We want the first bit without the second.
_UNCHECKED_HASH = (1).to_bytes(4, "little")
# The line that `python -v` prints for a module that it compiled. For a module that it loads from bytecode, the same
# line names the .pyc file.
_COMPILED = re.compile(r"^# code object from '?(.*\.py)'?$", re.MULTILINE)
_VERBOSE = ("#", "import ")
_IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
"""


def find_problems(layer: Path, package: str) -> Iterator[str]:
    """Yield each reason why the package does not start from shipped bytecode under the current interpreter.

    Args:
        layer: folder that is on Python's path.
        package: name of the package to import, together with all its modules and what they import.
    """
    for source in layer.rglob("*.py"):
        bytecode = Path(importlib.util.cache_from_source(str(source)))
        if not bytecode.is_file():
            yield f"{source.relative_to(layer)}: no bytecode for this interpreter"
        elif bytecode.read_bytes()[:8] != importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH:
            yield f"{source.relative_to(layer)}: its bytecode is for another Python, or Python checks it at import"
    environment = {"PYTHONPATH": str(layer), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        [sys.executable, "-v", "-c", _IMPORT_ALL, package], env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        messages = [line for line in result.stderr.splitlines() if not line.startswith(_VERBOSE)]
        yield f"{package} cannot be imported: {messages[-1]}"
    for path in _COMPILED.findall(result.stderr):
        if Path(path).is_relative_to(layer):
            yield f"{Path(path).relative_to(layer)}: compiled at import"


def main(build: Path) -> int:
    """Print the problems of the built layer. Return 0 if there is none, otherwise 1."""
    problems = list(find_problems((build / "Layer" / "python").resolve(), "shopwire"))
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
