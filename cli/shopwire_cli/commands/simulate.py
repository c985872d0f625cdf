"""`shopwire simulate`: what is asked, handed to the simulation. Nothing is simulated here."""

import argparse

from shopwire_cli.errors import UserError
from shopwire_simulation.command import Asked, NoSuch, faults_named, simulate


def run(options: argparse.Namespace) -> int:
    """Simulate; 1 where a promise was broken."""
    try:
        faults = faults_named(options.faults)
        return simulate(Asked(options.webhooks, options.seed, faults, options.storm, options.replay))
    except NoSuch as error:
        raise UserError(str(error)) from None
