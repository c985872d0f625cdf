"""Local Lambda environments: reuse, concurrency, loading of app.py."""

import threading
from pathlib import Path
from typing import Any

import pytest

from shopwire_dev.lambdas import Function, FunctionNotFound
from tests.dev.helpers import Handler


def test_environment_serves_one_invocation_at_a_time_and_is_reused() -> None:
    environments: list[list[str]] = []
    both = threading.Barrier(2, timeout=20)

    def load(name: str) -> Any:
        request_ids: list[str] = []
        environments.append(request_ids)

        def handler(event: Any, context: Any) -> int:
            request_ids.append(context.aws_request_id)
            if event == "overlapping":
                both.wait()
            return len(environments)

        return handler

    function = Function("webhook", load)
    assert [function.invoke("single") for _ in range(3)] == [1, 1, 1]
    threads = [threading.Thread(target=function.invoke, args=("overlapping",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, environments)) == [1, 4]
    assert len({id for request_ids in environments for id in request_ids}) == 5


def test_environment_is_reused_after_a_failed_invocation() -> None:
    handlers: list[Handler] = []

    def load(name: str) -> Any:
        handlers.append(Handler())
        handlers[-1].result = RuntimeError("x")
        return handlers[-1]

    function = Function("retry", load)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            function.invoke({"Records": []})
    assert len(handlers) == 1


def test_app_module_is_loaded_once_per_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "webhook").mkdir()
    (tmp_path / "webhook" / "app.py").write_text(
        "calls = []\ndef handler(event, context):\n    calls.append(event)\n    return calls, context.function_name"
    )
    monkeypatch.setattr("shopwire_dev.lambdas._FUNCTIONS_FOLDER", tmp_path)
    first, second = Function("webhook"), Function("webhook")
    first.invoke(1)
    assert first.invoke(2) == ([1, 2], "webhook")
    assert second.invoke(3) == ([3], "webhook")


def test_missing_function_is_reported_before_anything_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shopwire_dev.lambdas._FUNCTIONS_FOLDER", tmp_path)
    with pytest.raises(FunctionNotFound, match=r"webhook/app.py is missing: run shopwire from its repository"):
        Function("webhook")
