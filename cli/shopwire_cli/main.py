"""The entry point of `shopwire`: build the parser, run the command, turn an error into one line and an exit code."""

import io
import os
import sys
from collections.abc import Sequence

from shopwire_cli.commands import COMMANDS, load_command
from shopwire_cli.errors import CommandError
from shopwire_cli.parser import Parser, PrintVersion
from shopwire_cli.terminal import escape, escaped_output

_INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0 for success, 1 for a failure, 2 for a mistake of the user.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # names of people and products, whatever the locale
    # Files that a command writes may hold personal data or secrets, so only the user may read them.
    umask = os.umask(0o077)
    try:
        with escaped_output(sys.stdout, sys.stderr):
            return _run(sys.argv[1:] if arguments is None else arguments)
    finally:
        os.umask(umask)


def _run(arguments: Sequence[str]) -> int:
    program = "shopwire"
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    try:
        if arguments[:2] == ["completion", "--words"]:
            return _print_completions(arguments[2:])
        options = make_parser(arguments).parse_args(arguments or ["--help"])
        program = f"shopwire {options.command}"
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except CommandError as error:
        for line in error.lines:
            print(f"{program}: {escape(line)}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader of the pipe (`| head`) has closed it. The flush at exit must not fail on what is still buffered.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _print_completions(words: Sequence[str]) -> int:
    """Print what the last word may become, for the scripts of `shopwire completion`."""
    from shopwire_cli.completion import complete

    words = words[1:] if words[:1] == ["help"] and len(words) > 1 else words
    for word in complete(make_parser(words[:-1]), words):
        print(word)
    return 0


def make_parser(arguments: Sequence[str]) -> Parser:
    """Return the parser for these arguments. `options.run` is the function of the command that they name.

    The parsers of all other commands are empty. Importing the modules of all commands would make every call a tenth
    slower.
    """
    parser = Parser(
        prog="shopwire",
        description="Turns the webhooks of shop platforms into eSputnik v1/event requests.",
        epilog="""`shopwire help COMMAND` and `shopwire COMMAND --help` show more, with examples.

examples:
  shopwire dev                                   run everything locally, in memory
  shopwire send shopify orders/create            sign one of our samples and post it there
  shopwire map shopify orders/create order.json  print what would be sent, and send nothing
  shopwire tail                                  show each webhook, and what it became
  shopwire parked list                           list what could not be mapped or was refused by the API
  shopwire inspect                               print the address of the pages that show all this
  shopwire shop put shops.toml --stack shopwire  connect shops to a deployed stack""",
    )
    parser.add_argument("--version", action=PrintVersion, help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    named = next((word for word in arguments if not word.startswith("-")), None)
    for name, help in COMMANDS.items():
        subparser = commands.add_parser(name, help=help)
        if name == named:
            command = load_command(name)
            command.add_arguments(subparser)
            subparser.set_defaults(run=command.run)
    return parser
