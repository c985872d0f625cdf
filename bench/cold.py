"""Cold start: INIT of the built `webhook` and its first invocation, against the usual stack's."""

from pathlib import Path

from bench import emulated, webhooks
from bench.harness import Figures, Goal, Row, Run, Samples
from bench.parts import parts

_STARTS = 3
"""A round's figure is the least of so many starts: what else the machine does only ever adds to one."""

_CONTESTANTS = {"shopwire": emulated.SHOPWIRE, "usual": emulated.USUAL}


def measure(run: Run) -> dict[str, Figures | float]:
    """INIT, and with it what the caller waits for: INIT and the first invocation, which finds nothing open or read."""
    wholes: dict[str, list[float]] = {name: [] for name in _CONTESTANTS}

    def round_of(name: str) -> float:
        starts = [_start(_CONTESTANTS[name]) for _ in range(1 if run.quick else _STARTS)]
        wholes[name].append(min(init + invocation for init, invocation in starts))
        return min(init for init, _ in starts)

    inits = run.alternated({name: lambda name=name: round_of(name) for name in _CONTESTANTS})  # type: ignore[misc]
    return {
        "cold_start": _compared(inits),
        "cold_start_with_first_invocation": _compared({name: Samples(run.id, tuple(wholes[name])) for name in wholes}),
    }


def _start(which: tuple[Path, str]) -> tuple[float, float]:
    with parts() as address, emulated.environment(emulated.function(which, address)) as (one, log):
        emulated.delivered(one.invoke(webhooks.order(1, 0, "orders/create")))
        return emulated.init_and_invocation(log())


def _compared(found: dict[str, Samples]) -> Figures:
    shopwire, usual = found["shopwire"], found["usual"]
    return {
        "shopwire_ms": round(shopwire.median, 1),
        "usual_ms": round(usual.median, 1),
        "ratio": round(shopwire.ratio(usual), 3),
    }


ROWS = (
    Row(
        "cold_start",
        measure,
        (
            Goal("cold_start.ratio", "cold start: INIT, to the usual stack's", 0.35),
            Goal("cold_start_with_first_invocation.ratio", "INIT and first invocation, to the usual stack's", 0.35),
        ),
    ),
)
