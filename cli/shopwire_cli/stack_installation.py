"""The installation that a deployed stack is. It uses the stack's table and queue as the stack's own functions do."""

from collections.abc import Iterator
from contextlib import contextmanager

from shopwire.delivery.task import Policy
from shopwire.environment import Clients, Environment, Settings
from shopwire.errors import (
    MessageTooLarge,
    NewerMessageFormat,
    NothingDurable,
    QueueUnavailable,
    SettingsUnavailable,
    TableUnavailable,
)
from shopwire.stores.parked import Parked
from shopwire_cli import aws_stack
from shopwire_cli.errors import CommandError, UserError
from shopwire_cli.installations import Named, Record, unknown
from shopwire_dev.people import BadPerson, find_named, orders_of


class StackInstallation:
    """The parked webhooks and the people of a deployed stack (an `Installation`).

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

    def find_person(self, named: Named) -> Record:
        with _command_errors():
            shop, contact = find_named(self._environment.shops, named)
            return self._environment.person_finder.find(shop, contact)

    def erase_person(self, named: Named) -> Record:
        with _command_errors():
            shop, contact = find_named(self._environment.shops, named)
            outcome = self._environment.erase_person(shop, contact, orders_of(named))
        return {"status": outcome.status, "reason": outcome.reason}

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
        UserError: no person or no shop has what is named.
        CommandError: a store does not answer, or what it holds cannot be used.
    """
    try:
        yield
    except (SettingsUnavailable, TableUnavailable, QueueUnavailable) as error:
        raise CommandError(f"AWS does not answer, or refuses: {error}") from None
    except NothingDurable:
        raise CommandError("neither the table nor the queue accepts the request: try again later") from None
    except BadPerson as error:
        raise UserError(str(error)) from None
    except MessageTooLarge:
        raise CommandError("the webhook is too large for the queue") from None
    except NewerMessageFormat:
        raise CommandError("the webhook was written by a newer shopwire than this one: upgrade it") from None
    except ValueError as error:
        raise CommandError(str(error)) from None
