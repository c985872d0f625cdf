"""A warm invocation of the built `webhook`, against an empty handler with Powertools' Logger.

The webhook is the dearest of the everyday ones: a known order that changed. It is verified, read, claimed, mapped, sent
and settled; two writes and a request, answered at once.
"""

import json
import subprocess
import time
from collections.abc import Callable
from itertools import count
from statistics import median

from bench import emulated, webhooks
from bench.harness import ROOT, Figures, Goal, Row, Run
from bench.parts import freeze, parts
from tools.invoke import PYTHON, Started, variables


def measure(run: Run) -> dict[str, Figures | float]:
    """Milliseconds from the event's going in to the answer's coming out, the emulator's own share in both."""
    times, minutes = run.times(200), count()
    with (
        parts() as address,
        emulated.environment(emulated.function(emulated.SHOPWIRE, address)) as (shopwire, _),
        emulated.environment(emulated.function(emulated.EMPTY, address)) as (empty, _),
    ):

        def round_of(started: Started, check: Callable[[str], None]) -> float:
            # Each made just before it goes out: its time budget runs from then.
            return median(_timed(started, webhooks.order(1, next(minutes)), check) for _ in range(times))

        contestants: dict[str, Callable[[], float]] = {
            "shopwire": lambda: round_of(shopwire, emulated.delivered),
            "empty": lambda: round_of(empty, lambda answer: None),
        }
        for warm_up in contestants.values():
            warm_up()
        freeze(address)
        found = run.alternated(contestants)
    ratio = found["shopwire"].ratio(found["empty"])
    return {
        "warm": {
            "shopwire_ms": round(found["shopwire"].median, 3),
            "empty_ms": round(found["empty"].median, 3),
            "ratio": round(ratio, 2),
        }
    }


def _timed(started: Started, event: bytes, check: Callable[[str], None]) -> float:
    begin = time.perf_counter()
    answer = started.invoke(event)
    took = time.perf_counter() - begin
    check(answer)
    return took * 1000


def measure_parts(run: Run) -> dict[str, Figures | float]:
    """Its own CPU, by part: what it waits for and the emulator are not in it."""
    found: list[dict[str, float]] = []
    for number in range(run.rounds):
        events = [webhooks.order(2, number * run.times(200) + minute) for minute in range(run.times(200) + 20)]
        with parts() as address:
            function = emulated.function(emulated.SHOPWIRE, address)
            said = subprocess.run(
                [ROOT / PYTHON, ROOT / "bench" / "profiled.py"],
                input=b"\n".join(events),
                env=variables(function),
                cwd=function.folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                check=True,
            ).stdout
        found.append(json.loads(said))
    return {"warm_parts_ms": {part: round(median(one[part] for one in found), 3) for part in found[0]}}


ROWS = (
    Row("warm", measure, (Goal("warm.ratio", "warm invocation, to an empty handler's", 6),)),
    Row("warm_parts", measure_parts, (Goal("warm_parts_ms.*", "its CPU: *", unit="ms"),)),
)
