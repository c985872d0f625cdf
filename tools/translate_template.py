"""What CloudFormation will be given: template.yaml as SAM translates it. `make validate` asks, then cfn-lint reads it.

    .venv-sam/bin/python tools/translate_template.py template.yaml build/translated.json

Run by SAM's own environment, which has nothing of this project installed: only the standard library and SAM here.
`sam validate` does not translate, and is content with a template that cannot be deployed.
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

# Who calls a function, and by which property.
_CALLERS = {"AWS::Lambda::Permission": "FunctionName", "AWS::Lambda::EventSourceMapping": "FunctionName"}


def translate(template: Path, *, layer: str = "layer-1") -> dict[str, Any]:
    """The template as it is deployed, with packages of these names.

    Raises:
        SystemExit: SAM cannot translate it.
    """
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse

    class NoManagedPolicies:
        """Names none: the template uses none by name."""

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
        sys.exit(f"{template}: {error.message}: {[str(one.message) for one in error.causes]}")
    return translated


def problems(translated: Resources, with_another_layer: Resources) -> Iterator[str]:
    """What would keep a canary from being one."""
    functions = {name for name, one in translated.items() if one["Type"] == "AWS::Lambda::Function"}
    for name in sorted(functions):
        group = translated.get(f"{name}DeploymentGroup", {}).get("Properties", {})
        if not group.get("AlarmConfiguration"):
            yield f"{name}: no alarm stops its deployment"
        if versions(translated, name) == versions(with_another_layer, name):
            yield f"{name}: another layer makes no other version of it"
    for name, resource in translated.items():
        called = resource["Properties"].get(_CALLERS.get(resource["Type"], ""))
        if called and called["Ref"] in functions:
            yield f"{name}: calls {called['Ref']} past its alias"


def versions(resources: Resources, function: str) -> set[str]:
    """The logical ids of a function's versions: CloudFormation publishes one where it is new."""
    return {
        name
        for name, one in resources.items()
        if one["Type"] == "AWS::Lambda::Version" and one["Properties"]["FunctionName"] == {"Ref": function}
    }


def main(template: Path, target: Path) -> int:
    """0 if it can be deployed as meant, else 1. Writes what CloudFormation will be given."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    logging.disable()
    translated, other = translate(template), translate(template, layer="layer-2")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(translated, indent=1), encoding="utf-8")
    found = list(problems(translated["Resources"], other["Resources"]))
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
