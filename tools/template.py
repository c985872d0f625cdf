"""Reads template.yaml as CloudFormation understands it: its short forms, its defaults.

Nothing here knows what is in it: that is for those who ask (`tools.invoke`, the template's test).
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
    """The template, each short form (`!Ref X`) in its long one (`{"Ref": "X"}`)."""
    template = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    if not isinstance(template, dict):
        raise ValueError(f"{path} is no template")
    return template


def resolve(value: Any, known: Mapping[str, str]) -> str:
    """The text that a plain value stands for, or a `Ref`, a `Fn::Sub`, a piece of a `Fn::Split`.

    Raises:
        KeyError: it refers to something that is not known.
    """
    match value:
        case {"Ref": name}:
            return known[name]
        case {"Fn::Sub": text}:
            return _PLACEHOLDER.sub(lambda found: known[found[1]], text)
        case {"Fn::Select": [index, {"Fn::Split": [separator, whole]}]}:
            return resolve(whole, known).split(separator)[int(index)]
    return str(value)
