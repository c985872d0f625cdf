"""The simulation sees: bugs planted into a copy of the code are caught. Here those that are caught early; `make
mutants` plants all of them."""

from pathlib import Path

import pytest

from shopwire_simulation.mutants.planted import PLANTED, Mutant
from shopwire_simulation.mutants.runner import NotOnce, judge, plant

ROOT = Path(__file__).parents[2]
QUICK = [one for one in PLANTED if one.quick]


@pytest.mark.parametrize("mutant", PLANTED, ids=lambda one: one.name)
def test_the_table_follows_the_code(mutant: Mutant) -> None:
    assert (ROOT / mutant.path).read_text().count(mutant.old) == 1
    assert mutant.new != mutant.old


def test_there_are_enough_of_them_and_each_has_a_name_of_its_own() -> None:
    assert len({one.name for one in PLANTED}) == len(PLANTED) >= 24
    assert len(QUICK) >= len(PLANTED) / 2


@pytest.mark.parametrize("mutant", QUICK, ids=lambda one: one.name)
def test_a_planted_bug_is_caught(mutant: Mutant) -> None:
    assert judge(mutant).kind is not None


def test_a_text_that_does_not_stand_once_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("twice twice")
    with pytest.raises(NotOnce, match="2 times"):
        plant(Mutant("a bug", "file.py", "twice", "once"), tmp_path)
