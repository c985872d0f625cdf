"""Row `imports`: the modules that the built `webhook` function imports at INIT, and how long each takes."""

import re
import subprocess
from collections import defaultdict
from statistics import median

from bench import built_functions
from bench.fake_services import fake_services
from bench.harness import ROOT, Figures, Goal, Row, Run
from tools.invoke import PYTHON, Function, process_variables

_LINE = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
_SHOWN = 10


def measure(run: Run) -> dict[str, Figures | float]:
    """Measure each module's own milliseconds with `python -X importtime`, without the modules that it imports.

    The figure of `app` is the time of INIT after all imports.
    """
    with fake_services() as url:
        function = built_functions.load_function(built_functions.SHOPWIRE, url)
        by_module: dict[str, list[float]] = defaultdict(list)
        by_package: dict[str, list[float]] = defaultdict(list)
        for _ in range(run.rounds):
            sums: dict[str, float] = defaultdict(float)
            for module, milliseconds in _import_times(function):
                by_module[module].append(milliseconds)
                sums[_package(function, module)] += milliseconds
            for package, milliseconds in sums.items():
                by_package[package].append(milliseconds)
    return {"imports_ms": {"modules": _slowest(by_module), "packages": _slowest(by_package)}}


def _import_times(function: Function) -> list[tuple[str, float]]:
    command = [str(ROOT / PYTHON), "-X", "importtime", "-c", "import app"]
    log = subprocess.run(
        command, env=process_variables(function), cwd=function.folder, capture_output=True, text=True, check=True
    ).stderr
    return [(module, int(microseconds) / 1000) for microseconds, module in _LINE.findall(log)]


def _package(function: Function, module: str) -> str:
    top = module.partition(".")[0]
    layer = function.layer
    in_layer = layer and ((layer / top).is_dir() or (layer / f"{top}.py").is_file())
    return top if in_layer or top == "app" else "the standard library"


def _slowest(milliseconds: dict[str, list[float]]) -> Figures:
    medians = {name: round(median(values), 1) for name, values in milliseconds.items()}
    return dict(sorted(medians.items(), key=lambda item: -item[1])[:_SHOWN])


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
