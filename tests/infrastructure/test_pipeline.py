"""The workflows: what they may do, in which order, and that that Makefile, samconfig.toml and docs say the same.

Their form is checked by `make check` (check-jsonschema, zizmor).
"""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.template import load

ROOT = Path(__file__).parents[2]
WORKFLOWS = {
    path.stem: yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
JOBS = {(name, job): what for name, workflow in WORKFLOWS.items() for job, what in workflow["jobs"].items()}
PIPELINE: dict[str, Any] = WORKFLOWS["pipeline"]["jobs"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
STAGES = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
DEPLOY = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
# Every permission of every job. One more has to be written down twice, which is the point.
WRITES = {
    ("pipeline", "test-stage"): {"id-token"},
    ("pipeline", "production"): {"id-token"},
    ("release", "publish"): {"contents", "id-token", "attestations"},
    ("update", "offer"): {"contents", "pull-requests"},
}


def commands(job: dict[str, Any]) -> str:
    return "\n".join(step.get("run", "") for step in job["steps"])


def test_no_workflow_has_a_permission_and_each_job_only_its_own() -> None:
    assert all(workflow["permissions"] == {} for workflow in WORKFLOWS.values())
    for name, job in JOBS.items():
        writes = {what for what, level in job["permissions"].items() if level != "read"}
        assert writes == WRITES.get(name, set()), name
        assert set(job["permissions"].values()) <= {"read", "write"}


def test_every_action_is_pinned_by_one_commit_whose_version_is_said() -> None:
    pins: dict[str, set[str]] = {}
    for path in (ROOT / ".github").rglob("*.yml"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if "uses:" in line:
                pinned = re.search(r"uses: ([\w-]+/[\w-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$", line)
                assert pinned, line
                pins.setdefault(pinned[1], set()).add(pinned[2])
    assert pins
    assert {action for action, commits in pins.items() if len(commits) > 1} == set()


def test_what_may_write_runs_none_of_our_code() -> None:
    for name in (("release", "publish"), ("update", "offer")):
        called = {line.split()[0] for line in commands(JOBS[name]).splitlines() if line.strip()}
        assert called <= {"gh", "git", "test", "--body", "build/shopwire.tar"}


def test_there_is_no_key_anywhere() -> None:
    for path in (ROOT / ".github").rglob("*.yml"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"secrets\.|access-key|AKIA", text), path


def test_every_supported_python_is_checked_and_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = PIPELINE["check"]["strategy"]["matrix"]["python"]
    assert versions == ["3.11", "3.12", "3.13"]
    assert project["requires-python"] == f">={versions[0]}"
    runtime = load(ROOT / "template.yaml")["Globals"]["Function"]["Runtime"]
    assert runtime == f"python{versions[-1]}"
    assert "make check test" in commands(PIPELINE["check"])


def test_what_is_built_once_goes_to_the_test_stage_and_the_same_upload_to_production() -> None:
    assert set(PIPELINE["test-stage"]["needs"]) == {"check", "audit", "build"}
    assert PIPELINE["production"]["needs"] == ["test-stage"]
    assert PIPELINE["test-stage"]["environment"] == "test"
    assert PIPELINE["production"]["environment"] == "production"
    everything = {name: commands(job) for name, job in PIPELINE.items()}
    assert [name for name, run in everything.items() if "sam build" in run or "make build" in run] == ["build"]
    assert [name for name, run in everything.items() if "sam package" in run] == ["test-stage"]
    for stage in ("test", "production"):
        run = everything["test-stage" if stage == "test" else stage]
        assert f"sam deploy --config-env {stage} --template-file build/packaged.yaml" in run
        assert f"make deployed STACK={STAGES[stage]['deploy']['parameters']['stack_name']}" in run
    assert everything["production"].rstrip().endswith("SMOKE=1")
    assert "SMOKE" not in everything["test-stage"]


def test_a_pull_request_deploys_nothing() -> None:
    assert PIPELINE["test-stage"]["if"] == "github.event_name == 'push'"
    assert WORKFLOWS["pipeline"]["on"]["push"] == {"branches": ["main"]}


def test_production_is_deployed_by_a_canary_and_only_with_parameters_that_there_are() -> None:
    parameters = load(ROOT / "template.yaml")["Parameters"]
    chosen = {
        stage: dict(one.split("=") for one in STAGES[stage]["deploy"]["parameters"]["parameter_overrides"])
        for stage in ("test", "production")
    }
    assert chosen["production"]["Rollout"].startswith("Canary")
    for values in chosen.values():
        for name, value in values.items():
            assert value in map(str, parameters[name]["AllowedValues"])
    assert "AllAtOnce" in parameters["Rollout"]["AllowedValues"]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(commands, JOBS.values())),
        DEPLOY,
        *[(ROOT / name).read_text(encoding="utf-8") for name in ("SECURITY.md", "docs/runbook.md", "docs/licences.md")],
    ],
    ids=["workflows", "deploy", "security", "runbook", "licences"],
)
def test_every_make_target_that_is_named_exists(text: str) -> None:
    for line in re.findall(
        r"make ((?:[a-z][\w-]*|[A-Z]+=\S+|\.venv\S+)(?: (?:[a-z][\w-]*|[A-Z]+=\S+|\.venv\S+))*)(?=[`\n);,:])",
        text + "\n",
    ):
        for word in line.split():
            target = word.strip("`")
            if "=" not in target:
                assert re.search(rf"^{re.escape(target)}:", MAKEFILE, re.MULTILINE), target


def test_the_variables_that_the_workflow_asks_for_are_the_documented_ones() -> None:
    asked = set(re.findall(r"vars\.([A-Z_]+)", (ROOT / ".github/workflows/pipeline.yml").read_text(encoding="utf-8")))
    assert asked == set(re.findall(r"^\| `([A-Z_]+)` \|", DEPLOY, re.MULTILINE))


def test_every_job_of_the_pipeline_is_described() -> None:
    assert (
        list(PIPELINE) == re.findall(r"^\| ([a-z-]+) \| ", DEPLOY.partition("## What there must")[0], re.MULTILINE)[1:]
    )


AUDITOR = """#!/bin/sh
for lock; do :; done
echo "$@" >>asked
test "$lock" != requirements-lambda.txt
"""


def test_the_audit_asks_for_each_lock_by_itself_and_for_all_whatever_is_found(tmp_path: Path) -> None:
    locks = ["shared/requirements.txt", *sorted(one.name for one in ROOT.glob("requirements-*.txt"))]
    for name in ("Makefile", *locks, ".venv-supply/installed", ".venv-supply/bin/pip-audit"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(AUDITOR)
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv-supply/bin/pip-audit").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    ran = subprocess.run(["make", "audit"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    asked = [line.split() for line in (tmp_path / "asked").read_text().splitlines()]
    # pip-audit refuses a package that comes twice: in two locks of one call too.
    assert [line.count("--requirement") for line in asked] == [1] * len(locks)
    assert sorted(line[-1] for line in asked) == sorted(locks)
    assert all({"--strict", "--require-hashes"} <= set(line) for line in asked)
    assert (ran.returncode, ran.stderr.splitlines()[0]) == (2, "look at: requirements-lambda.txt")


def test_a_release_is_proved_and_says_its_part_of_the_changelog() -> None:
    build, publish = WORKFLOWS["release"]["jobs"]["build"], WORKFLOWS["release"]["jobs"]["publish"]
    assert "make notes" in commands(build)
    assert "make validate reproducible sbom" in commands(build)
    proofs = [step["with"] for step in publish["steps"] if step.get("uses", "").startswith("actions/attest@")]
    assert proofs == [
        {"subject-path": "build/shopwire.tar"},
        {"subject-path": "build/shopwire.tar", "sbom-path": "build/sbom.json"},
    ]
    assert "--notes-file build/notes.md" in commands(publish)
