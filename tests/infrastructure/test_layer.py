"""Tests of shared/layer.py (what it removes and compiles) and of tools/check_layer.py.

They do not run pip. .ci/run runs `make build`, which packs a whole layer and checks it.
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

from tools.check_layer import find_problems, main
from tools.template import load

ROOT = Path(__file__).parents[2]
DATA = Path(botocore.__file__).parent / "data"

# The actions of Lambda's event source mapping, which reads the queue with the retry function's role.
POLLER_ACTIONS = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}

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


def load_layer_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("layer", ROOT / "shared" / "layer.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


layer = load_layer_script()


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pruned folder that had botocore's descriptions of our services and of one more."""
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


# --- what the layer leaves out


def test_kept_operations_are_those_that_the_code_calls() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "shared" / "shopwire").rglob("*.py"))
    called = {
        "".join(word.capitalize() for word in name.split("_")) for name in re.findall(r'_call\(\s*"([a-z_]+)"', source)
    }
    kept = {operation for operations in layer.OPERATIONS.values() for operation in operations}
    assert called == kept


def test_kept_operations_are_those_that_the_roles_allow() -> None:
    resources = load(ROOT / "template.yaml")["Resources"].values()
    allowed = set(re.findall(r"(?:dynamodb|sqs|ssm):[A-Z]\w+", json.dumps(list(resources))))
    kept = {f"{service}:{operation}" for service, operations in layer.OPERATIONS.items() for operation in operations}
    # One permission covers a message and a batch.
    assert allowed - POLLER_ACTIONS == kept - {"sqs:SendMessageBatch"}


def test_reduced_description_keeps_used_shapes_and_no_documentation() -> None:
    assert layer.reduce_description(DESCRIPTION, ["Take"]) == {
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


def test_operation_that_the_service_lacks_is_an_error() -> None:
    with pytest.raises(KeyError, match="Tack"):
        layer.reduce_description(DESCRIPTION, ["Tack"])


def test_other_services_and_libraries_of_the_command_line_are_removed(pruned: Path) -> None:
    assert sorted(path.name for path in pruned.iterdir()) == ["botocore", "shopwire"]
    folders = {path.name for path in (pruned / "botocore" / "data").iterdir() if path.is_dir()}
    assert folders == set(layer.OPERATIONS)


def test_clients_from_reduced_descriptions_have_only_the_kept_operations(pruned: Path) -> None:
    for service, operations in layer.OPERATIONS.items():
        assert sorted(_client(pruned, service).meta.method_to_api_mapping.values()) == sorted(operations)


@pytest.mark.parametrize("region", ["eu-central-1", "us-gov-west-1", "cn-north-1", "mx-central-1"])
@pytest.mark.parametrize("service", ["dynamodb", "sqs", "ssm"])
def test_client_from_reduced_descriptions_has_the_right_endpoint(pruned: Path, service: str, region: str) -> None:
    unreduced = get_session().create_client(service, region_name=region)
    assert _client(pruned, service, region).meta.endpoint_url == unreduced.meta.endpoint_url


@mock_aws
def test_client_from_reduced_descriptions_reads_and_writes_dynamodb(pruned: Path) -> None:
    unreduced = get_session().create_client("dynamodb", region_name="eu-central-1")
    unreduced.create_table(
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


def test_reduced_descriptions_are_small_and_not_compressed(pruned: Path) -> None:
    reduced = list(pruned.rglob("service-2.json"))
    assert len(reduced) == len(layer.OPERATIONS)
    assert not list(pruned.rglob("service-2.json.gz"))
    packed = next(iter((DATA / "ssm").glob("*/service-2.json.gz")))
    original = gzip.decompress(packed.read_bytes())
    assert sum(path.stat().st_size for path in reduced) < len(original) / 10


def _client(target: Path, service: str, region: str = "eu-central-1") -> Any:
    session = get_session()
    loader = Loader(extra_search_paths=[str(target / "botocore" / "data")], include_default_search_paths=False)
    session.register_component("data_loader", loader)
    return session.create_client(service, region_name=region)


# --- bytecode


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "part.py").write_text("VALUE = 'packed'\n", encoding="utf-8")
    layer.compile_all(tmp_path)
    return tmp_path


def test_interpreter_loads_the_bytecode_without_reading_the_source(compiled: Path) -> None:
    (compiled / "pack" / "part.py").write_text("VALUE = 'changed later'\n", encoding="utf-8")
    command = [sys.executable, "-c", "import pack.part; print(pack.part.VALUE)"]
    result = subprocess.run(command, env={"PYTHONPATH": str(compiled)}, capture_output=True, text=True, check=True)
    assert result.stdout == "packed\n"


def test_module_that_cannot_be_compiled_ends_the_build(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def", encoding="utf-8")
    with pytest.raises(SystemExit, match="could not compile every module"):
        layer.compile_all(tmp_path)


def test_compiled_layer_has_no_problems(compiled: Path) -> None:
    assert list(find_problems(compiled, "pack")) == []


def test_module_without_bytecode_is_reported(compiled: Path) -> None:
    Path(importlib.util.cache_from_source(str(compiled / "pack" / "part.py"))).unlink()
    assert list(find_problems(compiled, "pack")) == [
        "pack/part.py: no bytecode for this interpreter",
        "pack/part.py: compiled at import",
    ]


def test_bytecode_for_another_python_is_reported(compiled: Path) -> None:
    bytecode = Path(importlib.util.cache_from_source(str(compiled / "pack" / "part.py")))
    bytecode.write_bytes(b"\0\0\0\0" + bytecode.read_bytes()[4:])
    assert list(find_problems(compiled, "pack")) == [
        "pack/part.py: its bytecode is for another Python, or Python checks it at import",
        "pack/part.py: compiled at import",
    ]


def test_missing_dependency_is_reported(compiled: Path) -> None:
    (compiled / "pack" / "other.py").write_text("import left_out\n", encoding="utf-8")
    layer.compile_all(compiled)
    assert list(find_problems(compiled, "pack")) == [
        "pack cannot be imported: ModuleNotFoundError: No module named 'left_out'"
    ]


def test_check_exits_with_1_for_a_problem_and_0_for_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = tmp_path / "Layer" / "python" / "shopwire"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    assert main(tmp_path) == 1
    assert "shopwire/__init__.py: no bytecode for this interpreter\n" in capsys.readouterr().err
    layer.compile_all(package.parent)
    assert main(tmp_path) == 0
    assert capsys.readouterr().err == ""


# --- the interpreter that packs it


def test_interpreter_that_packs_is_the_functions_runtime() -> None:
    runtime = load(ROOT / "template.yaml")["Globals"]["Function"]["Runtime"]
    assert f"python{layer.VERSION}" == runtime
    makefile = (ROOT / "shared" / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"^build-Layer:\n\t(\S+) layer\.py", makefile, re.MULTILINE) == [runtime]


def test_other_interpreters_are_rejected(tmp_path: Path) -> None:
    other = "import sys, runpy; sys.version_info = (3, 12, 0); sys.argv = sys.argv[1:]; "
    run = other + "runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", run, str(ROOT / "shared" / "layer.py"), str(tmp_path / "python")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "the layer's bytecode must be for Python 3.13, but this is Python 3.12" in result.stderr
    assert not (tmp_path / "python").exists()
