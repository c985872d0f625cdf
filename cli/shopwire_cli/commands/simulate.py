"""`shopwire simulate`: reads the options and calls the simulation."""

import argparse

from shopwire_cli.errors import UserError
from shopwire_simulation.command import InvalidRequest, SimulationRequest, parse_faults, simulate


def run(options: argparse.Namespace) -> int:
    """Simulate and return the exit code: 1 if a promise was broken."""
    try:
        faults = parse_faults(options.faults)
        request = SimulationRequest(options.webhooks, options.seed, faults, options.burst, options.replay)
        return simulate(request)
    except InvalidRequest as error:
        raise UserError(str(error)) from None
