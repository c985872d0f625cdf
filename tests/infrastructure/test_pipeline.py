"""Tests of the workflows: their permissions, their order, and their agreement with Makefile, samconfig.toml and docs.

`make check` checks their syntax (check-jsonschema, zizmor).
"""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.permissions import as_list
from tools.pack_artifact import pack
from tools.template import load

ROOT = Path(__file__).parents[2]
WORKFLOWS = {
    path.stem: yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
JOBS = {(name, job): definition for name, workflow in WORKFLOWS.items() for job, definition in workflow["jobs"].items()}
STEPS = [step for job in JOBS.values() for step in job.get("steps", ())]
PIPELINE: dict[str, Any] = WORKFLOWS["pipeline"]["jobs"]
STAGE: dict[str, Any] = WORKFLOWS["stage"]["jobs"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
STAGES = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
DEPLOY = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
# The write permissions of every job. A new one must be added both here and in the workflow, so that it is deliberate.
WRITES = {
    ("pipeline", "test-stage"): {"id-token"},
    ("pipeline", "production"): {"id-token"},
    ("stage", "deploy"): {"id-token"},
    ("stage", "tests"): {"id-token"},
    ("release", "publish"): {"contents", "id-token", "attestations"},
    ("update", "pull-request"): {"contents", "pull-requests"},
}


def commands(job: dict[str, Any]) -> str:
    """Return the commands of a job's steps, and those that it passes to another workflow."""
    return "\n".join([step.get("run", "") for step in job.get("steps", ())] + [job.get("with", {}).get("tests", "")])


def actions(job: dict[str, Any]) -> list[str]:
    """Return the actions that a job uses, in order, without their versions."""
    return [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]


def step(job: dict[str, Any], text: str) -> dict[str, Any]:
    """Return the step of a job whose command contains the text."""
    (found,) = [step for step in job["steps"] if text in step.get("run", "")]
    return dict(found)


def run_script(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script as GitHub's runner does."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


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
            if "uses:" in line and "uses: $/" not in line:  # $/ is this repository at the same commit
                pinned = re.search(r"uses: ([\w-]+/[\w-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$", line)
                assert pinned, line
                pins.setdefault(pinned[1], set()).add(pinned[2])
    assert pins
    assert {action for action, commits in pins.items() if len(commits) > 1} == set()


def test_jobs_that_may_write_run_no_code_of_the_repository() -> None:
    for name in (("release", "publish"), ("update", "pull-request")):
        called = {line.split()[0] for line in commands(JOBS[name]).splitlines() if line.strip()}
        assert called <= {"gh", "git", "test", "--body", "build/shopwire.tar"}


def test_no_step_is_skipped_and_no_failure_is_ignored() -> None:
    """Otherwise a deployment would continue without the comparison of the hash."""
    assert [name for name, job in JOBS.items() if "if" in job] == [("pipeline", "test-stage")]
    assert not any("continue-on-error" in job for job in JOBS.values())
    assert {field for step in STEPS for field in step} == {"env", "id", "name", "run", "uses", "with"}


def test_workflows_start_only_at_these_events() -> None:
    assert {name: set(workflow["on"]) for name, workflow in WORKFLOWS.items()} == {
        "pipeline": {"push", "pull_request", "schedule"},  # pull_request_target would have the repository's rights
        "release": {"push"},
        "stage": {"workflow_call"},
        "update": {"schedule", "workflow_dispatch"},
    }


def test_check_outs_keep_no_credentials_and_scripts_contain_no_expression() -> None:
    assert not any("${{" in step.get("run", "") for step in STEPS), "the name of a branch would be part of the script"
    check_outs = [step["with"] for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert check_outs == [{"persist-credentials": "false"}] * len(check_outs)


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


def test_one_build_goes_to_the_test_stage_and_then_to_production() -> None:
    assert set(PIPELINE["test-stage"]["needs"]) == {"check", "audit", "build"}
    assert PIPELINE["production"]["needs"] == ["build", "test-stage"]
    assert [name for name, job in JOBS.items() if "make build" in commands(job)] == [("pipeline", "build")]
    assert [name for name, job in JOBS.items() if "sam " in commands(job)] == [("stage", "deploy")]
    assert STAGE["tests"]["needs"] == ["deploy"]
    for name, stage in (("test-stage", "test"), ("production", "production")):
        job = PIPELINE[name]
        assert job["uses"] == "$/.github/workflows/stage.yml"
        assert job["with"]["stage"] == stage
        stack = STAGES[stage]["deploy"]["parameters"]["stack_name"]
        assert job["with"]["tests"] == f"make deployed STACK={stack}" + (" SMOKE=1" if stage == "production" else "")
    assert PIPELINE["test-stage"]["concurrency"] == "test-stage", "the tests must test what this run deployed"


# --- what a stage deploys


def test_stage_deploys_only_the_archive_with_the_hash_that_build_stated() -> None:
    assert PIPELINE["build"]["outputs"] == {"sha256": "${{ steps.hash.outputs.sha256 }}"}
    for name in ("test-stage", "production"):
        assert PIPELINE[name]["with"]["sha256"] == "${{ needs.build.outputs.sha256 }}"
    deploy = STAGE["deploy"]
    assert "${{ inputs.sha256 }}" in deploy["name"], "the reviewers must see what they approve"
    first, second, *_ = deploy["steps"]
    assert first["with"] == {"name": "built", "path": "build"}
    assert second["env"] == {"SHA256": "${{ inputs.sha256 }}"}
    assert second["run"].startswith('echo "$SHA256  build/shopwire.tar" | sha256sum --check')
    # Everything that the deployment reads comes out of the archive.
    paths = set(re.findall(r"build/\S+", commands(deploy)))
    assert all(path.startswith(("build/unpacked", "build/shopwire.tar")) for path in paths), paths


def test_archive_has_the_stages_parameters_and_the_lock_of_sam() -> None:
    beside = re.search(r"^DEPLOYED_BESIDE = (.*)$", MAKEFILE, re.MULTILINE)
    assert beside
    assert beside[1].split() == ["samconfig.toml", "requirements-sam.txt"]
    assert MAKEFILE.count("$(DEPLOYED_BESIDE)") == 2
    # SAM looks for samconfig.toml beside the template that it deploys.
    assert "--template-file build/unpacked/packaged.yaml" in step(STAGE["deploy"], "sam deploy")["run"]


@pytest.mark.parametrize("what", ["same", "other bytes", "no hash"])
def test_another_archive_than_the_approved_one_stops_the_deployment(what: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "template.yaml").write_text("a template")
    approved = pack(source, tmp_path / "build" / "shopwire.tar")
    if what == "other bytes":
        (source / "template.yaml").write_text("another template")
        pack(source, tmp_path / "build" / "shopwire.tar")
    compare = step(STAGE["deploy"], "sha256sum")["run"]
    run = run_script(compare, tmp_path, SHA256="" if what == "no hash" else approved)
    assert (run.returncode == 0) == (what == "same")
    assert (tmp_path / "build" / "unpacked" / "template.yaml").exists() == (what == "same")


def test_hash_of_the_build_is_that_of_its_archive(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    expected = pack(tmp_path / "source", tmp_path / "build" / "shopwire.tar")
    files = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    assert run_script(step(PIPELINE["build"], "GITHUB_OUTPUT")["run"], tmp_path, **files).returncode == 0
    assert (tmp_path / "output").read_text() == f"sha256={expected}\n"
    assert expected in (tmp_path / "summary").read_text()
    # Nothing runs between the hash and the upload, which could change the archive.
    names = [step.get("id") or step.get("uses", step.get("run")) for step in PIPELINE["build"]["steps"]]
    assert [name.partition("@")[0] for name in names[-2:]] == ["hash", "actions/upload-artifact"]


# --- who may change a stack


def test_job_that_may_change_a_stack_runs_only_sam() -> None:
    deploy = STAGE["deploy"]
    assert deploy["permissions"] == {"id-token": "write"}
    assert actions(deploy) == [
        "actions/download-artifact",
        "actions/setup-python",
        "aws-actions/configure-aws-credentials",
    ]
    lines = commands(deploy).replace("\\\n", " ").splitlines()
    assert {line.split()[0] for line in lines if line.strip()} == {
        *("echo", "mkdir", "tar"),
        *("python", ".venv-sam/bin/python", ".venv-sam/bin/sam"),
    }
    (venv,) = [line for line in lines if line.startswith("python ")]
    assert venv == "python -m venv .venv-sam"
    (pip,) = [line.split() for line in lines if line.startswith(".venv-sam/bin/python ")]
    assert pip[1:4] == ["-m", "pip", "install"]
    assert {"--no-deps", "--require-hashes", "--only-binary", ":all:"} <= set(pip)
    assert pip[-2:] == ["--requirement", "build/unpacked/requirements-sam.txt"]


def test_tests_of_a_stack_have_an_environment_and_a_role_of_their_own() -> None:
    environments = {name: job["environment"] for name, job in STAGE.items()}
    assert environments == {"deploy": "${{ inputs.stage }}", "tests": "${{ inputs.stage }}-read-only"}
    roles = {
        name: [step["with"]["role-to-assume"] for step in job["steps"] if "configure-aws" in step.get("uses", "")]
        for name, job in STAGE.items()
    }
    assert roles == {"deploy": ["${{ vars.PIPELINE_ROLE }}"], "tests": ["${{ vars.READ_ONLY_ROLE }}"]}
    assert "sam" not in commands(STAGE["tests"])


def test_role_of_the_tests_may_only_read() -> None:
    (policy,) = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", DEPLOY, re.DOTALL) if "ssm:" in text]
    allowed = [action for statement in policy["Statement"] for action in as_list(statement["Action"])]
    assert sorted(allowed) == [
        "cloudformation:DescribeStacks",
        "cloudformation:ListStackResources",
        "cloudwatch:DescribeAlarms",
        "sqs:GetQueueAttributes",
        "ssm:GetParameter",
    ]


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
    used = set(re.findall(r"vars\.([A-Z_]+)", (ROOT / ".github/workflows/stage.yml").read_text(encoding="utf-8")))
    assert used == set(re.findall(r"^\| `([A-Z_]+)` \|", DEPLOY, re.MULTILINE))


def test_every_job_of_the_pipeline_is_documented() -> None:
    rows = re.findall(r"^\| ([a-z-]+) \| ", DEPLOY.partition("## What there must")[0], re.MULTILINE)
    assert [row for row in rows if row != "job"] == [*PIPELINE, *STAGE]


# --- the update of the locks

UPDATE = WORKFLOWS["update"]["jobs"]["pull-request"]
LOCKS = [*re.findall(r"-o (\S+)", MAKEFILE), "docs/licences.md"]


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with an origin, the locks, and a command `gh` that does nothing."""
    origin, folder = tmp_path / "origin", tmp_path / "checkout"
    git(tmp_path, "init", "--quiet", "--bare", str(origin))
    git(tmp_path, "clone", "--quiet", str(origin), str(folder))
    for name in (*LOCKS, "Makefile", ".github/workflows/pipeline.yml", "docs/deploy.md", "requirements-other.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name}\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text("#!/bin/sh\necho OPEN\n")
    (tmp_path / "bin" / "gh").chmod(0o755)
    return folder


def open_pull_request(checkout: Path) -> tuple[int, str]:
    """Run the job's script on what was changed in the checkout. Return its exit status and the pushed branches."""
    git(checkout, "add", "--all", "--force")
    (checkout.parent / "locks.patch").write_text(git(checkout, "diff", "--cached", "--binary") + "\n")
    git(checkout, "reset", "--quiet", "--hard")
    script = step(UPDATE, "git apply")
    environment = {
        "RUNNER_TEMP": str(checkout.parent),
        "EXCEPT_LOCKS": script["env"]["EXCEPT_LOCKS"],
        "PATH": f"{checkout.parent / 'bin'}:{os.environ['PATH']}",
    }
    run = run_script(script["run"], checkout, **environment)
    return run.returncode, git(checkout.parent / "origin", "branch", "--list")


def test_update_pushes_new_locks_and_licences(checkout: Path) -> None:
    for name in LOCKS:
        (checkout / name).write_text(f"{name}, newer\n")
    assert open_pull_request(checkout) == (0, "locks")
    changed = git(checkout.parent / "origin", "show", "--format=", "--name-only", "locks")
    assert sorted(changed.splitlines()) == sorted(LOCKS)


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("Makefile")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (".github/workflows/pipeline.yml", lambda path: path.write_text("other\n")),
        ("Makefile", lambda path: path.write_text("other\n")),
        ("Makefile", lambda path: path.unlink()),
        ("docs/deploy.md", lambda path: path.write_text("other\n")),
        ("requirements-other.txt", lambda path: path.write_text("other\n")),
        ("conftest.py", lambda path: path.write_text("new\n")),
        ("bench/usual/app/requirements.txt", lambda path: path.parent.mkdir(parents=True) or path.write_text("new\n")),
        ("requirements-dev.txt", lambda path: path.chmod(0o755)),
        ("requirements-dev.txt", lambda path: path.unlink()),
        ("requirements-dev.txt", lambda path: path.rename(path.with_name("requirements-new.txt"))),
        ("requirements-dev.txt", link),
    ],
)
def test_update_that_changes_anything_else_is_not_pushed(
    checkout: Path, name: str, change: Callable[[Path], object]
) -> None:
    (checkout / "docs/licences.md").write_text("newer\n")
    change(checkout / name)
    assert open_pull_request(checkout) == (1, "")


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
