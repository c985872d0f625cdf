"""What INIT's time goes to: what the built `webhook` imports, by `python -X importtime`. The ten dearest."""

import re
import subprocess
from collections import defaultdict
from statistics import median

from bench import emulated
from bench.harness import ROOT, Figures, Goal, Row, Run
from bench.parts import parts
from tools.invoke import PYTHON, Function, variables

_LINE = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
_SHOWN = 10


def measure(run: Run) -> dict[str, Figures | float]:
    """Milliseconds of each module's own, without what it imports; `app` is what INIT makes after all imports."""
    with parts() as address:
        function = emulated.function(emulated.SHOPWIRE, address)
        own: dict[str, list[float]] = defaultdict(list)
        packages: dict[str, list[float]] = defaultdict(list)
        for _ in range(run.rounds):
            sums: dict[str, float] = defaultdict(float)
            for module, spent in _imported(function):
                own[module].append(spent)
                sums[_package(function, module)] += spent
            for package, spent in sums.items():
                packages[package].append(spent)
    return {"imports_ms": {"modules": _dearest(own), "packages": _dearest(packages)}}


def _imported(function: Function) -> list[tuple[str, float]]:
    command = [str(ROOT / PYTHON), "-X", "importtime", "-c", "import app"]
    told = subprocess.run(
        command, env=variables(function), cwd=function.folder, capture_output=True, text=True, check=True
    ).stderr
    return [(module, int(spent) / 1000) for spent, module in _LINE.findall(told)]


def _package(function: Function, module: str) -> str:
    top = module.partition(".")[0]
    layer = function.layer
    shipped = layer and ((layer / top).is_dir() or (layer / f"{top}.py").is_file())
    return top if shipped or top == "app" else "the standard library"


def _dearest(found: dict[str, list[float]]) -> Figures:
    medians = {name: round(median(values), 1) for name, values in found.items()}
    return dict(sorted(medians.items(), key=lambda one: -one[1])[:_SHOWN])


ROWS = (
    Row(
        "imports",
        measure,
        (
            Goal("imports_ms.packages.*", "imports: *, all its modules", unit="ms"),
            Goal("imports_ms.modules.*", "imports: *", unit="ms"),
        ),
    ),
)
