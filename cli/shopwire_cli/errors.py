"""How a command ends badly: one clear line on stderr, and the exit code that says whose fault it was."""


class CommandError(Exception):
    """Ends the command with this one line. The text names the fix and holds nothing of a webhook's body."""

    exit_code = 1


class UserError(CommandError):
    """What the user got wrong: an argument, a file, a name."""

    exit_code = 2
