"""Every run of these tests also checks that no function calls an action of AWS that its role does not allow."""

from collections.abc import Iterator
from typing import Any

import pytest

from shopwire_simulation.cloud import Cloud
from tests.support.permissions import allowed_actions, iam_action


@pytest.fixture(autouse=True)
def denied_actions(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[tuple[str, str]]]:
    """Collect each function with an action that its role in template.yaml does not allow. There must be none."""
    denied: set[tuple[str, str]] = set()
    allowed = {name: allowed_actions(name.title()) for name in ("webhook", "storefront", "retry", "upkeep")}
    make_cloud = Cloud.__init__

    def make_watched_cloud(self: Cloud, *args: Any, **kwargs: Any) -> None:
        make_cloud(self, *args, **kwargs)
        on_call = self._on_aws_call

        def watch(service: str, operation: str, arguments: dict[str, Any]) -> None:
            invocation, action = self.scheduler.current, iam_action(service, operation)
            if invocation and invocation.name in allowed and action not in allowed[invocation.name]:
                denied.add((invocation.name, action))
            on_call(service, operation, arguments)

        self._on_aws_call = watch

    monkeypatch.setattr(Cloud, "__init__", make_watched_cloud)
    yield denied
    assert denied == set()
