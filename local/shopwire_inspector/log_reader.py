"""Fills the journal of a deployed stack from the functions' log lines in CloudWatch. Only reads.

Log lines contain no personal data (see shopwire.observability).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shopwire.delivery.reasons import DETAILS
from shopwire_inspector.journal import Journal, retry_key_hash
from shopwire_inspector.recorded import Attempt

FUNCTIONS = ("webhook", "storefront", "retry")
# CloudWatch shows a line some seconds after it was written, and not always in the order of writing.
_MAX_DELAY_MS = 60_000
_STATUS_OF_OUTCOME = {"invalid": 400, "unverified": 401, "unavailable": 503}
"""Outcome -> status of the response. A log line does not contain the status."""


class LogsDown(Exception):
    """CloudWatch does not respond or denies access."""


@dataclass(frozen=True, slots=True)
class _LogLine:
    """A log line about a webhook. `at` is UTC milliseconds."""

    id: str
    at: int
    function: str
    fields: Mapping[str, Any]


class LogReader:
    """Reads the functions' log lines into a journal.

    Args:
        logs: a boto3 client of CloudWatch Logs.
        since: UTC milliseconds of the oldest line to read.
    """

    def __init__(self, logs: Any, stack: str, journal: Journal, since: int) -> None:
        self._logs = logs
        self._stack = stack
        self._journal = journal
        self._since = since
        self._seen: dict[str, int] = {}
        """Id of a line that was read -> its time."""

    def read(self) -> None:
        """Read the new lines.

        Raises:
            LogsDown.
        """
        new = [line for function in FUNCTIONS for line in self._fetch(function) if line.id not in self._seen]
        for line in sorted(new, key=lambda line: line.at):
            self._seen[line.id] = line.at
            self._record(line)
        if self._seen:
            self._since = max(self._since, max(self._seen.values()) - _MAX_DELAY_MS)
            self._seen = {id: at for id, at in self._seen.items() if at >= self._since}

    def _fetch(self, function: str) -> Iterator[_LogLine]:
        request: dict[str, Any] = {"logGroupName": f"/shopwire/{self._stack}/{function}", "startTime": self._since}
        while True:
            try:
                page = self._logs.filter_log_events(**request)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "ResourceNotFoundException":
                    return  # this version of the stack does not have the function
                raise LogsDown(code) from None
            except BotoCoreError as error:
                raise LogsDown(type(error).__name__) from None
            for event in page["events"]:
                try:
                    fields = json.loads(event["message"])
                except ValueError:
                    continue  # a line of the Lambda runtime
                if isinstance(fields, dict) and "shop" in fields and "outcome" in fields:
                    yield _LogLine(event["eventId"], event["timestamp"], function, fields)
            if not page.get("nextToken"):
                return
            request["nextToken"] = page["nextToken"]

    def _record(self, line: _LogLine) -> None:
        journal, fields, at = self._journal, line.fields, line.at
        shop, outcome, duration_ms = fields["shop"], fields["outcome"], fields.get("ms")
        details = {name: fields[name] for name in DETAILS if name in fields}
        sent = tuple(filter(None, fields.get("sent", "").split(",")))
        attempt = Attempt(at, line.function, outcome, fields.get("reason"), duration_ms, details=details, sent=sent)
        key, topic, entity = fields.get("key", ""), fields.get("topic", "unreadable"), fields.get("entity")
        if line.function == "retry":
            if not journal.add_attempt(shop, key, attempt):
                # The webhook arrived before the oldest line.
                journal.add_delivery(journal.add_webhook(shop, at), topic, entity, key, attempt, hashed_key=key)
            return
        webhook = journal.add_webhook(shop, at - (duration_ms or 0))
        if "topic" in fields:
            journal.add_delivery(webhook, topic, entity, key, attempt, hashed_key=retry_key_hash(topic, key))
        else:
            journal.set_outcome_without_delivery(webhook, outcome, fields.get("reason"), at)
        journal.set_response(webhook, _STATUS_OF_OUTCOME.get(outcome, 200), "", duration_ms or 0)
