"""Puts the long tests first, so that no worker of `make test` still runs one when the others have finished.

pytest-xdist divides the list of tests into one part for each worker. A worker without tests then takes the last ones of
another worker's part, so the short tests must be at the end of every part.
"""

from collections.abc import Sequence

LONG_TESTS = {
    "tests/browser/": 120,
    "tests/simulation/test_mutants.py::test_planted_bug_is_caught": 60,
    "tests/simulation/test_simulation.py::test_injected_fault": 40,
    "tests/documents/test_documents.py::test_commands_work": 30,
    "tests/simulation/test_simulation.py::test_each_kind_of_fault": 25,
    "tests/simulation/test_simulation.py::test_all_faults_together": 15,
    "tests/simulation/test_simulation.py::": 30,
    "tests/mapper/test_fit.py::": 15,
    "tests/simulation/test_workload.py::": 12,
    "tests/dev/": 20,
    "tests/infrastructure/": 20,
}
"""The beginnings of tests' ids, and about how many seconds these tests take together.

One worker begins with all tests of an entry, because they may share a browser or a server. A test belongs to the first
entry that fits.
"""


def distribute(ids: Sequence[str], workers: int) -> list[int]:
    """Return the indexes of the tests in the order in which the workers should get them.

    Args:
        ids: the ids of all tests.
        workers: the number of workers.
    """
    groups: dict[str, list[int]] = {beginning: [] for beginning in LONG_TESTS}
    short: list[int] = []
    for index, id in enumerate(ids):
        beginning = next((beginning for beginning in LONG_TESTS if id.startswith(beginning)), None)
        (short if beginning is None else groups[beginning]).append(index)
    parts: list[list[int]] = [[] for _ in range(workers)]
    seconds = [0] * workers
    for beginning, group in sorted(groups.items(), key=lambda pair: -LONG_TESTS[pair[0]]):
        worker = seconds.index(min(seconds))
        parts[worker] += group
        seconds[worker] += LONG_TESTS[beginning] if group else 0
    left = len(ids)
    for worker, part in enumerate(parts):
        missing = left // (workers - worker) - len(part)
        part += short[: max(missing, 0)]
        del short[: max(missing, 0)]
        left -= len(part)
    return [index for part in parts for index in part]
