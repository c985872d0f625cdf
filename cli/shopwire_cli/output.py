"""How commands print records: a table in a terminal, JSON lines in a pipe."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shopwire_cli.terminal import escape

# Larger integers are UTC milliseconds. As milliseconds, this one is a day in February 1970.
_LARGEST_COUNT = 1 << 32


def print_records(columns: Sequence[str], records: Sequence[Mapping[str, Any]], *, as_json: bool = False) -> None:
    """Print records on stdout: a table of these columns in a terminal, otherwise one JSON object a line.

    Args:
        as_json: print JSON lines in a terminal too.
    """
    if as_json or not sys.stdout.isatty():
        for record in records:
            print(json.dumps(record, ensure_ascii=False))
    elif records:
        print(format_table(columns, records))


def print_json(record: Mapping[str, Any]) -> None:
    """Print one record on stdout as JSON: indented in a terminal, otherwise on one line."""
    print(json.dumps(record, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def format_table(columns: Sequence[str], records: Sequence[Mapping[str, Any]]) -> str:
    """Return a line of column names and a line for each record. UTC milliseconds are shown as date and time."""
    rows = [tuple(columns), *(tuple(_cell(record[column]) for column in columns) for record in records)]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cell(value: Any) -> str:
    return _date_and_time(value) if isinstance(value, int) and value > _LARGEST_COUNT else escape(str(value))


def _date_and_time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
