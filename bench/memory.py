"""The most memory that one environment took for 1,000 mixed webhooks, against the usual stack."""

import re
from pathlib import Path

from bench import emulated, webhooks
from bench.harness import Figures, Goal, Row, Run
from bench.parts import parts

_CONTESTANTS = {"shopwire": emulated.SHOPWIRE, "usual": emulated.USUAL}
_WEBHOOKS = 1000
_FAIL_EVERY = 50
"""Every so manieth request to the API fails, so that the queue's part is used too."""


def measure(run: Run) -> dict[str, Figures | float]:
    """Peak of the resident memory of the function's process, as the kernel counted it."""

    def peak(name: str) -> float:
        with parts(_FAIL_EVERY) as address:
            function = emulated.function(_CONTESTANTS[name], address)
            with emulated.environment(function) as (started, _):
                for event in webhooks.mixed(run.times(_WEBHOOKS)):
                    emulated.answered(started.invoke(event))
                return _peak_mib(emulated.functions_process(started.process))

    found = run.alternated({name: lambda name=name: peak(name) for name in _CONTESTANTS})  # type: ignore[misc]
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


ROWS = (Row("memory", measure, (Goal("memory.ratio", "peak memory, to the usual stack's", 0.7),)),)
