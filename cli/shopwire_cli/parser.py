"""The argument parser: its class, the types of arguments, and the options that several commands have.

Only the standard library is imported here, because every call of `shopwire` needs this module.
"""

import argparse
import re
from collections.abc import Callable
from typing import Any, NoReturn

from shopwire_cli.suggestions import did_you_mean
from shopwire_cli.terminal import escape

DEV_URL = "http://127.0.0.1:8787"
"""Where `shopwire dev` listens by default."""

_LARGEST_PORT = 65_535


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Prints examples as they are written, and the help of each command beside its name."""

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        # argparse forgets that the names of commands are indented, and breaks the line behind the longest one.
        for command in self._iter_indented_subactions(action):
            length = len(self._format_action_invocation(command)) + self._current_indent
            self._action_max_length = max(self._action_max_length, length)


class Parser(argparse.ArgumentParser):
    """A parser that accepts options between the positional arguments (`map shopify orders/create --new order.json`),
    reports an error in one line, and prints examples as they are written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"formatter_class": _HelpFormatter, **kwargs})
        self._intermixing = False
        self.more_help: Callable[[], str] | None = None
        """Returns the end of the help. It is called only for --help, because it may be slow."""

    def format_help(self) -> str:
        if self.more_help:
            self.epilog = "\n\n".join(filter(None, (self.epilog, self.more_help())))
            self.more_help = None
        return super().format_help()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        # argparse has this as a method of another name, and only for parsers without subcommands. That method calls
        # `parse_known_args` itself.
        if self._intermixing or self._subparsers is not None:
            self._check_first_option(args)
            return super().parse_known_args(args, namespace)
        self._intermixing = True
        try:
            namespace, rest = self.parse_known_intermixed_args(args, namespace)
        finally:
            self._intermixing = False
        if rest:
            # Otherwise the parser of the whole command line would report it, which does not know our options.
            self._refuse(rest[0])
        return namespace, rest

    def _check_first_option(self, args: Any) -> None:
        """Refuse an unknown option in front of a command. Otherwise the error would be that there is no command."""
        first = next(iter(args or ()), "")
        if self._subparsers is not None and first.startswith("-") and first not in self._option_string_actions:
            self._refuse(first)

    def _refuse(self, word: str) -> NoReturn:
        if word.startswith("-"):
            self.error(f"there is no option {word}{did_you_mean(word, self._option_string_actions)}")
        self.error(f"one argument too many: {word}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            words = [str(choice) for choice in action.choices]
            kind = (action.metavar if isinstance(action.metavar, str) else action.dest).lower()
            if action.option_strings:
                problem = f"{'/'.join(action.option_strings)}: must be one of {', '.join(words)}, not {value!r}"
                self.error(problem + did_you_mean(str(value), words))
            self.error(
                f"there is no {kind} {value!r}{did_you_mean(str(value), words)}: choose one of {', '.join(words)}"
            )
        super()._check_value(action, value)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {escape(message)} (see {self.prog} --help)\n")


class PrintVersion(argparse.Action):
    """The option --version. It looks the version up only when it is used, because that is slow."""

    def __init__(self, option_strings: list[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, **kwargs)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib.metadata import version

        print(f"shopwire {version('shopwire')}")
        parser.exit()


def integer(text: str) -> int:
    """Return the number that an argument gives.

    Raises:
        argparse.ArgumentTypeError: it is not a whole number.
    """
    number = _integer(text)
    if number is None:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}")
    return number


def positive_integer(text: str) -> int:
    """Return the number that an argument gives.

    Raises:
        argparse.ArgumentTypeError: it is not a whole number of at least 1.
    """
    number = _integer(text)
    if number is None or number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return number


def port(largest: int = _LARGEST_PORT) -> Callable[[str], int]:
    """Return the type of an argument that is a port number from 0 to `largest`."""

    def parse(text: str) -> int:
        number = _integer(text)
        if number is None or not 0 <= number <= largest:
            raise argparse.ArgumentTypeError(f"must be a port number from 0 to {largest}, not {text!r}")
        return number

    return parse


def add_url_option(parser: Parser, help: str = "address of the running `shopwire dev`") -> None:
    """Add the option --url."""
    parser.add_argument("--url", default=DEV_URL, type=_address, help=f"{help} (default: %(default)s)")


def _address(text: str) -> str:
    """Return the address of shopwire.

    Raises:
        argparse.ArgumentTypeError: it is the URL of a shop's webhooks.
    """
    if found := re.search(r"/(?:webhooks|storefront)/[^/]*/?$", text):
        raise argparse.ArgumentTypeError(f"must be the address of shopwire alone, without {found[0]}")
    return text


def add_installation_options(parser: Parser) -> None:
    """Add the options that choose the installation: --url for the running `shopwire dev`, --stack for a stack."""
    add_url_option(parser)
    parser.add_argument(
        "--stack",
        metavar="NAME",
        help="use this deployed stack, not `shopwire dev`; AWS credentials and region are taken from the environment",
    )


def add_utc_option(parser: Parser) -> None:
    """Add the option --utc."""
    parser.add_argument("--utc", action="store_true", help="show times in UTC (default: your time zone)")


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
