"""What the terminal shows of a webhook: its line, its story after `shopwire send`, and its JSON in a pipe."""

import json
from typing import Any

import pytest

from shopwire_cli.terminal import Style, render
from shopwire_cli.webhook_lines import LineFormatter, story_of, to_json
from shopwire_inspector.feed import Record

URL = "http://127.0.0.1:8787"
NOON = 1_767_268_800_000  # 2026-01-01 12:00:00 UTC


pytestmark = pytest.mark.usefixtures("kyiv")


def record(**changed: Any) -> Record:
    fields: Any = {
        "id": 7,
        "at": NOON,
        "changed_at": NOON,
        "shop": "demo-shopify",
        "topic": "orders/create",
        "entity": "order 42",
        "deliveries": 1,
        "outcome": "delivered",
        "reason": None,
        "events": ["contact", "orderCreated"],
        "not_saved": [],
        "status": 200,
        "milliseconds": 183,
        "tries": 1,
        "page": "/inspect/webhooks/7",
        **changed,
    }
    return fields  # type: ignore[no-any-return]


def lines(*records: Record, width: int = 200, utc: bool = False, url: str | None = URL) -> list[str]:
    formatter = LineFormatter(url, width=width, utc=utc)
    return [" ".join(render(line, colors=False).split()) for each in records for line in formatter.format(each)]


def test_line_has_everything_and_the_zone_is_written_once_a_day() -> None:
    next_day = record(changed_at=NOON + 86_400_000)
    line = f"demo-shopify orders/create order 42 delivered contact, orderCreated 183 ms {URL}/inspect/webhooks/7"
    assert lines(record(), record(), next_day) == [
        "2026-01-01, times in UTC+02:00",
        f"14:00:00 {line}",
        f"14:00:00 {line}",
        "2026-01-02, times in UTC+02:00",
        f"14:00:00 {line}",
    ]


def test_utc_is_an_option() -> None:
    day, line = lines(record(), utc=True)
    assert (day, line[:8]) == ("2026-01-01, times in UTC", "12:00:00")


def test_link_that_does_not_fit_gets_a_line_of_its_own() -> None:
    assert lines(record(), width=80)[1:] == [
        "14:00:00 demo-shopify orders/create order 42 delivered contact, orderCreated 183 ms",
        f"{URL}/inspect/webhooks/7",
    ]


def test_stack_has_no_links() -> None:
    assert lines(record(), url=None)[1].endswith("183 ms")


@pytest.mark.parametrize(
    ("changed", "end"),
    [
        ({"outcome": "ignored", "reason": "anonymous", "events": []}, "ignored anonymous 183 ms"),
        ({"not_saved": ["orderCreated: why"]}, "orderCreated not saved: orderCreated: why 183 ms"),
        ({"outcome": "refused", "status": 404, "events": [], "entity": None, "topic": None}, "refused HTTP 404 183 ms"),
        ({"tries": 4, "changed_at": NOON + 5230}, "orderCreated try 4 after 5.2 s"),
        ({"milliseconds": None}, "orderCreated"),
    ],
)
def test_result_and_duration(changed: dict[str, Any], end: str) -> None:
    assert lines(record(**changed), url=None)[1].endswith(end)


def test_second_delivery_is_counted_behind_the_first_entity() -> None:
    assert " order 42 +2 " in lines(record(deliveries=3))[1]


def test_column_is_as_wide_as_its_longest_cell() -> None:
    formatter = LineFormatter(None, width=200)
    long = record(topic="customers/marketing_consent")
    rendered = [render(line, colors=False) for each in (long, record()) for line in formatter.format(each)]
    assert rendered[1].index("order 42") - 1 == rendered[2].index(
        "order 42"
    )  # 27 characters, and at most 26 are padded


def test_foreign_text_cannot_color_the_terminal() -> None:
    line = render([("\x1b[31mred", Style.GREEN), ("plain", Style.PLAIN)], colors=True)
    assert line == "\x1b[32m\\u001b[31mred\x1b[0mplain"


def test_story_of_what_was_delivered_is_two_lines() -> None:
    story = [render(line, colors=False) for line in story_of(record(), URL)]
    assert story == [
        "delivered  orders/create  order 42  contact, orderCreated  183 ms",
        f"  {URL}/inspect/webhooks/7",
    ]


def test_story_of_another_outcome_explains_it() -> None:
    story = [render(line, colors=False) for line in story_of(record(outcome="ignored", reason="draft", events=[]), URL)]
    assert story[1:3] == ["  Nothing was sent, on purpose.", "  The order is a draft: nothing was bought yet."]


def test_json_has_the_time_in_utc_and_the_address_of_the_page() -> None:
    shown = json.loads(to_json(record(), URL))
    assert next(iter(shown)) == "time"
    assert shown == {**record(), "time": "2026-01-01T12:00:00Z", "page": f"{URL}/inspect/webhooks/7"}
    assert json.loads(to_json(record(), None))["page"] is None
