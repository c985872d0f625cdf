"""Records as a table for people's eyes. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any


def table(columns: Sequence[str], records: Sequence[Mapping[str, Any]]) -> str:
    """A line of names, then a line a record; what looks like milliseconds since 1970 is shown as a moment."""
    rows = [tuple(columns), *(tuple(_cell(record[column]) for column in columns) for record in records)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cell(value: Any) -> str:
    return _moment(value) if isinstance(value, int) and value > 1 << 32 else str(value)


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
