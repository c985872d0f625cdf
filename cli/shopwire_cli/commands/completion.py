"""`shopwire completion`: print the script with which a shell completes the words of `shopwire`."""

import argparse

from shopwire_cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    """Define the arguments of `shopwire completion`."""
    from shopwire_cli.completion import SCRIPTS

    parser.description = (
        "Prints a script for the shell, after which the Tab key completes commands, options, platforms and topics.\n"
        "Evaluate it in the start-up file of the shell."
    )
    parser.epilog = """examples:
  shopwire completion bash
  eval "$(shopwire completion bash)"
  shopwire completion fish | source"""
    parser.add_argument("shell", metavar="SHELL", choices=tuple(SCRIPTS), help=", ".join(SCRIPTS))


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    from shopwire_cli.completion import SCRIPTS

    print(SCRIPTS[options.shell], end="")
    return 0
