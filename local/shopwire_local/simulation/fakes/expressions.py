"""DynamoDB's expression language, as far as shopwire speaks it: each text is compiled once to a function.

AWS, "Condition and filter expressions, operators, and functions" and "Using update expressions in DynamoDB".
"""

import operator
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

Item = dict[str, Any]
Names = Mapping[str, str]
Values = Mapping[str, Any]
Test = Callable[[Item, Names, Values], bool]
Operand = Callable[[Item, Names, Values], Any]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),+-]|[#:]?\w+)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class _Tokens:
    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        if "".join(self._tokens) != re.sub(r"\s", "", text):
            raise ValueError(f"cannot read the expression {text!r}")
        self._place = 0

    @property
    def next(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.next
        if not token or (expected is not None and token != expected):
            raise ValueError(f"expected {expected}, found {token!r}")
        self._place += 1
        return token


@cache
def condition(text: str) -> Test:
    """A condition, filter or key condition."""
    tokens = _Tokens(text)
    test = _either(tokens)
    if tokens.next:
        raise ValueError(f"unexpected {tokens.next!r}")
    return test


def _either(tokens: _Tokens) -> Test:
    left = _both(tokens)
    while tokens.next == "OR":
        tokens.take()
        left = _or(left, _both(tokens))
    return left


def _both(tokens: _Tokens) -> Test:
    left = _not(tokens)
    while tokens.next == "AND":
        tokens.take()
        left = _and(left, _not(tokens))
    return left


def _or(left: Test, right: Test) -> Test:
    return lambda item, names, values: left(item, names, values) or right(item, names, values)


def _and(left: Test, right: Test) -> Test:
    return lambda item, names, values: left(item, names, values) and right(item, names, values)


def _not(tokens: _Tokens) -> Test:
    if tokens.next != "NOT":
        return _primary(tokens)
    tokens.take()
    inner = _not(tokens)
    return lambda item, names, values: not inner(item, names, values)


def _primary(tokens: _Tokens) -> Test:
    if tokens.next == "(":
        tokens.take()
        inner = _either(tokens)
        tokens.take(")")
        return inner
    if tokens.next in _FUNCTIONS:
        return _function(tokens)
    left, sign, right = _operand(tokens), tokens.take(), _operand(tokens)
    compare = _COMPARE[sign]

    def test(item: Item, names: Names, values: Values) -> bool:
        a, b = left(item, names, values), right(item, names, values)
        if a is None or b is None:
            return sign == "<>" and a is not b
        ((kind, one),), ((other_kind, other),) = a.items(), b.items()
        if kind != other_kind:
            return sign == "<>"
        return compare(int(one), int(other)) if kind == "N" else compare(one, other)

    return test


def _function(tokens: _Tokens) -> Test:
    name = tokens.take()
    tokens.take("(")
    subject = _operand(tokens)
    argument: Operand = lambda item, names, values: None  # noqa: E731
    if tokens.next == ",":
        tokens.take()
        argument = _operand(tokens)
    tokens.take(")")
    decide = _FUNCTIONS[name]
    return lambda item, names, values: decide(subject(item, names, values), argument(item, names, values))


def _contains(subject: Any, sought: Any) -> bool:
    if subject is None:
        return False
    ((kind, value),) = subject.items()
    return sought in value if kind == "L" else next(iter(sought.values())) in value


_FUNCTIONS: dict[str, Callable[[Any, Any], bool]] = {
    "attribute_exists": lambda subject, _: subject is not None,
    "attribute_not_exists": lambda subject, _: subject is None,
    "contains": _contains,
    "begins_with": lambda subject, prefix: subject is not None and subject["S"].startswith(prefix["S"]),
}


def _operand(tokens: _Tokens) -> Operand:
    token = tokens.take()
    if token.startswith(":"):
        return lambda item, names, values: values[token]
    if token.startswith("#"):
        return lambda item, names, values: item.get(names[token])
    if token == "if_not_exists":
        tokens.take("(")
        path = _path(tokens.take())
        tokens.take(",")
        default = _operand(tokens)
        tokens.take(")")
        return lambda item, names, values: item.get(path(names)) or default(item, names, values)
    if token == "list_append":
        tokens.take("(")
        first = _operand(tokens)
        tokens.take(",")
        second = _operand(tokens)
        tokens.take(")")
        return lambda item, names, values: {"L": first(item, names, values)["L"] + second(item, names, values)["L"]}
    return lambda item, names, values: item.get(token)


def _path(token: str) -> Callable[[Names], str]:
    return (lambda names: names[token]) if token.startswith("#") else (lambda names: token)


Update = Callable[[Item, Names, Values], Item]


@cache
def update(text: str) -> Update:
    """An update: (item before, names, values) -> item after. SET reads the item as it was before."""
    tokens = _Tokens(text)
    sets: list[tuple[Callable[[Names], str], Operand]] = []
    removes: list[Callable[[Names], str]] = []
    adds: list[tuple[Callable[[Names], str], Operand]] = []
    while tokens.next:
        word = tokens.take()
        while True:
            path = _path(tokens.take())
            if word == "SET":
                tokens.take("=")
                sets.append((path, _operand(tokens)))
            elif word == "REMOVE":
                removes.append(path)
            elif word == "ADD":
                adds.append((path, _operand(tokens)))
            else:
                raise ValueError(f"unexpected {word!r}")
            if tokens.next != ",":
                break
            tokens.take()

    def apply(item: Item, names: Names, values: Values) -> Item:
        after = dict(item)
        for path, operand in sets:
            after[path(names)] = operand(item, names, values)
        for path in removes:
            after.pop(path(names), None)
        for path, operand in adds:
            before = int(item.get(path(names), {"N": "0"})["N"])
            after[path(names)] = {"N": str(before + int(operand(item, names, values)["N"]))}
        return after

    return apply
