"""How the pages show a moment: in this machine's time zone, which is always written. Times are UTC milliseconds."""

from datetime import UTC, datetime


def format_moment(at: int) -> str:
    """Return a moment with its date and zone: "2026-11-27 14:02:11 UTC+02:00"."""
    moment = _local(at)
    return f"{moment:%Y-%m-%d %H:%M:%S} {_zone(moment)}"


def format_time(at: int, now: int | None = None) -> str:
    """Return the time of day, or month, day and time if it is not the day of `now`."""
    moment = _local(at)
    is_today = now is None or moment.date() == _local(now).date()
    return f"{moment:%H:%M:%S}" if is_today else f"{moment:%m-%d %H:%M}"


def zone_at(at: int) -> str:
    """Return the offset from UTC at a moment: "UTC" or "UTC+02:00"."""
    return _zone(_local(at))


def _zone(moment: datetime) -> str:
    return f"UTC{moment.isoformat(timespec='seconds')[19:]}".removesuffix("+00:00")


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone()
