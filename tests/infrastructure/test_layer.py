"""shared/layer.py: what the Lambda layer is without, and with; and the check of what was built (artifact.py).

Packing as a whole, with what pip brings, is `make build`'s: it runs in .ci/run and checks its own result.
"""

import gzip
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore
import pytest
from botocore.loaders import Loader
from botocore.session import get_session
from moto import mock_aws

from tools.check_layer import main, problems
from tools.template import load

ROOT = Path(__file__).parents[2]
DATA = Path(botocore.__file__).parent / "data"

# What Lambda's own poller does with the queue, as the retry function's role.
POLLER = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}

DESCRIPTION = {
    "version": "2.0",
    "documentation": "<p>All of it</p>",
    "operations": {
        "Take": {"name": "Take", "input": {"shape": "TakeInput"}, "documentation": "<p>Takes</p>"},
        "Leave": {"name": "Leave", "input": {"shape": "LeaveInput"}},
    },
    "shapes": {
        "TakeInput": {
            "type": "structure",
            "members": {
                "documentation": {"shape": "Text", "documentation": "<p>A member of that name</p>"},
                "shape": {"shape": "Form"},
            },
        },
        "Form": {"type": "structure", "members": {"inner": {"shape": "Form"}, "list": {"shape": "Texts"}}},
        "Texts": {"type": "list", "member": {"shape": "Text"}},
        "Text": {"type": "string"},
        "LeaveInput": {"type": "structure", "members": {"why": {"shape": "Reason"}}},
        "Reason": {"type": "string"},
    },
}


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("layer", ROOT / "shared" / "layer.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


layer = _loaded()


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A target with what botocore knows of our services and one more, pruned."""
    target = tmp_path_factory.mktemp("python")
    data = target / "botocore" / "data"
    for service in (*layer.OPERATIONS, "iam"):
        shutil.copytree(DATA / service, data / service)
    for file in DATA.glob("*.json"):
        shutil.copy(file, data)
    for name in ("boto3", "shopwire"):
        (target / name).mkdir()
    layer.prune(target)
    return target


# --- what is left out


def test_the_operations_kept_are_those_that_the_code_calls() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "shared" / "shopwire").rglob("*.py"))
    called = {
        "".join(word.capitalize() for word in name.split("_")) for name in re.findall(r'_call\(\s*"([a-z_]+)"', source)
    }
    kept = {operation for operations in layer.OPERATIONS.values() for operation in operations}
    assert called == kept


def test_the_operations_kept_are_those_that_the_roles_allow() -> None:
    resources = load(ROOT / "template.yaml")["Resources"].values()
    allowed = set(re.findall(r"(?:dynamodb|sqs|ssm):[A-Z]\w+", json.dumps(list(resources))))
    kept = {f"{service}:{operation}" for service, operations in layer.OPERATIONS.items() for operation in operations}
    assert allowed - POLLER == kept


def test_a_description_keeps_the_shapes_that_its_operations_speak_of_and_no_documentation() -> None:
    assert layer.only(DESCRIPTION, ["Take"]) == {
        "version": "2.0",
        "operations": {"Take": {"name": "Take", "input": {"shape": "TakeInput"}}},
        "shapes": {
            "TakeInput": {
                "type": "structure",
                "members": {"documentation": {"shape": "Text"}, "shape": {"shape": "Form"}},
            },
            "Form": {"type": "structure", "members": {"inner": {"shape": "Form"}, "list": {"shape": "Texts"}}},
            "Texts": {"type": "list", "member": {"shape": "Text"}},
            "Text": {"type": "string"},
        },
    }


def test_an_operation_that_a_service_does_not_have_is_an_error() -> None:
    with pytest.raises(KeyError, match="Tack"):
        layer.only(DESCRIPTION, ["Tack"])


def test_other_services_and_the_command_lines_libraries_are_left_out(pruned: Path) -> None:
    assert sorted(path.name for path in pruned.iterdir()) == ["botocore", "shopwire"]
    folders = {path.name for path in (pruned / "botocore" / "data").iterdir() if path.is_dir()}
    assert folders == set(layer.OPERATIONS)


def test_botocore_makes_clients_of_what_is_left_with_just_these_operations(pruned: Path) -> None:
    for service, operations in layer.OPERATIONS.items():
        assert sorted(_client(pruned, service).meta.method_to_api_mapping.values()) == sorted(operations)


@pytest.mark.parametrize("region", ["eu-central-1", "us-gov-west-1", "cn-north-1", "mx-central-1"])
@pytest.mark.parametrize("service", ["dynamodb", "sqs", "ssm"])
def test_a_client_finds_its_endpoint_as_it_would_with_all_descriptions(pruned: Path, service: str, region: str) -> None:
    whole = get_session().create_client(service, region_name=region)
    assert _client(pruned, service, region).meta.endpoint_url == whole.meta.endpoint_url


@mock_aws
def test_a_client_of_what_is_left_is_understood(pruned: Path) -> None:
    whole = get_session().create_client("dynamodb", region_name="eu-central-1")
    whole.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client = _client(pruned, "dynamodb")
    item = {"pk": {"S": "я"}, "n": {"N": "1"}, "m": {"M": {"l": {"L": [{"BOOL": True}, {"B": b"\0"}]}}}}
    client.put_item(TableName="t", Item=item)
    assert client.get_item(TableName="t", Key={"pk": {"S": "я"}})["Item"] == item
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        client.delete_item(TableName="t", Key={"pk": {"S": "я"}}, ConditionExpression="attribute_not_exists(pk)")


def test_what_is_read_at_each_start_is_not_packed(pruned: Path) -> None:
    described = list(pruned.rglob("service-2.json"))
    assert len(described) == len(layer.OPERATIONS)
    assert not list(pruned.rglob("service-2.json.gz"))
    packed = next(iter((DATA / "ssm").glob("*/service-2.json.gz")))
    whole = gzip.decompress(packed.read_bytes())
    assert sum(path.stat().st_size for path in described) < len(whole) / 10


def _client(target: Path, service: str, region: str = "eu-central-1") -> Any:
    session = get_session()
    only_this = Loader(extra_search_paths=[str(target / "botocore" / "data")], include_default_search_paths=False)
    session.register_component("data_loader", only_this)
    return session.create_client(service, region_name=region)


# --- bytecode


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "part.py").write_text("SAID = 'when it was packed'\n", encoding="utf-8")
    layer.compile_all(tmp_path)
    return tmp_path


def test_the_interpreter_takes_the_shipped_bytecode_without_a_look_at_the_source(compiled: Path) -> None:
    (compiled / "pack" / "part.py").write_text("SAID = 'later'\n", encoding="utf-8")
    command = [sys.executable, "-c", "import pack.part; print(pack.part.SAID)"]
    said = subprocess.run(command, env={"PYTHONPATH": str(compiled)}, capture_output=True, text=True, check=True)
    assert said.stdout == "when it was packed\n"


def test_what_cannot_be_compiled_ends_the_build(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def", encoding="utf-8")
    with pytest.raises(SystemExit, match="not everything could be compiled"):
        layer.compile_all(tmp_path)


def test_a_layer_as_packed_has_no_problems(compiled: Path) -> None:
    assert list(problems(compiled, "pack")) == []


def test_a_module_without_bytecode_is_found_and_seen_to_be_compiled(compiled: Path) -> None:
    Path(importlib.util.cache_from_source(str(compiled / "pack" / "part.py"))).unlink()
    assert list(problems(compiled, "pack")) == [
        "pack/part.py: no bytecode for this interpreter",
        "pack/part.py: compiled when it was imported",
    ]


def test_bytecode_of_another_version_is_found(compiled: Path) -> None:
    bytecode = Path(importlib.util.cache_from_source(str(compiled / "pack" / "part.py")))
    bytecode.write_bytes(b"\0\0\0\0" + bytecode.read_bytes()[4:])
    assert list(problems(compiled, "pack")) == [
        "pack/part.py: its bytecode is of another version, or is checked against the source",
        "pack/part.py: compiled when it was imported",
    ]


def test_a_layer_that_lacks_something_is_a_problem(compiled: Path) -> None:
    (compiled / "pack" / "other.py").write_text("import left_out\n", encoding="utf-8")
    layer.compile_all(compiled)
    assert list(problems(compiled, "pack")) == [
        "pack cannot be imported: ModuleNotFoundError: No module named 'left_out'"
    ]


def test_the_checks_verdict_is_its_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = tmp_path / "Layer" / "python" / "shopwire"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    assert main(tmp_path) == 1
    assert "shopwire/__init__.py: no bytecode for this interpreter\n" in capsys.readouterr().err
    layer.compile_all(package.parent)
    assert main(tmp_path) == 0
    assert capsys.readouterr().err == ""


# --- who packs it


def test_the_layer_is_packed_by_the_functions_interpreter() -> None:
    runtime = load(ROOT / "template.yaml")["Globals"]["Function"]["Runtime"]
    assert f"python{layer.VERSION}" == runtime
    makefile = (ROOT / "shared" / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"^build-Layer:\n\t(\S+) layer\.py", makefile, re.MULTILINE) == [runtime]


def test_any_other_interpreter_is_refused(tmp_path: Path) -> None:
    other = "import sys, runpy; sys.version_info = (3, 12, 0); sys.argv = sys.argv[1:]; "
    run = other + "runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", run, str(ROOT / "shared" / "layer.py"), str(tmp_path / "python")]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "the layer's bytecode is for Python 3.13" in refused.stderr
    assert not (tmp_path / "python").exists()
