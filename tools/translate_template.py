"""Translate template.yaml as SAM does at deployment, and check the canary settings (run by `make validate`).

    .venv-sam/bin/python tools/translate_template.py template.yaml build/translated.json

`sam validate` does not translate, so it accepts templates that cannot be deployed. cfn-lint then reads the output file.
SAM's own environment runs this script. It has nothing of this project installed, so the script uses only the standard
library and SAM.
"""

import contextlib
import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Resources = dict[str, dict[str, Any]]

# Resource types that call a function, and the property that names the function.
_CALLERS = {"AWS::Lambda::Permission": "FunctionName", "AWS::Lambda::EventSourceMapping": "FunctionName"}


def translate(template: Path, *, layer: str = "layer-1") -> dict[str, Any]:
    """Return the template that CloudFormation receives.

    Args:
        template: path of the SAM template.
        layer: name of the layer's package in S3.

    Raises:
        SystemExit: SAM cannot translate the template.
    """
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse

    class NoManagedPolicies:
        """An empty list of managed policies, because the template refers to none by name."""

        def load(self) -> dict[str, str]:
            return {}

    source = yaml_parse(template.read_text(encoding="utf-8"))
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = f"s3://packages/{layer}"
        elif resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://packages/code"
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            translated: dict[str, Any] = transform(source, {}, NoManagedPolicies())
    except InvalidDocumentException as error:
        sys.exit(f"{template}: {error.message}: {[str(cause.message) for cause in error.causes]}")
    return translated


def find_problems(translated: Resources, with_another_layer: Resources) -> Iterator[str]:
    """Yield each reason why a deployment would not be a canary deployment.

    Args:
        translated: resources of the translated template.
        with_another_layer: the same resources with another package as the layer.
    """
    functions = {name for name, resource in translated.items() if resource["Type"] == "AWS::Lambda::Function"}
    for name in sorted(functions):
        group = translated.get(f"{name}DeploymentGroup", {}).get("Properties", {})
        if not group.get("AlarmConfiguration"):
            yield f"{name}: no alarm stops its deployment"
        if version_ids(translated, name) == version_ids(with_another_layer, name):
            yield f"{name}: a new layer does not publish a new version of it"
    for name, resource in translated.items():
        called = resource["Properties"].get(_CALLERS.get(resource["Type"], ""))
        if called and called["Ref"] in functions:
            yield f"{name}: calls {called['Ref']} directly instead of its alias"


def version_ids(resources: Resources, function: str) -> set[str]:
    """Return the logical IDs of the function's versions. CloudFormation publishes a version when its ID is new."""
    return {
        name
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::Version" and resource["Properties"]["FunctionName"] == {"Ref": function}
    }


def main(template: Path, target: Path) -> int:
    """Write the translated template and print its problems. Return 0 if there is none, otherwise 1."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    logging.disable()
    translated, other = translate(template), translate(template, layer="layer-2")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(translated, indent=1), encoding="utf-8")
    problems = list(find_problems(translated["Resources"], other["Resources"]))
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
