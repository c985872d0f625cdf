"""Print the records of webhooks on stdout: lines in a terminal, JSON lines in a pipe."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable

from shopwire_cli.terminal import print_rendered, render, wants_colors
from shopwire_cli.webhook_lines import LineFormatter, story_of, to_json
from shopwire_inspector.feed import Record

Printer = Callable[[Iterable[Record]], None]


def make_printer(base_url: str | None, *, utc: bool = False, as_json: bool = False) -> Printer:
    """Return a function that prints records.

    Args:
        base_url: the address of the inspector; None if the records have no pages.
        as_json: print JSON lines in a terminal too.
    """
    if as_json or not sys.stdout.isatty():

        def print_json(records: Iterable[Record]) -> None:
            for record in records:
                print(to_json(record, base_url), flush=True)

        return print_json
    formatter = LineFormatter(base_url, width=shutil.get_terminal_size().columns, utc=utc)
    colors = wants_colors(sys.stdout, os.environ)

    def print_lines(records: Iterable[Record]) -> None:
        for record in records:
            for line in formatter.format(record):
                print_rendered(render(line, colors=colors))

    return print_lines


def print_story(record: Record, base_url: str) -> None:
    """Print what became of one webhook, for a terminal."""
    colors = wants_colors(sys.stdout, os.environ)
    for line in story_of(record, base_url):
        print_rendered(render(line, colors=colors))
