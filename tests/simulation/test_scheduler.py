"""The scheduler orders actions by their time, and its faults cannot be caught by the code under test."""

from shopwire_simulation.scheduler import Fault, Invocation, Killed, Scheduler


def test_actions_run_by_time_and_then_in_the_order_of_scheduling() -> None:
    scheduler, seen = Scheduler(0), []
    for name, at in (("c", 20), ("a", 10), ("b", 10)):
        scheduler.call_at(at, lambda name=name: seen.append((name, scheduler.now)))  # type: ignore[misc]
    scheduler.run()
    assert seen == [("a", 10), ("b", 10), ("c", 20)]


def test_crashing_invocation_cannot_catch_its_crash() -> None:
    scheduler, seen = Scheduler(0), []

    def careful() -> str:
        try:
            scheduler.reach_point("ledger", "before")
        except Exception:
            return "caught"
        return "survived"

    crashing = Invocation("first", 100, "seed")
    crashing.planned_fault = (1, Fault.CRASH)
    scheduler.invoke(crashing, careful, seen.append)
    scheduler.invoke(Invocation("second", 100, "seed"), careful, seen.append)
    assert isinstance(seen[0], Killed)
    assert seen[1] == "survived"
