"""Row `warm`: a warm invocation of the built `webhook` function, against an empty handler. Row `warm_parts`: its parts.

The empty handler only logs a line with Powertools' Logger. The webhook is the most expensive of the frequent ones, a
change of a known order. The function verifies, parses, claims, maps, sends and settles it. That takes two writes and
one request, and the fake services respond at once."""

import json
import subprocess
import time
from collections.abc import Callable
from itertools import count
from statistics import median

from bench import built_functions, webhooks
from bench.fake_services import fake_services, freeze
from bench.harness import ROOT, Figures, Goal, Row, Run
from tools.invoke import PYTHON, RunningFunction, process_variables


def measure(run: Run) -> dict[str, Figures | float]:
    """Measure the milliseconds from the event to the response. Both sides include the emulator's own time."""
    times, minutes = run.times(200), count()
    with (
        fake_services() as url,
        built_functions.execution_environment(built_functions.load_function(built_functions.SHOPWIRE, url)) as (
            shopwire,
            _,
        ),
        built_functions.execution_environment(built_functions.load_function(built_functions.EMPTY, url)) as (empty, _),
    ):

        def measure_round(function: RunningFunction, check: Callable[[str], None]) -> float:
            # Each event is created just before it is sent, because its time budget starts at its creation.
            return median(_milliseconds(function, webhooks.order(1, next(minutes)), check) for _ in range(times))

        candidates: dict[str, Callable[[], float]] = {
            "shopwire": lambda: measure_round(shopwire, built_functions.check_delivered),
            "empty": lambda: measure_round(empty, lambda response: None),
        }
        for warm_up in candidates.values():
            warm_up()
        freeze(url)
        found = run.alternate(candidates)
    ratio = found["shopwire"].ratio(found["empty"])
    return {
        "warm": {
            "shopwire_ms": round(found["shopwire"].median, 3),
            "empty_ms": round(found["empty"].median, 3),
            "ratio": round(ratio, 2),
        }
    }


def _milliseconds(function: RunningFunction, event: bytes, check: Callable[[str], None]) -> float:
    begin = time.perf_counter()
    response = function.invoke(event)
    seconds = time.perf_counter() - begin
    check(response)
    return seconds * 1000


def measure_parts(run: Run) -> dict[str, Figures | float]:
    """Measure the function's own CPU time by part. It includes neither waiting nor the emulator."""
    rounds: list[dict[str, float]] = []
    for number in range(run.rounds):
        events = [webhooks.order(2, number * run.times(200) + minute) for minute in range(run.times(200) + 20)]
        with fake_services() as url:
            function = built_functions.load_function(built_functions.SHOPWIRE, url)
            output = subprocess.run(
                [ROOT / PYTHON, ROOT / "bench" / "profiler.py"],
                input=b"\n".join(events),
                env=process_variables(function),
                cwd=function.folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                check=True,
            ).stdout
        rounds.append(json.loads(output))
    return {"warm_parts_ms": {part: round(median(figures[part] for figures in rounds), 3) for part in rounds[0]}}


ROWS = (
    Row("warm", measure, (Goal("warm.ratio", "warm invocation, against an empty handler", 5),)),
    Row("warm_parts", measure_parts, (Goal("warm_parts_ms.*", "its CPU: *", unit="ms"),)),
)
