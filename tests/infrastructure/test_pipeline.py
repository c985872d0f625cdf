"""Tests of the workflows: their permissions, their order, and their agreement with Makefile, samconfig.toml and docs.

`make check` checks their syntax (check-jsonschema, zizmor).
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
JOBS = {(name, job): definition for name, workflow in WORKFLOWS.items() for job, definition in workflow["jobs"].items()}
PIPELINE: dict[str, Any] = WORKFLOWS["pipeline"]["jobs"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
STAGES = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
DEPLOY = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
# The write permissions of every job. A new one must be added both here and in the workflow, so that it is deliberate.
WRITES = {
    ("pipeline", "test-stage"): {"id-token"},
    ("pipeline", "production"): {"id-token"},
    ("release", "publish"): {"contents", "id-token", "attestations"},
    ("update", "pull-request"): {"contents", "pull-requests"},
}


def commands(job: dict[str, Any]) -> str:
    return "\n".join(step.get("run", "") for step in job["steps"])


def test_workflows_have_no_permissions_and_jobs_only_their_own() -> None:
    assert all(workflow["permissions"] == {} for workflow in WORKFLOWS.values())
    for name, job in JOBS.items():
        writes = {scope for scope, level in job["permissions"].items() if level != "read"}
        assert writes == WRITES.get(name, set()), name
        assert set(job["permissions"].values()) <= {"read", "write"}


def test_every_action_is_pinned_to_one_commit_with_its_version() -> None:
    pins: dict[str, set[str]] = {}
    for path in (ROOT / ".github").rglob("*.yml"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if "uses:" in line:
                pinned = re.search(r"uses: ([\w-]+/[\w-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$", line)
                assert pinned, line
                pins.setdefault(pinned[1], set()).add(pinned[2])
    assert pins
    assert {action for action, commits in pins.items() if len(commits) > 1} == set()


def test_jobs_that_may_write_run_no_code_of_the_repository() -> None:
    for name in (("release", "publish"), ("update", "pull-request")):
        called = {line.split()[0] for line in commands(JOBS[name]).splitlines() if line.strip()}
        assert called <= {"gh", "git", "test", "--body", "build/shopwire.tar"}


def test_workflows_use_no_stored_keys() -> None:
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


def test_one_build_and_one_upload_go_to_both_stages() -> None:
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


def test_pull_request_deploys_nothing() -> None:
    assert PIPELINE["test-stage"]["if"] == "github.event_name == 'push'"
    assert WORKFLOWS["pipeline"]["on"]["push"] == {"branches": ["main"]}


def test_production_uses_a_canary_and_stages_set_only_known_parameters() -> None:
    parameters = load(ROOT / "template.yaml")["Parameters"]
    overrides = {
        stage: dict(text.split("=") for text in STAGES[stage]["deploy"]["parameters"]["parameter_overrides"])
        for stage in ("test", "production")
    }
    assert overrides["production"]["Rollout"].startswith("Canary")
    for values in overrides.values():
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
def test_every_mentioned_make_target_exists(text: str) -> None:
    for line in re.findall(
        r"make ((?:[a-z][\w-]*|[A-Z]+=\S+|\.venv\S+)(?: (?:[a-z][\w-]*|[A-Z]+=\S+|\.venv\S+))*)(?=[`\n);,:])",
        text + "\n",
    ):
        for word in line.split():
            target = word.strip("`")
            if "=" not in target:
                assert re.search(rf"^{re.escape(target)}:", MAKEFILE, re.MULTILINE), target


def test_variables_of_the_pipeline_are_documented() -> None:
    used = set(re.findall(r"vars\.([A-Z_]+)", (ROOT / ".github/workflows/pipeline.yml").read_text(encoding="utf-8")))
    assert used == set(re.findall(r"^\| `([A-Z_]+)` \|", DEPLOY, re.MULTILINE))


def test_every_job_of_the_pipeline_is_documented() -> None:
    assert (
        list(PIPELINE) == re.findall(r"^\| ([a-z-]+) \| ", DEPLOY.partition("## What there must")[0], re.MULTILINE)[1:]
    )


FAKE_PIP_AUDIT = """#!/bin/sh
for lock; do :; done
echo "$@" >>calls
test "$lock" != requirements-lambda.txt
"""


def test_audit_runs_for_each_lock_also_after_a_finding(tmp_path: Path) -> None:
    locks = ["shared/requirements.txt", *sorted(path.name for path in ROOT.glob("requirements-*.txt"))]
    for name in ("Makefile", *locks, ".venv-supply/installed", ".venv-supply/bin/pip-audit"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(FAKE_PIP_AUDIT)
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv-supply/bin/pip-audit").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    run = subprocess.run(["make", "audit"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    calls = [line.split() for line in (tmp_path / "calls").read_text().splitlines()]
    # pip-audit rejects a package that is listed twice, also in two locks of one call.
    assert [call.count("--requirement") for call in calls] == [1] * len(locks)
    assert sorted(call[-1] for call in calls) == sorted(locks)
    assert all({"--strict", "--require-hashes"} <= set(call) for call in calls)
    assert (run.returncode, run.stderr.splitlines()[0]) == (2, "pip-audit failed for: requirements-lambda.txt")


def test_release_has_attestations_and_release_notes() -> None:
    build, publish = WORKFLOWS["release"]["jobs"]["build"], WORKFLOWS["release"]["jobs"]["publish"]
    assert "make notes" in commands(build)
    assert "make validate reproducible sbom" in commands(build)
    attested = [step["with"] for step in publish["steps"] if step.get("uses", "").startswith("actions/attest@")]
    assert attested == [
        {"subject-path": "build/shopwire.tar"},
        {"subject-path": "build/shopwire.tar", "sbom-path": "build/sbom.json"},
    ]
    assert "--notes-file build/notes.md" in commands(publish)
