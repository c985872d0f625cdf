"""Durations in milliseconds, the unit of all times in the simulation."""

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
