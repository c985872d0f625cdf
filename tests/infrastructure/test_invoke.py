"""`make invoke` up to the emulator's door: which function, what it is given, what its answer means.

A stand-in takes the emulator's place; the real one, with the built functions, runs in .ci/run.
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import pytest

from shopwire_dev.aws import REGION, Aws
from shopwire_dev.demo_shops import demo_settings, parse_shops
from tools.invoke import (
    Function,
    NotRunnable,
    Outcome,
    built,
    function_of,
    invoke,
    main,
    of_this_moment,
    surroundings,
)
from tools.template import load, resolve

ROOT = Path(__file__).parents[2]

STAND_IN = '''#!{python}
"""Answers one invocation with what it was started with."""
import http.server, json, os, sys

class Door(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        told = {{"path": self.path, "sent": sent, "arguments": sys.argv[1:], "folder": os.getcwd()}}
        answer = json.dumps(told | {{"variables": dict(os.environ)}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args): pass

print("24 Nov 2026 11:44:56,332 [INFO] (rapid) INIT REPORT(durationMs: 728.083000)", flush=True)
print("said by the function", flush=True)
host, port = sys.argv[2].split(":")
http.server.HTTPServer((host, int(port)), Door).serve_forever()
'''

BUILT = """
Parameters:
  Budget: {Type: Number, Default: 2500}
Globals:
  Function:
    MemorySize: 256
    Environment:
      Variables:
        TABLE: {Ref: Table}
        BUDGET: !Ref Budget
        SHOPS: !Sub "/shopwire/${AWS::StackName}/shops/"
Resources:
  Layer: {Properties: {ContentUri: Layer}}
  Webhook:
    Properties:
      CodeUri: Webhook
      Timeout: 10
      Environment:
        Variables: {SERVICE: webhook}
"""


@pytest.mark.parametrize(
    ("event", "function"),
    [
        ({"version": "2.0", "requestContext": {"http": {"method": "POST"}}}, "Webhook"),
        ({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}, "Retry"),
        ({"source": "aws.events", "detail-type": "Scheduled Event"}, "Upkeep"),
    ],
)
def test_an_events_shape_says_which_function_it_is_for(event: dict[str, Any], function: str) -> None:
    assert function_of(event) == function


@pytest.mark.parametrize("event", [{}, [], None, "text", {"Records": []}, {"Records": [{"eventSource": "aws:s3"}]}])
def test_an_event_of_no_function_is_refused(event: Any) -> None:
    with pytest.raises(NotRunnable, match="neither an HTTP API's, nor a queue's, nor a schedule's event"):
        function_of(event)


def test_a_webhook_and_what_waits_come_as_if_just_now() -> None:
    webhook = {"body": "{}", "requestContext": {"http": {"method": "POST"}, "timeEpoch": 1}}
    waiting = {"Records": [{"eventSource": "aws:sqs", "body": '{"key": "k", "received_at": 1}'}]}
    schedule = {"source": "aws.events", "time": "2026-11-02T12:00:00Z"}
    assert of_this_moment(webhook, 5) == {
        "body": "{}",
        "requestContext": {"http": {"method": "POST"}, "timeEpoch": 5},
    }
    assert of_this_moment(waiting, 5) == {
        "Records": [{"eventSource": "aws:sqs", "body": '{"key": "k", "received_at": 5}'}]
    }
    assert of_this_moment(schedule, 5) == schedule


def test_a_built_function_has_its_own_and_the_common_environment_resolved(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(BUILT, encoding="utf-8")
    assert built("Webhook", tmp_path, {"Table": "t", "AWS::StackName": "local"}) == Function(
        name="Webhook",
        folder=tmp_path / "Webhook",
        layer=tmp_path / "Layer" / "python",
        timeout=10,
        memory=256,
        environment={"TABLE": "t", "BUDGET": "2500", "SHOPS": "/shopwire/local/shops/", "SERVICE": "webhook"},
    )


def test_a_variable_that_stands_for_something_unknown_is_named(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(BUILT, encoding="utf-8")
    with pytest.raises(KeyError, match="Table"):
        built("Webhook", tmp_path, {"AWS::StackName": "local"})


def test_nothing_built_yet_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(NotRunnable, match="which builds first"):
        built("Webhook", tmp_path, {})


def test_the_function_gets_the_event_as_it_is_and_nothing_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "somebodys-own")
    emulator = stand_in(tmp_path)
    function = Function("Webhook", tmp_path, tmp_path / "layer", 10, 256, {"SHOPWIRE_TABLE": "t"})
    outcome = invoke(function, b'{"body": "\xd1\x8f"}', emulator=emulator, python=Path("/opt/python"))
    told = json.loads(outcome.answer)
    assert told["path"] == "/2015-03-31/functions/function/invocations"
    assert told["sent"] == '{"body": "я"}'
    assert told["folder"] == str(tmp_path)
    assert told["arguments"][0] == "--runtime-interface-emulator-address"
    assert told["arguments"][2] == "--runtime-api-address"
    assert all(told["arguments"][index].startswith("127.0.0.1:") for index in (1, 3))
    assert told["arguments"][4:] == ["/opt/python", "-m", "awslambdaric", "app.handler"]
    assert "AWS_PROFILE" not in told["variables"]
    assert told["variables"]["SHOPWIRE_TABLE"] == "t"
    assert told["variables"]["PYTHONPATH"] == str(tmp_path / "layer")
    assert told["variables"]["AWS_LAMBDA_FUNCTION_TIMEOUT"] == "10"
    assert told["variables"]["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert outcome.functions_log == ["said by the function"]
    assert outcome.times == "INIT 728.1 ms"


def test_the_built_functions_find_the_demo_shops_and_the_emulator() -> None:
    with surroundings() as (known, variables):
        template = load(ROOT / "template.yaml")
        common = template["Globals"]["Function"]["Environment"]["Variables"]
        defaults = {name: str(parameter["Default"]) for name, parameter in template["Parameters"].items()}
        environment = {name: resolve(value, {**defaults, **known}) for name, value in common.items()} | variables
        session = boto3.session.Session("local", "local", region_name=REGION)
        endpoint = environment["AWS_ENDPOINT_URL"]
        shop = session.client("ssm", endpoint_url=endpoint).get_parameter(
            Name=environment["SHOPWIRE_SHOPS_PATH"] + "demo-shopify"
        )
        queue = session.client("sqs", endpoint_url=endpoint).get_queue_attributes(
            QueueUrl=environment["SHOPWIRE_QUEUE_URL"], AttributeNames=["FifoQueue"]
        )
        table = session.client("dynamodb", endpoint_url=endpoint).describe_table(
            TableName=environment["SHOPWIRE_TABLE"]
        )
        assert shop["Parameter"]["Type"] == "SecureString"
        assert queue["Attributes"] == {"FifoQueue": "true"}
        assert table["Table"]["TableStatus"] == "ACTIVE"
        with pytest.raises(HTTPError, match="401"):
            urlopen(environment["SHOPWIRE_ESPUTNIK_URL"] + "v1/contacts")


def test_env_json_sets_for_docker_what_shopwire_dev_sets_for_its_own_functions() -> None:
    common = load(ROOT / "template.yaml")["Globals"]["Function"]["Environment"]["Variables"]
    variables = json.loads((ROOT / "events/env.json").read_text(encoding="utf-8"))["Parameters"]
    settings = demo_settings()
    aws = Aws("127.0.0.1", 0)
    aws.start(parse_shops(settings).values(), settings)
    try:
        own = aws.environment()
    finally:
        aws.stop()
    docker = {name: value.replace(aws.url, "http://host.docker.internal:8788") for name, value in own.items()}
    # sam sets only variables that the template names; the region comes from its own option.
    assert variables == {
        **{name: docker[name] for name in docker if name in common},
        "SHOPWIRE_ESPUTNIK_URL": "http://host.docker.internal:8787/esputnik/api/",
    }
    sam = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))["default"]
    assert sam["local_invoke"]["parameters"] == {"env_vars": "events/env.json", "region": REGION}


def test_an_emulator_that_dies_is_a_failure_with_its_last_words(tmp_path: Path) -> None:
    emulator = tmp_path / "emulator"
    emulator.write_text("#!/bin/sh\necho address in use\nexit 1\n", encoding="utf-8")
    emulator.chmod(0o755)
    outcome = invoke(Function("Webhook", tmp_path, tmp_path, 10, 256, {}), b"{}", emulator=emulator, python=emulator)
    assert outcome.failed
    assert outcome.answer.startswith("no answer: ")
    assert outcome.log == ("address in use",)


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        ('{"statusCode": 200, "body": "{}"}', False),
        ('{"statusCode": 401}', False),
        ('{"statusCode": 503}', True),
        ('{"batchItemFailures": [{"itemIdentifier": "1"}]}', False),
        ("null", False),
        ('{"errorMessage": "No module named app", "errorType": "Runtime.ImportModuleError"}', True),
        ("Task timed out after 10.00 seconds", True),
        ("", True),
    ],
)
def test_a_function_failed_when_it_raised_ran_out_of_time_or_answered_500_and_above(answer: str, failed: bool) -> None:
    assert Outcome(answer, ()).failed is failed


def test_times_are_read_from_the_emulators_log() -> None:
    log = (
        "11:44:56,332 [INFO] (rapid) INIT REPORT(durationMs: 728.083000)",
        "11:44:56,333 [INFO] (rapid) INVOKE RTDONE(status: success, produced bytes: 0, duration: 0.883000ms)",
        "START RequestId: 62731ca5 Version: $LATEST",
        '{"level": "INFO"}',
    )
    assert Outcome("{}", log).times == "INIT 728.1 ms, invocation 0.9 ms"
    assert Outcome("{}", log).functions_log == ['{"level": "INFO"}']


@pytest.mark.parametrize(
    ("text", "complaint"),
    [(None, "No such file"), ("{", "Expecting property name"), ("{}", "neither an HTTP API's")],
)
def test_what_the_user_got_wrong_is_one_line_and_exit_2(
    text: str | None, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = tmp_path / "event.json"
    if text is not None:
        event.write_text(text, encoding="utf-8")
    assert main([str(event)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert complaint in said.err
    assert said.err.count("\n") == 1


def stand_in(folder: Path) -> Path:
    path = folder / "emulator"
    path.write_text(STAND_IN.format(python=sys.executable), encoding="utf-8")
    path.chmod(0o755)
    return path
