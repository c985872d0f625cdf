"""Cold start: INIT of the built `webhook` and its first invocation, against the usual stack's."""

from bench import emulated, webhooks
from bench.harness import Figures, Goal, Row, Run, Samples
from bench.parts import parts

_CONTESTANTS = {"shopwire": emulated.SHOPWIRE, "usual": emulated.USUAL}


def measure(run: Run) -> dict[str, Figures | float]:
    """INIT, and with it what the caller waits for: INIT and the first invocation, which finds nothing open or read."""
    invocations: dict[str, list[float]] = {name: [] for name in _CONTESTANTS}

    def start(name: str) -> float:
        with parts() as address, emulated.environment(emulated.function(_CONTESTANTS[name], address)) as (one, log):
            emulated.delivered(one.invoke(webhooks.order(1, 0, "orders/create")))
            init, invocation = emulated.init_and_invocation(log())
            invocations[name].append(init + invocation)
            return init

    inits = run.alternated({name: lambda name=name: start(name) for name in _CONTESTANTS})  # type: ignore[misc]
    wholes = {name: Samples(run.id, tuple(found)) for name, found in invocations.items()}
    return {"cold_start": _compared(inits), "cold_start_with_first_invocation": _compared(wholes)}


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
