"""Tests of tools/invoke.py: the choice of the function, what the function receives, and what its response means.

A small HTTP server replaces the emulator here. .ci/run uses the real emulator with the built functions.
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
    InvokeError,
    Result,
    built_function,
    function_for,
    invoke,
    local_services,
    main,
    with_current_time,
)
from tools.template import load, resolve

ROOT = Path(__file__).parents[2]

FAKE_EMULATOR = '''#!{python}
"""Respond to an invocation with the arguments and the environment of this process."""
import http.server, json, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        event = self.rfile.read(int(self.headers["Content-Length"])).decode()
        received = {{"path": self.path, "event": event, "arguments": sys.argv[1:], "folder": os.getcwd()}}
        response = json.dumps(received | {{"variables": dict(os.environ)}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(response)))
        self.end_headers()
        self.wfile.write(response)

    def log_message(self, *args): pass

print("24 Nov 2026 11:44:56,332 [INFO] (rapid) INIT REPORT(durationMs: 728.083000)", flush=True)
print("a log line of the function", flush=True)
host, port = sys.argv[2].split(":")
http.server.HTTPServer((host, int(port)), Handler).serve_forever()
'''

BUILT_TEMPLATE = """
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
def test_shape_of_the_event_selects_the_function(event: dict[str, Any], function: str) -> None:
    assert function_for(event) == function


@pytest.mark.parametrize("event", [{}, [], None, "text", {"Records": []}, {"Records": [{"eventSource": "aws:s3"}]}])
def test_event_that_no_function_handles_is_rejected(event: Any) -> None:
    with pytest.raises(InvokeError, match="not an event of an HTTP API, of a queue or of a schedule"):
        function_for(event)


def test_webhook_and_queued_webhook_get_the_current_time() -> None:
    webhook = {"body": "{}", "requestContext": {"http": {"method": "POST"}, "timeEpoch": 1}}
    queued = {"Records": [{"eventSource": "aws:sqs", "body": '{"key": "k", "received_at": 1}'}]}
    schedule = {"source": "aws.events", "time": "2026-11-02T12:00:00Z"}
    assert with_current_time(webhook, 5) == {
        "body": "{}",
        "requestContext": {"http": {"method": "POST"}, "timeEpoch": 5},
    }
    assert with_current_time(queued, 5) == {
        "Records": [{"eventSource": "aws:sqs", "body": '{"key": "k", "received_at": 5}'}]
    }
    assert with_current_time(schedule, 5) == schedule


def test_built_function_has_its_own_and_the_common_environment(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(BUILT_TEMPLATE, encoding="utf-8")
    assert built_function("Webhook", tmp_path, {"Table": "t", "AWS::StackName": "local"}) == Function(
        name="Webhook",
        folder=tmp_path / "Webhook",
        layer=tmp_path / "Layer" / "python",
        timeout=10,
        memory=256,
        environment={"TABLE": "t", "BUDGET": "2500", "SHOPS": "/shopwire/local/shops/", "SERVICE": "webhook"},
    )


def test_variable_that_refers_to_an_unknown_name_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(BUILT_TEMPLATE, encoding="utf-8")
    with pytest.raises(KeyError, match="Table"):
        built_function("Webhook", tmp_path, {"AWS::StackName": "local"})


def test_missing_build_is_an_error_that_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InvokeError, match="run `make invoke`, which builds first"):
        built_function("Webhook", tmp_path, {})


def test_function_receives_the_event_and_no_variable_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-profile")
    emulator = write_fake_emulator(tmp_path)
    function = Function("Webhook", tmp_path, tmp_path / "layer", 10, 256, {"SHOPWIRE_TABLE": "t"})
    result = invoke(function, b'{"body": "\xd1\x8f"}', emulator=emulator, python=Path("/opt/python"))
    received = json.loads(result.response)
    assert received["path"] == "/2015-03-31/functions/function/invocations"
    assert received["event"] == '{"body": "я"}'
    assert received["folder"] == str(tmp_path)
    assert received["arguments"][0] == "--runtime-interface-emulator-address"
    assert received["arguments"][2] == "--runtime-api-address"
    assert all(received["arguments"][index].startswith("127.0.0.1:") for index in (1, 3))
    assert received["arguments"][4:] == ["/opt/python", "-m", "awslambdaric", "app.handler"]
    assert "AWS_PROFILE" not in received["variables"]
    assert received["variables"]["SHOPWIRE_TABLE"] == "t"
    assert received["variables"]["PYTHONPATH"] == str(tmp_path / "layer")
    assert received["variables"]["AWS_LAMBDA_FUNCTION_TIMEOUT"] == "10"
    assert received["variables"]["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert result.function_log == ["a log line of the function"]
    assert result.durations == "INIT 728.1 ms"


def test_built_functions_find_the_demo_shops_and_the_emulator() -> None:
    with local_services() as (known, variables):
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


def test_env_json_gives_docker_the_variables_of_shopwire_dev() -> None:
    common = load(ROOT / "template.yaml")["Globals"]["Function"]["Environment"]["Variables"]
    variables = json.loads((ROOT / "events/env.json").read_text(encoding="utf-8"))["Parameters"]
    settings = demo_settings()
    aws = Aws("127.0.0.1", 0)
    aws.start(parse_shops(settings).values(), settings)
    try:
        dev = aws.environment()
    finally:
        aws.stop()
    docker = {name: value.replace(aws.url, "http://host.docker.internal:8788") for name, value in dev.items()}
    # sam sets only variables that the template names. The region has an option of its own.
    assert variables == {
        **{name: docker[name] for name in docker if name in common},
        "SHOPWIRE_ESPUTNIK_URL": "http://host.docker.internal:8787/esputnik/api/",
    }
    sam = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))["default"]
    assert sam["local_invoke"]["parameters"] == {"env_vars": "events/env.json", "region": REGION}


def test_emulator_that_exits_is_a_failure_with_its_output(tmp_path: Path) -> None:
    emulator = tmp_path / "emulator"
    emulator.write_text("#!/bin/sh\necho address in use\nexit 1\n", encoding="utf-8")
    emulator.chmod(0o755)
    result = invoke(Function("Webhook", tmp_path, tmp_path, 10, 256, {}), b"{}", emulator=emulator, python=emulator)
    assert result.failed
    assert result.response.startswith("no response: ")
    assert result.log == ("address in use",)


@pytest.mark.parametrize(
    ("response", "failed"),
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
def test_exception_timeout_or_status_500_and_above_is_a_failure(response: str, failed: bool) -> None:
    assert Result(response, ()).failed is failed


def test_durations_are_read_from_the_emulators_log() -> None:
    log = (
        "11:44:56,332 [INFO] (rapid) INIT REPORT(durationMs: 728.083000)",
        "11:44:56,333 [INFO] (rapid) INVOKE RTDONE(status: success, produced bytes: 0, duration: 0.883000ms)",
        "START RequestId: 62731ca5 Version: $LATEST",
        '{"level": "INFO"}',
    )
    assert Result("{}", log).durations == "INIT 728.1 ms, invocation 0.9 ms"
    assert Result("{}", log).function_log == ['{"level": "INFO"}']


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "No such file"), ("{", "Expecting property name"), ("{}", "not an event of an HTTP API")],
)
def test_wrong_event_file_prints_one_line_and_exits_with_2(
    text: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = tmp_path / "event.json"
    if text is not None:
        event.write_text(text, encoding="utf-8")
    assert main([str(event)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.count("\n") == 1


def write_fake_emulator(folder: Path) -> Path:
    path = folder / "emulator"
    path.write_text(FAKE_EMULATOR.format(python=sys.executable), encoding="utf-8")
    path.chmod(0o755)
    return path
