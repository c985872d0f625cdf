"""Read template.yaml as CloudFormation does, with its short forms and defaults (used by `make invoke` and by tests).

This module knows nothing about the resources in the template.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9:]+)\}")


class _Loader(yaml.SafeLoader):
    pass


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = "Ref" if suffix == "Ref" else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: text.split(".") if suffix == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)} if isinstance(node, yaml.MappingNode) else {}


_Loader.add_multi_constructor("!", _short_form)


def load(path: Path) -> dict[str, Any]:
    """Return the template with each short form (`!Ref X`) replaced by its long form (`{"Ref": "X"}`)."""
    template = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    if not isinstance(template, dict):
        raise ValueError(f"{path} is not a CloudFormation template: its top level must be a mapping")
    return template


def resolve(value: Any, known: Mapping[str, str]) -> str:
    """Return the text of a plain value, a `Ref`, a `Fn::Sub`, or a `Fn::Select` of a `Fn::Split`.

    Args:
        value: value as `load` returns it.
        known: value of each name that the template may refer to.

    Raises:
        KeyError: the value refers to a name that is not in `known`.
    """
    match value:
        case {"Ref": name}:
            return known[name]
        case {"Fn::Sub": text}:
            return _PLACEHOLDER.sub(lambda found: known[found[1]], text)
        case {"Fn::Select": [index, {"Fn::Split": [separator, whole]}]}:
            return resolve(whole, known).split(separator)[int(index)]
    return str(value)
