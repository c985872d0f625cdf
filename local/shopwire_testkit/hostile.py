"""Values that a stranger may write into a body: JSON texts, because Python's json module cannot write some of them."""

_NUMBERS = ("NaN", "-Infinity", "1e400", "0e-100000000", "0e100000000", "1e-40", "1e-41", "1e39", "-1e40", "9" * 5000)
HOSTILE_NUMBERS = (*_NUMBERS, *(f'"{number}"' for number in _NUMBERS))
"""In place of a number: as a number and as text."""

HOSTILE = (
    *HOSTILE_NUMBERS,
    *"-NaN Infinity 1e-400 0e41 -0e-41 1e999999999 1e-999999999 1e99999999999999999999 0.1e-39 true 1e 01 0x10".split(),
    "0." + "0" * 5000 + "1",
    "1." + "0" * 41,
    r'"\ud800"',
    r'"a\u0000b"',
    r'"\u202e\u001b[2J"',
    '"' + "x" * 5000 + '"',
    '"' + "\U0001f600" * 255 + '"',
    "[" * 5000 + "]" * 5000,
    '{"a":' * 5000 + "1" + "}" * 5000,
    "[[1]]",
    '{"":{"":""}}',
    "null",
    '""',
    '"0001-01-01T00:00:00+14:00"',
    '"9999-12-31T23:59:59-12:00"',
)
"""In place of any value."""
