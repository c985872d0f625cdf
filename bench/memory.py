"""Row `memory`: the peak memory of one execution environment after 1,000 mixed webhooks, against the usual stack."""

import re
from pathlib import Path

from bench import built_functions, webhooks
from bench.fake_services import fake_services
from bench.harness import Figures, Goal, Row, Run

_CANDIDATES = {"shopwire": built_functions.SHOPWIRE, "usual": built_functions.USUAL}
_WEBHOOKS = 1000
_FAIL_EVERY = 50
"""The API fails each 50th request, so that the code for the queue runs too."""


def measure(run: Run) -> dict[str, Figures | float]:
    """Measure the peak resident memory of the function's process, as the kernel counts it."""

    def measure_peak(name: str) -> float:
        with fake_services(_FAIL_EVERY) as url:
            function = built_functions.load_function(_CANDIDATES[name], url)
            with built_functions.execution_environment(function) as (running, _):
                for event in webhooks.mixed(run.times(_WEBHOOKS)):
                    built_functions.webhook_status(running.invoke(event))
                return _peak_mib(built_functions.function_process(running.process))

    found = run.alternate({name: lambda name=name: measure_peak(name) for name in _CANDIDATES})  # type: ignore[misc]
    shopwire, usual = found["shopwire"], found["usual"]
    return {
        "memory": {
            "shopwire_mib": round(shopwire.median, 1),
            "usual_mib": round(usual.median, 1),
            "ratio": round(shopwire.ratio(usual), 3),
        }
    }


def _peak_mib(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    (kib,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kib) / 1024


ROWS = (Row("memory", measure, (Goal("memory.ratio", "peak memory, against the usual stack", 0.65),)),)
