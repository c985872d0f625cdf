"""The outside of a simulated BigCommerce store: the bodies of its webhooks, and what its API answers.

Sources: "Webhooks Overview", "Webhook Events" and the references of BigCommerce's API. A webhook names an entity and
says that it changed. The API answers with the state of that moment. Nothing here knows how shopwire reads either.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from shopwire_testkit.announcements import Meaning, Version
from shopwire_testkit.durations import SECOND
from shopwire_testkit.story_recorder import StoryRecorder

HOST = "api.bigcommerce.com"
Answers = Mapping[str, bytes | None]
"""Path below the store's root, with the filter by which something is found -> body; None: there is no such thing."""


def encode_json(body: Any) -> bytes:
    """Return JSON as BigCommerce writes it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def v2_time(at: int) -> str:
    """Return a time (UTC milliseconds) as V2 of the API writes it: RFC 2822, in whole seconds."""
    return format_datetime(datetime.fromtimestamp(at // SECOND, UTC))


def v3_time(at: int) -> str:
    """Return a time (UTC milliseconds) as V3 of the API writes it: ISO 8601, in whole seconds."""
    return datetime.fromtimestamp(at // SECOND, UTC).isoformat()


def v2_money(hundredths: int) -> str:
    """Return an amount as V2 of the API writes it: text with four decimals, whatever the currency."""
    return f"{hundredths // 100}.{hundredths % 100:02d}00"


def v3_list(*resources: Mapping[str, Any]) -> bytes:
    """Return a page of V3 of the API."""
    count = len(resources)
    pagination = {"total": count, "count": count, "per_page": 50, "current_page": 1, "total_pages": 1}
    return encode_json({"data": resources, "meta": {"pagination": pagination}})


class Store:
    """Announces the changes of one story with the webhooks of its store.

    If the store subscribed to wildcards (`has_wildcards`), each change comes under several topics, and under those of
    its channel.
    """

    def __init__(self, recorder: StoryRecorder) -> None:
        settings = recorder.shop.settings
        self.has_wildcards = bool(settings.id_prefix)
        self._recorder = recorder
        (self._name,) = settings.stores

    def change(
        self,
        webhooks: Iterable[tuple[str, Mapping[str, Any]]],
        entity: str,
        meaning: Meaning | None,
        version: Version | None,
        answers: Answers,
        *,
        silent: bool = False,
    ) -> None:
        """Announce one change of an entity, whose state the API has from now on.

        Args:
            webhooks: scope and `data` of each webhook.
            silent: no webhook is sent.
        """
        answers = {f"{HOST}/{self._name}{path}": body for path, body in answers.items()}
        for scope, data in webhooks:
            self._recorder.announce(
                scope, self._body(scope, data), entity, meaning, version, answers=answers, thin=True, silent=silent
            )

    def state(self, entity: str, meaning: Meaning | None, version: Version | None, answers: Answers) -> None:
        """Change what the API answers, without a webhook."""
        self.change((("no webhook", {}),), entity, meaning, version, answers, silent=True)

    def fact(
        self,
        scope: str,
        data: Mapping[str, Any],
        entity: str,
        meaning: Meaning | None,
        version: Version | None = None,
    ) -> None:
        """Announce a webhook that says everything itself."""
        self._recorder.announce(scope, self._body(scope, data), entity, meaning, version)

    def _body(self, scope: str, data: Mapping[str, Any]) -> bytes:
        """Return the body. Two changes of an entity in one second have the same body, also the same hash."""
        fields = {
            "store_id": "1001",
            "producer": self._name,
            "scope": scope,
            "data": data,
            "created_at": self._recorder.now // SECOND,
        }
        return encode_json(fields | {"hash": hashlib.sha1(encode_json(fields), usedforsecurity=False).hexdigest()})
