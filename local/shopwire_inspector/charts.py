"""The charts' geometry: SVG coordinates of the bars, which template and script only copy. Pure functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shopwire_inspector.minutes import CHART_MINUTES, GROUPS, Minute

WIDTH, HEIGHT = 300, 64
_BAR_STEP = WIDTH // CHART_MINUTES
CHART_SIZE = {
    "width": WIDTH,
    "height": HEIGHT,
    "step": _BAR_STEP,
    "begin": f"{CHART_MINUTES} min ago",
    "labels": {"unsent": "not sent"} | {group: group for group in GROUPS if group != "unsent"},
}
"""What all charts share: their size in SVG units (a step is the distance from one bar to the next), and words."""
_MIN_BAR_HEIGHT = 1.5
"""Keeps every value above 0 visible."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart of the last minutes."""

    name: str
    title: str
    series: Sequence[str]
    bars: Sequence[Sequence[tuple[float, float]]]
    """A bar is a (y, height) for each of `series`, from bottom to top."""
    current: str
    """The current value as text."""
    maximum: str
    """The value of the chart's full height as text."""
    label: str
    """The chart as text, for screen readers."""


def make_charts(minutes: Sequence[Minute], waiting: int, oldest_age_ms: int) -> list[Chart]:
    """Return all charts.

    Args:
        waiting: number of webhooks that wait now. A bar shows the maximum of its minute.
        oldest_age_ms: age of the oldest waiting webhook now.
    """
    outcomes = [[minute.outcomes.get(group, 0) for group in GROUPS] for minute in minutes]
    waiting_counts = [[minute.max_waiting] for minute in minutes]
    ages = [[minute.max_age_ms // 1000] for minute in minutes]
    return [
        _make_chart("outcomes", "Outcomes per minute", GROUPS, outcomes, str, sum(outcomes[-1])),
        _make_chart("waiting", "Waiting", ("waiting",), waiting_counts, str, waiting),
        _make_chart("oldest", "Oldest waiting", ("waiting",), ages, format_age, oldest_age_ms // 1000),
    ]


def format_age(seconds: int) -> str:
    """Return a short text for a duration, like "45 s", "3 min" or "2 h"."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _make_chart(
    name: str,
    title: str,
    series: Sequence[str],
    values: Sequence[Sequence[int]],
    format_value: Callable[[int], str],
    current: int,
) -> Chart:
    maximum = max(map(sum, values), default=0)
    label = f"{title}: {format_value(current)} now, at most {format_value(maximum)}"
    bars = [_make_bar(segments, maximum) for segments in values]
    return Chart(name, title, series, bars, format_value(current), format_value(maximum), label)


def _make_bar(values: Sequence[int], maximum: int) -> list[tuple[float, float]]:
    segments, y = [], float(HEIGHT)
    for value in values:
        height = max(round(value / maximum * HEIGHT, 1), _MIN_BAR_HEIGHT) if value else 0.0
        y = max(round(y - height, 1), 0.0)
        segments.append((y, height))
    return segments
