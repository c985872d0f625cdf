"""`shopwire simulate`: run the fault simulation. The package shopwire_simulation does the work."""

import argparse
import sys

from shopwire_cli.errors import UserError
from shopwire_cli.parser import Parser, integer, positive_integer


def add_arguments(parser: Parser) -> None:
    """Define the arguments of `shopwire simulate`."""
    parser.description = (
        "Runs the functions on a virtual clock, in memory, against simulated shops, AWS and API with all\n"
        "kinds of faults, and checks that every promise holds. The result is one JSON line. If a promise is broken,\n"
        "the exit code is 1 and the shortest sequence of events that shows it is on stderr."
    )
    parser.epilog = """examples:
  shopwire simulate --webhooks 20000 --seed 1
  shopwire simulate --webhooks 2000 --seed 7 --faults queue_down,duplicate
  shopwire simulate --webhooks 2000 --seed 7 --replay 41"""
    parser.add_argument(
        "--webhooks",
        metavar="N",
        type=positive_integer,
        default=20_000,
        help="number of webhooks (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        metavar="S",
        type=integer,
        default=1,
        help="seed of all random choices; the same seed gives the same run (default: %(default)s)",
    )
    parser.add_argument(
        "--faults", metavar="all|none|A,B", default="all", help="kinds of faults to inject (default: %(default)s)"
    )
    parser.add_argument("--platform", metavar="NAME", help="simulate only the shops of this platform")
    parser.add_argument(
        "--burst",
        metavar="N",
        type=positive_integer,
        help="run only burst run N, which sends its webhooks within half an hour",
    )
    parser.add_argument(
        "--replay",
        metavar="STORY,STORY",
        type=_stories,
        default=(),
        help="run only these stories, and print each event",
    )
    parser.add_argument(
        "--bounded",
        action="store_true",
        help="fail too if the checkers excuse more than is usual (the counts are under `excused`)",
    )


def run(options: argparse.Namespace) -> int:
    """Simulate. Return 1 if a promise is broken."""
    from shopwire_simulation.command import InvalidRequest, SimulationRequest, parse_faults, simulate

    try:
        faults = parse_faults(options.faults)
        request = SimulationRequest(
            options.webhooks,
            options.seed,
            faults,
            options.burst,
            options.replay,
            options.platform,
            options.bounded,
        )
        # A progress bar moves the cursor, which escaped output cannot.
        return simulate(request, bar=getattr(sys.stderr, "unescaped", None))
    except InvalidRequest as error:
        raise UserError(str(error)) from None


def _stories(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(map(int, text.split(",")))
    except ValueError:
        numbers = (-1,)
    if min(numbers) < 0:
        raise argparse.ArgumentTypeError(f"invalid list of stories: {text!r}; write numbers, like 3,41")
    return numbers
