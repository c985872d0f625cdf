"""The senders of senders/: what they promise, the same for each language, and that shopwire accepts what they send."""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from senders.python.shopwire_queue import Queue
from shopwire_dev.stack import DevStack
from tests.php.interpreter import php
from tests.senders.senders import NOW, SENDERS, Sender, Server, node
from tests.support.generic import BODIES, GENERIC, PLAIN, SECRET, shop

NEXT_SECRET = "whsec_bmV4dCBzZWNyZXQgb2YgdGhlIHNhbWUgc2hvcA=="
ORDER = {name: value for name, value in PLAIN.items() if name != "version"}
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=SENDERS)
def sender(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Sender:
    return Sender(request.param, tmp_path / "queue", server.start(), [SECRET])


def test_change_is_signed_and_sent_with_the_time_at_which_it_was_added(sender: Sender, server: Server) -> None:
    added, summary = sender.run(("add", ORDER), ("flush", 20))
    assert (added, summary) == (True, {"sent": 1, "rejected": 0, "waiting": 0, "error": ""})
    (call,) = server.calls
    GENERIC.verify(call, shop())
    assert json.loads(call.body) == ORDER | {"version": "2026-11-27T17:20:00.000Z"}
    assert sender.files("waiting") == sender.files("rejected") == []


def test_adding_uses_no_network_and_keeps_what_the_body_says(sender: Sender, server: Server) -> None:
    assert sender.run(("add", PLAIN), ("pass", 1), ("add", BODIES["order_deleted"])) == [True, None, True]
    assert server.calls == []
    assert sender.flush()["sent"] == 2
    assert [json.loads(call.body) for call in server.calls] == [PLAIN, BODIES["order_deleted"]]
    ids = {call.headers["webhook-id"] for call in server.calls}
    assert len(ids) == 2


def test_messages_are_sent_in_the_order_of_their_time(sender: Sender, server: Server) -> None:
    commands: list[tuple[str, Any]] = []
    for number in range(5):
        commands += [("add", ORDER | {"note": str(number)}), ("pass", 1)]
    sender.run(*commands)
    assert sender.flush()["sent"] == 5
    assert [json.loads(call.body)["note"] for call in server.calls] == ["0", "1", "2", "3", "4"]


def test_changes_of_one_millisecond_keep_their_order_also_if_the_clock_goes_back(
    sender: Sender, server: Server
) -> None:
    commands: list[tuple[str, Any]] = [("add", ORDER | {"note": str(number)}) for number in range(12)]
    sender.run(*commands, ("pass", -200), ("add", ORDER | {"note": "12"}), ("flush", 20))
    bodies = [json.loads(call.body) for call in server.calls]
    assert [body["note"] for body in bodies] == [str(number) for number in range(13)]
    # Of two states of one millisecond, the one that is further would count, instead of the second one.
    assert [body["version"] for body in bodies] == [f"2026-11-27T17:20:00.{number:03}Z" for number in range(13)]


def test_clock_that_is_put_back_by_more_than_a_minute_counts(sender: Sender, server: Server) -> None:
    sender.run(("add", ORDER), ("pass", -3_600_000), ("add", ORDER), ("flush", 20))
    versions = {json.loads(call.body)["version"] for call in server.calls}
    assert versions == {"2026-11-27T17:20:00.000Z", "2026-11-27T16:20:00.000Z"}


@pytest.mark.parametrize("answer", [503, 401, 302])
def test_message_is_sent_again_with_its_id_and_a_new_signature(sender: Sender, server: Server, answer: int) -> None:
    server.answers = [answer]
    sender.add(ORDER)
    failed = sender.flush()
    assert (failed["sent"], failed["waiting"]) == (0, 1)
    assert failed["error"].startswith(f"HTTP {answer}")
    assert sender.flush(after=60_000)["sent"] == 1
    first, second = server.calls
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert int(second.headers["webhook-timestamp"]) == NOW // 1000 + 60
    GENERIC.verify(replace(second, received_at=NOW + 60_000), shop())


def test_failures_make_it_wait_longer_and_longer(sender: Sender, server: Server) -> None:
    server.answers = [503] * 8
    sender.add(ORDER)
    sender.add(ORDER)
    for seconds in (5, 30, 120, 600, 1800, 3600, 3600):
        assert sender.flush()["error"].startswith("HTTP 503")
        calls = len(server.calls)
        early = sender.flush(after=seconds * 790)
        assert early["error"].startswith("waiting after a failure: HTTP 503")
        assert early["waiting"] == 2
        assert len(server.calls) == calls
        sender.now += seconds * 210
    assert sender.flush()["error"].startswith("HTTP 503")
    assert len(server.calls) == 8  # one message a time, while nothing is accepted
    assert sender.flush(after=3_600_000) == {"sent": 2, "rejected": 0, "waiting": 0, "error": ""}
    server.answers = [503]
    sender.add(ORDER)
    sender.flush()
    assert sender.flush(after=5_000)["sent"] == 1  # the delays began again


@pytest.mark.parametrize(("asked", "seconds"), [("120", 120), ("99999", 3600), ("soon", 5), ("-5", 5)])
def test_response_may_ask_to_wait(sender: Sender, server: Server, asked: str, seconds: int) -> None:
    server.answers = [(429, asked)]
    later = [("pass", seconds * 790), ("flush", 20), ("pass", seconds * 210), ("flush", 20)]
    *_, early, _, done = sender.run(("add", ORDER), ("flush", 20), *later)
    assert early["error"].startswith("waiting after a failure: HTTP 429")
    assert done["sent"] == 1


@pytest.mark.parametrize(
    "state",
    [
        *("", "[]", "null", '{"failures": "x", "not_before": "x"}', '{"failures": null, "not_before": {}}'),
        # Written while the clock was wrong.
        '{"failures": 2, "not_before": 9999999999999999}',
        '{"failures": -2, "not_before": -5}',
    ],
)
def test_damaged_state_stops_nothing(sender: Sender, server: Server, state: str) -> None:
    sender.folder.mkdir()
    (sender.folder / "state.json").write_text(state)
    summary = sender.run(("add", ORDER), ("flush", 20))[1]
    assert summary == {"sent": 1, "rejected": 0, "waiting": 0, "error": ""}


@pytest.mark.parametrize("text", ["", ', "error": null', ', "error": {"a": []}'])
def test_state_without_the_text_of_the_failure_still_waits(sender: Sender, server: Server, text: str) -> None:
    sender.folder.mkdir()
    not_before = (NOW + 2000) // (1000 if sender.name == "python" else 1)
    (sender.folder / "state.json").write_text(f'{{"failures": 1, "not_before": {not_before}{text}}}')
    summary = sender.run(("add", ORDER), ("flush", 20))[1]
    assert summary == {"sent": 0, "rejected": 0, "waiting": 1, "error": "waiting after a failure: "}
    assert server.calls == []


def test_second_process_sends_nothing(sender: Sender, server: Server) -> None:
    sender.add(ORDER)
    with open(sender.folder / "lock", "w") as lock:  # the Node sender only looks whether there is such a file
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert sender.flush()["error"] == "another process is sending"
    assert server.calls == []


def test_folder_that_cannot_be_used_is_an_error_and_no_exception(sender: Sender, tmp_path: Path) -> None:
    sender.folder = tmp_path / "file"
    sender.folder.write_text("in place of the folder")
    assert sender.flush()["error"].startswith("the folder")


def test_blanks_around_a_secret_do_not_count(sender: Sender, server: Server) -> None:
    sender.secrets = [f" {SECRET}\n"]
    sender.run(("add", ORDER), ("flush", 20))
    GENERIC.verify(server.calls[0], shop())


def test_response_that_never_ends_is_left(sender: Sender, server: Server) -> None:
    server.answers = ["drip"]
    sender.timeout = 1
    summary = sender.run(("add", ORDER), ("flush", 20))[1]
    assert (summary["sent"], summary["waiting"]) == (0, 1)
    assert summary["error"]


def test_python_sender_writes_what_frameworks_return(tmp_path: Path) -> None:
    queue = Queue(tmp_path, "http://127.0.0.1:1/webhooks/my-shop", SECRET)
    at = datetime(2026, 11, 26, 18, 5, tzinfo=UTC)
    assert queue.add(ORDER | {"total": Decimal("1E+2"), "created_at": at, "id": UUID(int=7)})
    (path,) = (tmp_path / "waiting").iterdir()
    body = json.loads(json.loads(path.read_text())["body"])
    assert (body["total"], body["created_at"]) == ("100", "2026-11-26T18:05:00+00:00")
    assert body["id"] == "00000000-0000-0000-0000-000000000007"
    assert not queue.add(ORDER | {"note": object()})


def test_node_sender_writes_big_numbers_and_no_half_of_an_emoji(tmp_path: Path) -> None:
    program = """
        const { Queue } = require(process.argv[1]);
        const queue = new Queue(process.argv[2], "http://127.0.0.1:1/webhooks/my-shop", "s");
        queue.add({ type: "order", id: 9007199254740993n, note: "😀".slice(0, 1) + "😀" });
    """
    subprocess.run([node(), "-e", program, ROOT / "senders/node/shopwire-queue.js", tmp_path], check=True, timeout=60)
    (path,) = (tmp_path / "waiting").iterdir()
    body = json.loads(json.loads(path.read_text())["body"])
    assert (body["id"], body["note"]) == ("9007199254740993", "\ufffd\U0001f600")


@pytest.mark.parametrize("answer", [400, 413])
def test_message_with_mistakes_is_kept_aside_and_the_next_one_is_sent(
    sender: Sender, server: Server, answer: int
) -> None:
    server.answers = [answer]
    sender.run(("add", ORDER), ("pass", 1), ("add", BODIES["cart"]))
    assert sender.flush() == {"sent": 1, "rejected": 1, "waiting": 0, "error": ""}
    message, response = sender.files("rejected")
    assert json.loads(json.loads((sender.folder / "rejected" / message).read_text())["body"])["id"] == "1042"
    assert json.loads((sender.folder / "rejected" / response).read_text()) == {"error": "the body has mistakes"}


def test_damaged_file_is_kept_aside(sender: Sender, server: Server) -> None:
    sender.add(ORDER)
    (sender.folder / "waiting" / "0-damaged.json").write_text('{"id": "msg_1", "bo')
    (sender.folder / "waiting" / "0-half.json.tmp").write_text("being written")
    assert sender.flush() == {"sent": 1, "rejected": 1, "waiting": 0, "error": ""}


def test_server_that_does_not_answer_is_left_after_the_time_out(sender: Sender, server: Server) -> None:
    server.answers = ["silence"]
    sender.timeout = 1
    sender.add(ORDER)
    began = time.monotonic()
    summary = sender.flush()
    assert (summary["sent"], summary["waiting"]) == (0, 1)
    assert summary["error"]
    assert time.monotonic() - began < 20  # the server would answer after 30 seconds
    assert sender.flush(after=10_000)["sent"] == 1


def test_no_server_at_all(sender: Sender) -> None:
    sender.url = "http://127.0.0.1:1/webhooks/my-shop"
    sender.add(ORDER)
    summary = sender.flush()
    assert (summary["sent"], summary["waiting"]) == (0, 1)
    assert summary["error"]


def test_no_call_begins_after_the_given_seconds(sender: Sender, server: Server) -> None:
    sender.add(ORDER)
    assert sender.run(("flush", 0)) == [{"sent": 0, "rejected": 0, "waiting": 1, "error": ""}]
    assert server.calls == []


def test_both_secrets_sign_while_one_is_being_replaced(sender: Sender, server: Server) -> None:
    sender.secrets = [SECRET, NEXT_SECRET]
    sender.add(ORDER)
    sender.flush()
    for secret in sender.secrets:
        GENERIC.verify(server.calls[0], shop(secrets=(secret,)))


def test_change_that_cannot_be_written_breaks_nothing(sender: Sender, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in place of the folder")
    sender.folder = blocked
    # The reason is on stderr, which `run` does not accept.
    with pytest.raises(AssertionError, match="a change could not be written"):
        sender.run(("add", ORDER))


# Against shopwire itself.


@pytest.fixture(scope="module")
def dev() -> Iterator[DevStack]:
    stack = DevStack()
    stack.start()
    yield stack
    stack.stop()


COMMANDS = {
    "python": lambda: [sys.executable, str(ROOT / "senders/python/shopwire_queue.py")],
    "node": lambda: [node(), str(ROOT / "senders/node/shopwire-queue.js")],
    "php": lambda: [php(), str(ROOT / "senders/php/queue.php")],
}


@pytest.mark.parametrize("language", COMMANDS)
def test_shopwire_accepts_what_the_command_line_sends(language: str, dev: DevStack, tmp_path: Path) -> None:
    secret = dev.shops["demo-generic"].secrets[0].get_secret_value()
    url = f"{dev.url}/webhooks/demo-generic"
    name = {"php": "php-streams"}.get(language, language)
    queue = Sender(name, tmp_path / "queue", url, [secret], now=time.time_ns() // 1_000_000)
    id = f"{language}-1042"
    assert queue.add(ORDER | {"id": id, "cart_token": None})
    assert queue.add(ORDER | {"id": f"{id}-wrong", "total": "1,5"})
    environment = {"SHOPWIRE_QUEUE": str(queue.folder), "SHOPWIRE_URL": url, "SHOPWIRE_SECRET": secret}
    done = subprocess.run(
        [*COMMANDS[language](), "flush"], env=os.environ | environment, capture_output=True, text=True, timeout=60
    )
    assert json.loads(done.stdout) == {"sent": 1, "rejected": 1, "waiting": 0, "error": ""}, done
    assert (done.returncode, done.stderr) == (0, "")
    assert id in dev.emulator.state()["orders"]
    (response,) = (name for name in queue.files("rejected") if name.endswith(".txt"))
    assert json.loads((queue.folder / "rejected" / response).read_text())["mistakes"] == [
        {"field": "total", "problem": 'must be a number, best as text, like "1250.50"'}
    ]


@pytest.mark.parametrize("language", COMMANDS)
def test_command_line_without_its_settings_says_what_it_needs(language: str) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SHOPWIRE_")}
    done = subprocess.run([*COMMANDS[language](), "flush"], env=clean, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert "SHOPWIRE_QUEUE" in done.stderr
