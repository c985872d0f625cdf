"""Make moto's DynamoDB faster without changing its answers (test_fast_moto.py compares them).

For each call, moto parses an update expression several times, searches its syntax tree with slow type checks, and looks
for each field of a response under several names. Most of the time of a test with a table is spent there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from moto.core.base_backend import BackendDict
from moto.core.models import botocore_stubber
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Expression, Node, UpdateExpressionFunction
from moto.dynamodb.parsing.expressions import UpdateExpressionParser

# moto as it is.
_default_hook = DepthFirstTraverser.pre_processing_of_child
_make_update = UpdateExpressionParser.make
_serialize_structure = BaseJSONSerializer._serialize_type_structure


def make_clients() -> dict[str, Any]:
    """Return boto3 clients that moto answers while an account is active."""
    config = Config(user_agent="shopwire")  # boto3 composes a description of this machine for each call otherwise
    return {name: boto3.client(name, region_name="eu-central-1", config=config) for name in ("dynamodb", "sqs", "ssm")}


@contextmanager
def empty_account() -> Iterator[None]:
    """Answer the calls of boto3 clients from an empty account.

    `mock_aws` does the same and also answers calls of the package `requests`, which takes longer than many tests.
    """
    BackendDict.reset()
    botocore_stubber.enabled = True
    try:
        yield
    finally:
        botocore_stubber.enabled = False


# --- responses


def serialize_structure(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """Write a typed value such as {"S": "text"} without looking for the types that it does not have."""
    if shape.name != "AttributeValue" or type(value) is not dict:
        _serialize_structure(self, serialized, value, shape, key)
        return
    typed: dict[str, Any] = {}
    for name, content in value.items():
        if content is not None:
            self._serialize(typed, content, shape.members[name], name)
    self._default_serialize(serialized, typed, shape, key)


# --- updates


@cache
def make_update(expression: str) -> Any:
    """Return the syntax tree of an update expression. moto changes only copies of it."""
    return _make_update(expression)


def copy_node(self: Any, memo: Any) -> Any:
    """Copy a syntax tree."""
    copied = object.__new__(type(self))
    copied.__dict__.update(self.__dict__)
    if self.children is not None:
        copied.children = [copy_node(child, memo) if _is_node(type(child)) else child for child in self.children]
        for child in copied.children:
            if _is_node(type(child)):
                child.parent = copied
    return copied


def traverse(self: Any, node: Any, child_id: int = -1) -> Any:
    """Process the nodes of a syntax tree from the bottom up, with what `self` does for each type of node."""
    if "known_types" not in self.__dict__:
        self.known_types = {}
        self.hook = None if type(self).pre_processing_of_child is _default_hook else self.pre_processing_of_child
    parent = node.parent
    for index, child in enumerate(node.children or ()):
        if self.hook:
            self.hook(node, index)
        if _is_node(type(child)):
            traverse(self, child, index)
    if type(node) not in self.known_types:
        processors = self._processing_map().items()
        self.known_types[type(node)] = next((work for base, work in processors if issubclass(type(node), base)), None)
    if process := self.known_types[type(node)]:
        node = process(node)
        node.parent = parent
        if parent:
            parent.children[child_id] = node
    return node


def find_clauses(self: Any, clause_types: Any) -> list[Any]:
    """Return the nodes of these types below a node."""
    clauses = []
    for child in self.children or ():
        if type(child) in clause_types:
            clauses.append(child)
        elif _may_have_clauses(type(child)):
            clauses.extend(find_clauses(child, clause_types))
    return clauses


# isinstance is slow for moto's nodes, because their base class is abstract.
@cache
def _is_node(kind: type) -> bool:
    return issubclass(kind, Node)


@cache
def _may_have_clauses(kind: type) -> bool:
    return issubclass(kind, Expression | UpdateExpressionFunction)


PATCHES: tuple[tuple[Any, str, Any], ...] = (
    (BaseJSONSerializer, "_serialize_type_structure", serialize_structure),
    (UpdateExpressionParser, "make", make_update),
    (Node, "__deepcopy__", copy_node),
    (Node, "find_clauses", find_clauses),
    (DepthFirstTraverser, "traverse_node_recursively", traverse),
)
"""Class of moto, attribute, faster function."""
_ORIGINALS = tuple((owner, name, owner.__dict__.get(name)) for owner, name, _ in PATCHES)


def install() -> None:
    """Use the faster functions from now on."""
    for owner, name, function in PATCHES:
        setattr(owner, name, function)


@contextmanager
def original_functions() -> Iterator[None]:
    """Use moto's own functions."""
    for owner, name, function in _ORIGINALS:
        if function:
            setattr(owner, name, function)
        else:
            delattr(owner, name)
    try:
        yield
    finally:
        install()
