"""How commands print records: a table in a terminal, JSON lines in a pipe."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from shopwire_cli.clock import date_and_time
from shopwire_cli.terminal import escape

# Larger integers are UTC milliseconds. As milliseconds, this one is a day in February 1970.
_LARGEST_COUNT = 1 << 32


def print_records(
    columns: Sequence[str], records: Sequence[Mapping[str, Any]], *, as_json: bool = False, utc: bool = False
) -> None:
    """Print records on stdout: a table of these columns in a terminal, otherwise one JSON object a line.

    Args:
        as_json: print JSON lines in a terminal too.
        utc: show times in UTC, not in the user's time zone.
    """
    if as_json or not sys.stdout.isatty():
        for record in records:
            print(json.dumps(record, ensure_ascii=False))
    elif records:
        print(format_table(columns, records, utc=utc))


def print_json(record: Mapping[str, Any]) -> None:
    """Print one record on stdout as JSON: indented in a terminal, otherwise on one line."""
    print(json.dumps(record, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def format_table(columns: Sequence[str], records: Sequence[Mapping[str, Any]], *, utc: bool = False) -> str:
    """Return a line of column names and a line for each record. UTC milliseconds are shown as date and time."""
    rows = [tuple(columns), *(tuple(_cell(record[column], utc=utc) for column in columns) for record in records)]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cell(value: Any, *, utc: bool) -> str:
    is_moment = isinstance(value, int) and value > _LARGEST_COUNT
    return date_and_time(value, utc=utc) if is_moment else escape(str(value))
