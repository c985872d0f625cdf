"""The installation that a deployed stack is. It uses the stack's table and queue as the stack's own functions do."""

from collections.abc import Iterator
from contextlib import contextmanager

from shopwire.delivery.task import Policy
from shopwire.environment import Clients, Environment, Settings
from shopwire.errors import MessageTooLarge, NewerMessageFormat, QueueUnavailable, SettingsUnavailable, TableUnavailable
from shopwire.stores.parked import Parked
from shopwire_cli import aws_stack
from shopwire_cli.errors import CommandError
from shopwire_cli.installations import Record, unknown


class StackInstallation:
    """The parked webhooks of a deployed stack (an `Installation`).

    Args:
        name: the stack's name.

    Raises:
        UserError, CommandError: as `describe_stack`; UserError if the stack is not one of shopwire's.
    """

    def __init__(self, name: str) -> None:
        self._environment = Environment(function_settings(name), Clients())

    def list(self) -> list[Record]:
        with _command_errors():
            shops = self._environment.shops.ids()
            parked = [webhook for shop in shops for webhook in self._environment.parked.list(shop)]
        return [webhook.summary for webhook in sorted(parked, key=lambda webhook: (webhook.first, webhook.id))]

    def show(self, id: str) -> Record:
        with _command_errors():
            return self._get(id).record

    def replay(self, id: str) -> None:
        with _command_errors():
            self._environment.replay(self._get(id))

    def _get(self, id: str) -> Parked:
        parked = self._environment.parked.get(id)
        if parked is None:
            raise unknown(id)
        return parked


def function_settings(name: str) -> Settings:
    """Return the settings that the functions of a deployed stack have, as far as a dry run needs them.

    Raises:
        UserError, CommandError: as `StackInstallation`.
    """
    stack = aws_stack.describe_stack(name)
    return Settings(
        table=stack.output("TableName"),
        queue_url=stack.output("QueueUrl"),
        shops_path=stack.output("ShopsPath"),
        esputnik_url="https://esputnik.com/api/",
        hash_key=stack.id.split("/")[2],  # template.yaml takes the same part of the ARN
        policy=Policy(),
    )


@contextmanager
def _command_errors() -> Iterator[None]:
    """Raise the errors of shopwire's stores as CommandError.

    Raises:
        CommandError: a store does not answer, or what it holds cannot be used.
    """
    try:
        yield
    except (SettingsUnavailable, TableUnavailable, QueueUnavailable) as error:
        raise CommandError(f"AWS does not answer, or refuses: {error}") from None
    except MessageTooLarge:
        raise CommandError("the webhook is too large for the queue") from None
    except NewerMessageFormat:
        raise CommandError("the webhook was written by a newer shopwire than this one: upgrade it") from None
    except ValueError as error:
        raise CommandError(str(error)) from None
