"""The commands of `shopwire`, one module each, with `add_arguments(parser)` and `run(options)`.

A module imports what is slow to load (pydantic, requests, boto3, shopwire) only in `run`, or in a module that `run`
imports, so that `shopwire COMMAND --help` is fast.
"""

import argparse
from importlib import import_module
from typing import Protocol, cast

from shopwire_cli.parser import Parser

COMMANDS = {
    "map": "print the API requests that a webhook's body becomes",
    "send": "sign a sample as the platform would, and post it",
    "dev": "run everything locally",
    "tail": "show each webhook when it arrives, and what became of it",
    "parked": "list, show and replay webhooks that could not be mapped or that the API refused",
    "person": "show what is kept of a person, or erase it",
    "inspect": "show each webhook and what became of it, in the browser",
    "shop": "connect shops: put, list, show, remove",
    "secret": "make a strong secret",
    "completion": "print the script that completes commands in bash, zsh or fish",
    "simulate": "test the promises with simulated shops, stores and faults",
}
"""Name and help of each command, in the order of `shopwire --help`. The module has the command's name."""


class Command(Protocol):
    """What the module of a command defines."""

    def add_arguments(self, parser: Parser) -> None:
        """Define the command's arguments and the rest of its help."""

    def run(self, options: argparse.Namespace) -> int:
        """Do the work and return the exit code. May raise CommandError."""


def load_command(name: str) -> Command:
    """Import the module of a command."""
    return cast(Command, import_module(f"{__name__}.{name}"))
