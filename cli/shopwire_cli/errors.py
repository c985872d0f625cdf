"""The errors that end a command. `main` prints their text and returns their exit code.

CommandError     the command failed, exit code 1
└── UserError    an argument, a file or a name is wrong, exit code 2
"""


class CommandError(Exception):
    """The command failed. The text is one line, says what to do, and holds nothing of a webhook's body.

    Several mistakes may be reported at once, each as an argument of its own.
    """

    exit_code = 1

    @property
    def lines(self) -> list[str]:
        """The text of each mistake."""
        return [str(argument) for argument in self.args]


class UserError(CommandError):
    """An argument, a file or a name is wrong. The user has to correct it."""

    exit_code = 2
