"""Guess what a mistyped word was meant to be."""

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return " (did you mean X?)" for the most similar of the known words; "" if none is similar."""
    from difflib import get_close_matches  # only after a mistake

    found = get_close_matches(word, list(known), n=1)
    return f" (did you mean {found[0]}?)" if found else ""
