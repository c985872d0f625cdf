"""The charts' geometry: bars as SVG wants them, so that template and script only copy numbers. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shopwire_inspector.minutes import GROUPS, SHOWN, Minute

WIDTH, HEIGHT = 300, 64
STEP = WIDTH // SHOWN
_LEAST = 1.5
"""What is there at all is seen."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart of the last minutes. Each bar is its segments' (y, height), bottom up, one for each of `series`."""

    name: str
    title: str
    series: Sequence[str]
    bars: Sequence[Sequence[tuple[float, float]]]
    now: str
    """The value at this moment, in words."""
    label: str
    """The chart in words."""


def charts(minutes: Sequence[Minute], depth: int, oldest: int) -> list[Chart]:
    """All of them.

    Args:
        depth: how many wait at this moment; a minute's bar is the most that did.
        oldest: since how many milliseconds the one that waits longest does.
    """
    outcomes = [[minute.outcomes.get(name, 0) for name in GROUPS] for minute in minutes]
    depths = [[minute.depth] for minute in minutes]
    ages = [[minute.oldest // 1000] for minute in minutes]
    return [
        _chart("outcomes", "Outcomes a minute", GROUPS, outcomes, str, sum(outcomes[-1])),
        _chart("depth", "Waiting", ("waiting",), depths, str, depth),
        _chart("oldest", "Oldest waiting", ("waiting",), ages, age, oldest // 1000),
    ]


def age(seconds: int) -> str:
    """A length of time, short: "45 s", "3 min", "2 h"."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _chart(
    name: str, title: str, series: Sequence[str], values: Sequence[Sequence[int]], words: Callable[[int], str], now: int
) -> Chart:
    top = max(map(sum, values), default=0)
    label = f"{title}: {words(now)} now, at most {words(top)}"
    return Chart(name, title, series, [_bar(one, top) for one in values], words(now), label)


def _bar(values: Sequence[int], top: int) -> list[tuple[float, float]]:
    segments, y = [], float(HEIGHT)
    for value in values:
        height = max(round(value / top * HEIGHT, 1), _LEAST) if value else 0.0
        y = max(round(y - height, 1), 0.0)
        segments.append((y, height))
    return segments
