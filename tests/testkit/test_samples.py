"""The order of samples: by the time at which their events happened."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shopwire.platforms.base import SampleFields
from shopwire_testkit.samples import changed_at

FIELDS = SampleFields(ids=("id",), changed=("updated_at", "created_at"))
EIGHT = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-01T10:00:00+02:00", EIGHT),
        ("2026-03-01T08:00:00", EIGHT),  # without a zone it is UTC
        ({"date": "2026-03-01 11:00:00.000000", "timezone_type": 3, "timezone": "Asia/Riyadh"}, EIGHT),
        ({"date": "2026-03-01 10:00:00.000000", "timezone_type": 1, "timezone": "+02:00"}, EIGHT),
        ({"date": "2026-03-01 11:00:00.000000", "timezone": "Nowhere/Nowhere"}, None),
        ("soon", None),
        (7, None),
    ],
)
def test_time_of_a_sample_is_a_moment_in_its_own_zone(value: Any, expected: datetime | None) -> None:
    assert changed_at({"updated_at": value}, FIELDS) == expected


def test_first_field_with_a_time_counts() -> None:
    assert changed_at({"created_at": "2026-03-01T08:00:00Z"}, FIELDS) == EIGHT
