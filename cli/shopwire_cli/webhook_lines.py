"""How a webhook's record is shown: a line in a terminal, a story after `shopwire send`, JSON in a pipe. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from shopwire_cli.clock import date_and_time, moment_of, zone_of
from shopwire_cli.terminal import Piece, Style
from shopwire_inspector.feed import Record
from shopwire_inspector.minutes import outcome_group
from shopwire_inspector.words import explain

_STYLES = {
    "delivered": Style.GREEN,
    "waiting": Style.YELLOW,
    "parked": Style.RED,
    "refused": Style.RED,
    "unsent": Style.DIM,
}
"""Group of outcomes -> its style."""
# Columns begin with these widths and grow with their content, up to the second number.
_WIDTHS = {"shop": (16, 24), "topic": (14, 26), "entity": (20, 30), "outcome": (10, 12)}
_SEPARATOR = "  "
_INDENT = " " * 10


class LineFormatter:
    """Formats the lines of a terminal. Each column keeps the width of its longest cell.

    Args:
        base_url: the address of the inspector; None if the lines have no links.
        width: of the terminal, in characters.
    """

    def __init__(self, base_url: str | None, *, width: int, utc: bool = False) -> None:
        self._base_url = base_url
        self._width = width
        self._utc = utc
        self._widths = {name: least for name, (least, _) in _WIDTHS.items()}
        self._date = ""

    def format(self, record: Record) -> Iterator[list[Piece]]:
        """Yield the lines for a record, which is one, and a line with the date before the first record of a day."""
        moment = moment_of(record["changed_at"], utc=self._utc)
        if (date := f"{moment:%Y-%m-%d}") != self._date:
            self._date = date
            yield [(f"{date}, times in {zone_of(moment)}", Style.DIM)]
        outcome_style = _STYLES[outcome_group(record["outcome"])]
        line: list[Piece] = [
            (f"{moment:%H:%M:%S}", Style.DIM),
            (self._cell("shop", record["shop"]), Style.PLAIN),
            (self._cell("topic", record["topic"] or "(not read)"), Style.PLAIN),
            (self._cell("entity", entity_of(record)), Style.BOLD),
            (self._cell("outcome", record["outcome"]), outcome_style),
            *result_of(record),
        ]
        if duration := duration_of(record):
            line.append((duration, Style.DIM))
        link = link_of(record, self._base_url)
        length = sum(len(text) for text, _ in line) + len(_SEPARATOR) * len(line)
        fits = length + len(link) <= self._width
        if link and fits:
            line.append((link, Style.CYAN))
        yield _joined(line)
        if link and not fits:
            yield [(_INDENT + link, Style.CYAN)]

    def _cell(self, column: str, text: str) -> str:
        _, most = _WIDTHS[column]
        self._widths[column] = min(max(self._widths[column], len(text)), most)
        return text.ljust(self._widths[column])


def entity_of(record: Record) -> str:
    """Return the entity; with several deliveries, how many more there are."""
    more = f" +{record['deliveries'] - 1}" if record["deliveries"] > 1 else ""
    return (record["entity"] or "-") + more


def result_of(record: Record) -> Iterator[Piece]:
    """Yield what the API accepted, what it did not keep, and the reason of any other outcome."""
    if record["events"]:
        yield ", ".join(record["events"]), Style.PLAIN
    for problem in record["not_saved"]:
        yield f"not saved: {problem}", Style.RED
    if reason := reason_of(record):
        yield reason, Style.PLAIN


def reason_of(record: Record) -> str | None:
    """Return the reason. A refused call may have none but its status."""
    if record["reason"] is None and outcome_group(record["outcome"]) == "refused" and record["status"]:
        return f"HTTP {record['status']}"
    return record["reason"]


def duration_of(record: Record) -> str:
    """Return how long the response took; after more than one try, how long the webhook took. "" if that is unknown."""
    if record["tries"] > 1:
        return f"try {record['tries']} after {(record['changed_at'] - record['at']) / 1000:.1f} s"
    return "" if record["milliseconds"] is None else f"{record['milliseconds']} ms"


def link_of(record: Record, base_url: str | None) -> str:
    """Return the address of the webhook's page, "" if there is none."""
    return base_url.rstrip("/") + record["page"] if base_url and record["page"] else ""


def story_of(record: Record, base_url: str | None) -> Iterator[list[Piece]]:
    """Yield the lines that tell what became of one webhook, as `shopwire send` prints them."""
    yield _joined(
        [
            (record["outcome"], _STYLES[outcome_group(record["outcome"])]),
            (record["topic"] or "(not read)", Style.PLAIN),
            (entity_of(record), Style.BOLD),
            *result_of(record),
            (duration_of(record), Style.DIM),
        ]
    )
    if record["outcome"] != "delivered":
        for sentence in explain(record["outcome"], record["reason"]):
            yield [(f"  {sentence}", Style.PLAIN)]
    if link := link_of(record, base_url):
        yield [(f"  {link}", Style.CYAN)]


def to_json(record: Record, base_url: str | None) -> str:
    """Return a record as a JSON line, with its time in UTC and its page as an address."""
    fields: Mapping[str, Any] = cast(Mapping[str, Any], record)
    shown = {"time": date_and_time(record["at"], utc=True).replace(" ", "T"), **fields}
    return json.dumps(shown | {"page": link_of(record, base_url) or None}, ensure_ascii=False)


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces that have a text, with a separator between each two."""
    return [part for piece in pieces if piece[0] for part in ((_SEPARATOR, Style.PLAIN), piece)][1:]
