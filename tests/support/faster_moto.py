"""Makes moto faster, without any other effect. Most tests of delivery wait for moto. This saves a fifth of that time.

moto looks for each member of each value under several names, and asks abstract classes about each node of an expression
several times. The functions below do the same work once.
"""

from functools import cache
from typing import Any

from moto.core.serialize import ResponseSerializer
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Expression, Node, UpdateExpressionFunction

_serialize_structure = ResponseSerializer._serialize_type_structure


def speed_up() -> None:
    """Replace the slow functions in this process."""
    ResponseSerializer._serialize_type_structure = _serialize_type_structure
    DepthFirstTraverser.traverse = _traverse
    Node.find_clauses = _find_clauses


def _serialize_type_structure(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """Serialize a value. One of DynamoDB has one of ten members, and moto has it in a dict by the member's own name."""
    if shape.name != "AttributeValue" or type(value) is not dict or not key or not value.keys() <= shape.members.keys():
        _serialize_structure(self, serialized, value, shape, key)
        return
    wrapper = self.MAP_TYPE()
    for name in value:
        member = shape.members[name]
        member.parent = shape
        self._serialize_structure_member(wrapper, value, member, name)
    self._default_serialize(serialized, wrapper, shape, key)


@cache
def _is_a(kind: type, classes: tuple[type, ...]) -> bool:
    return issubclass(kind, classes)


def _traverse(self: Any, root: Any) -> Any:
    """Process the nodes of a tree depth first. The classes of these nodes are the same during the whole traversal."""
    classes = self.nodes_to_be_processed()

    def visit(node: Any, index: int) -> Any:
        if not _is_a(type(node), (Node,)):
            return node
        parent = node.parent
        for child_index, child in enumerate(node.children or ()):
            self.pre_processing_of_child(node, child_index)
            visit(child, child_index)
        if _is_a(type(node), classes):
            node = self.process(node)
            node.parent = parent
            if parent:
                parent.children[index] = node
        return node

    return visit(root, -1)


def _find_clauses(self: Any, kinds: Any) -> list[Any]:
    """Return the nodes of some kinds within this node."""
    found = []
    for child in self.children or ():
        if type(child) in kinds:
            found.append(child)
        elif _is_a(type(child), (Expression, UpdateExpressionFunction)):
            found += child.find_clauses(kinds)
    return found
