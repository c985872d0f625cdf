"""How the command line shows a moment: in the user's time zone, which is always written, or in UTC (--utc).

Only the standard library is imported here.
"""

from datetime import UTC, datetime


def moment_of(milliseconds: int, *, utc: bool = False) -> datetime:
    """Return UTC milliseconds as a moment in the user's time zone, or in UTC."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment if utc else moment.astimezone()


def zone_of(moment: datetime) -> str:
    """Return the moment's offset from UTC: "UTC" or "UTC+02:00"."""
    return f"UTC{moment.isoformat(timespec='seconds')[19:]}".removesuffix("+00:00")


def date_and_time(milliseconds: int, *, utc: bool = False) -> str:
    """Return UTC milliseconds as "2026-11-27 14:02:11+02:00". In UTC, the end is "Z"."""
    return moment_of(milliseconds, utc=utc).isoformat(" ", "seconds").replace("+00:00", "Z")
