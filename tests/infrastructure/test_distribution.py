"""How `make test` divides the tests among its workers."""

from pathlib import Path

import pytest

from tests.support.distribution import LONG_TESTS, distribute

LONG = [f"{beginning}part" for beginning in LONG_TESTS]
SHORT = [f"tests/models/test_{n}.py::test" for n in range(95)]


@pytest.mark.parametrize("beginning", LONG_TESTS)
def test_long_tests_exist(beginning: str) -> None:
    path, _, name = beginning.partition("::")
    place = Path(__file__).parents[2] / path
    assert place.is_dir() or f"\ndef {name or 'test_'}" in place.read_text()


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_every_part_begins_with_its_long_tests_and_no_test_is_lost(workers: int) -> None:
    ids = [*SHORT, *LONG]
    order = distribute(ids, workers)
    assert sorted(order) == list(range(len(ids)))
    left = [ids[index] for index in order]
    for worker in range(workers):  # as pytest-xdist divides them
        count = len(left) // (workers - worker)
        part, left = left[:count], left[count:]
        are_long = [id in LONG for id in part]
        assert are_long == sorted(are_long, reverse=True)
        assert any(are_long)


def test_two_workers_get_about_the_same_seconds_of_long_tests() -> None:
    ids = [*SHORT, *LONG]
    order = distribute(ids, 2)
    half = {ids[index] for index in order[: len(ids) // 2]}
    first = sum(seconds for beginning, seconds in LONG_TESTS.items() if f"{beginning}part" in half)
    assert abs(2 * first - sum(LONG_TESTS.values())) < 40


def test_tests_of_one_entry_stay_together_in_their_order() -> None:
    ids = ["tests/browser/a.py::one", "tests/models/b.py::two", "tests/browser/c.py::three"]
    assert [ids[index] for index in distribute(ids, 2)] == [ids[0], ids[2], ids[1]]


def test_more_long_tests_than_a_part_holds_are_no_error() -> None:
    ids = [f"tests/browser/a.py::test_{n}" for n in range(9)]
    assert distribute(ids, 4) == list(range(9))
