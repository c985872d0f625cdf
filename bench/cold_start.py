"""Row `cold_start`: INIT of the built `webhook` function and its first invocation, against the usual stack."""

from pathlib import Path

from bench import built_functions, webhooks
from bench.fake_services import fake_services
from bench.harness import Figures, Goal, Row, Run, Samples

_STARTS_PER_ROUND = 3
"""The fastest of these starts is the round's figure, because other load of the machine can only make a start slower."""

_MAX_STARTS = 5
"""On a busy machine a start may take longer than shopwire's time budget. Then the webhook is queued, and the start is
repeated."""

_CANDIDATES = {"shopwire": built_functions.SHOPWIRE, "usual": built_functions.USUAL}


def measure(run: Run) -> dict[str, Figures | float]:
    """Measure INIT alone, and INIT with the first invocation, in which no connection is open and no setting is
    cached."""
    starts_ms: dict[str, list[float]] = {name: [] for name in _CANDIDATES}

    def measure_round(name: str) -> float:
        starts = [_start(_CANDIDATES[name]) for _ in range(1 if run.quick else _STARTS_PER_ROUND)]
        starts_ms[name].append(min(init + invocation for init, invocation in starts))
        return min(init for init, _ in starts)

    inits = run.alternate({name: lambda name=name: measure_round(name) for name in _CANDIDATES})  # type: ignore[misc]
    return {
        "cold_start": _compare(inits),
        "cold_start_with_first_invocation": _compare(
            {name: Samples(run.id, tuple(starts_ms[name])) for name in starts_ms}
        ),
    }


def _start(build_and_name: tuple[Path, str]) -> tuple[float, float]:
    """Return the milliseconds of INIT and of the first invocation.

    Raises:
        ValueError: the webhook was not delivered in any of the starts.
    """
    response = ""
    for _ in range(_MAX_STARTS):
        with (
            fake_services() as url,
            built_functions.execution_environment(built_functions.load_function(build_and_name, url)) as (
                function,
                log,
            ),
        ):
            response = function.invoke(webhooks.order(1, 0, "orders/create"))
            if built_functions.webhook_status(response) == "delivered":
                return built_functions.init_and_invocation(log())
    raise ValueError(response)


def _compare(found: dict[str, Samples]) -> Figures:
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
            Goal("cold_start.ratio", "cold start (INIT), against the usual stack", 0.30),
            Goal("cold_start_with_first_invocation.ratio", "INIT and first invocation, against the usual stack", 0.35),
        ),
    ),
)
