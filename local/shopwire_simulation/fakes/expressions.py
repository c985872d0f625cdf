"""DynamoDB's expression language, as far as shopwire speaks it: each text is compiled once to a function.

AWS, "Condition and filter expressions, operators, and functions in DynamoDB" and "Using update expressions in
DynamoDB". What is not simulated (document paths, arithmetic in SET, DELETE, sets, IN, BETWEEN, ...) raises
NotImplementedError. So does a plain attribute name other than a key's: it could be one of 573 reserved words.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from shopwire_simulation.fakes.values import Invalid, Item, add, comparison, contains, stored

Values = Mapping[str, Any]
Names = tuple[tuple[str, str], ...]
Test = Callable[[Item, Values], bool]
Operand = Callable[[Item, Values], Any]

_KEYS = ("pk", "sk")
_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),]|[#:]?\w+)")
_SIGNS = ("=", "<>", "<", "<=", ">", ">=")
_WRONG_TYPE = "An operand in the update expression has an incorrect data type"


@dataclass(frozen=True, slots=True)
class Compiled:
    """The expressions of one call. `values` are the placeholders that they use."""

    test: Test | None
    change: Callable[[Item, Values], Item] | None
    values: frozenset[str]

    def check(self, given: Values) -> None:
        """
        Raises:
            Invalid: a placeholder is missing, or there is one too many.
        """
        if given.keys() == self.values:
            return
        for name in sorted(self.values - given.keys()):
            raise Invalid(f"An expression attribute value used in expression is not defined; attribute value: {name}")
        unused = ", ".join(sorted(given.keys() - self.values))
        raise Invalid(f"Value provided in ExpressionAttributeValues unused in expressions: keys: {{{unused}}}")


@cache
def compiled(update: str, condition: str, names: Names) -> Compiled:
    """The functions of an update and a condition (each may be ""), of which the names are known.

    Raises:
        Invalid, NotImplementedError.
    """
    used_names: set[str] = set()
    used_values: set[str] = set()
    reader = _Reader(dict(names), used_names, used_values)
    change = reader.update(update) if update else None
    test = reader.condition(condition) if condition else None
    unused = ", ".join(sorted(dict(names).keys() - used_names))
    if unused:
        raise Invalid(f"Value provided in ExpressionAttributeNames unused in expressions: keys: {{{unused}}}")
    return Compiled(test, change, frozenset(used_values))


class _Reader:
    """Reads expressions and notes which placeholders they use."""

    def __init__(self, names: Mapping[str, str], used_names: set[str], used_values: set[str]) -> None:
        self._names = names
        self._used_names = used_names
        self._used_values = used_values
        self._text = ""
        self._tokens: list[str] = []

    def _begin(self, text: str) -> None:
        self._text, self._tokens = text, _TOKEN.findall(text)[::-1]
        if "".join(self._tokens[::-1]) != re.sub(r"\s", "", text):
            raise self._unknown()

    def _unknown(self) -> NotImplementedError:
        rest = " ".join(self._tokens[::-1])
        return NotImplementedError(f"not simulated: {self._text!r}, from {rest!r}")

    @property
    def _next(self) -> str:
        return self._tokens[-1] if self._tokens else ""

    def _take(self, *expected: str) -> str:
        if not self._tokens or (expected and self._tokens[-1].upper() not in expected):
            raise self._unknown()
        return self._tokens.pop()

    # -- conditions --

    def condition(self, text: str) -> Test:
        self._begin(text)
        test = self._either()
        if self._tokens:
            raise self._unknown()
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._next.upper() == "OR":
            self._take()
            tests.append(self._both())
        return _any(tests)

    def _both(self) -> Test:
        tests = [self._not()]
        while self._next.upper() == "AND":
            self._take()
            tests.append(self._not())
        return _all(tests)

    def _not(self) -> Test:
        if self._next.upper() != "NOT":
            return self._primary()
        self._take()
        inner = self._not()
        return lambda item, values: not inner(item, values)

    def _primary(self) -> Test:
        if self._next == "(":
            self._take()
            inner = self._either()
            self._take(")")
            return inner
        if self._next in ("attribute_exists", "attribute_not_exists"):
            wanted = self._take() == "attribute_exists"
            self._take("(")
            name = self._name()
            self._take(")")
            return (lambda item, values: name in item) if wanted else (lambda item, values: name not in item)
        if self._next in ("contains", "begins_with"):
            decide = contains if self._take() == "contains" else _begins_with
            subject, argument = self._arguments()
            return lambda item, values: decide(subject(item, values), argument(item, values))
        left = self._operand()
        compare = comparison(self._take(*_SIGNS))
        right = self._operand()
        return lambda item, values: compare(left(item, values), right(item, values))

    def _arguments(self) -> tuple[Operand, Operand]:
        self._take("(")
        first = self._operand()
        self._take(",")
        second = self._operand()
        self._take(")")
        return first, second

    def _operand(self) -> Operand:
        if self._next.startswith(":"):
            name = self._take()
            self._used_values.add(name)
            return lambda item, values: values[name]
        attribute = self._name()
        return lambda item, values: item.get(attribute)

    def _name(self) -> str:
        token = self._take()
        if token.startswith("#"):
            if token not in self._names:
                raise Invalid(f"An expression attribute name used in the document path is not defined; {token}")
            self._used_names.add(token)
            return self._names[token]
        if token not in _KEYS:
            self._tokens.append(token)
            raise self._unknown()
        return token

    # -- updates --

    def update(self, text: str) -> Callable[[Item, Values], Item]:
        self._begin(text)
        sets: list[tuple[str, Operand]] = []
        removes: list[str] = []
        adds: list[tuple[str, Operand]] = []
        paths: list[str] = []
        while self._tokens:
            word = self._take("SET", "REMOVE", "ADD").upper()
            while True:
                path = self._name()
                paths.append(path)
                if word == "SET":
                    self._take("=")
                    sets.append((path, self._set_operand()))
                elif word == "REMOVE":
                    removes.append(path)
                else:
                    adds.append((path, self._operand()))
                if self._next != ",":
                    break
                self._take()
        _check_paths(paths)
        return _change(sets, removes, adds)

    def _set_operand(self) -> Operand:
        if self._next == "if_not_exists":
            self._take()
            self._take("(")
            name = self._name()
            self._take(",")
            default = self._set_operand()
            self._take(")")
            return lambda item, values: item[name] if name in item else default(item, values)
        if self._next == "list_append":
            self._take()
            self._take("(")
            first = self._set_operand()
            self._take(",")
            second = self._set_operand()
            self._take(")")
            return lambda item, values: _joined(first(item, values), second(item, values))
        return self._operand()


def _any(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        one, other = tests
        return lambda item, values: one(item, values) or other(item, values)
    return lambda item, values: any(test(item, values) for test in tests)


def _all(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        one, other = tests
        return lambda item, values: one(item, values) and other(item, values)
    return lambda item, values: all(test(item, values) for test in tests)


def _begins_with(subject: Any, prefix: Any) -> bool:
    return subject is not None and "S" in subject and subject["S"].startswith(prefix["S"])


def _joined(first: Any, second: Any) -> Item:
    if first is None or second is None:
        raise Invalid("The provided expression refers to an attribute that does not exist in the item")
    if "L" not in first or "L" not in second:
        raise Invalid(_WRONG_TYPE)
    return {"L": [*first["L"], *second["L"]]}


def _check_paths(paths: list[str]) -> None:
    for path in paths:
        if path in _KEYS:
            raise Invalid(
                f"One or more parameter values were invalid: Cannot update attribute {path}. This attribute is part of"
                " the key"
            )
        if paths.count(path) > 1:
            raise Invalid(
                "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of"
                f" these paths; path one: [{path}], path two: [{path}]"
            )


def _change(
    sets: list[tuple[str, Operand]], removes: list[str], adds: list[tuple[str, Operand]]
) -> Callable[[Item, Values], Item]:
    """Item before -> item after. Every operand reads the item as it was before."""

    def change(item: Item, values: Values) -> Item:
        after = dict(item)
        for path, operand in sets:
            value = operand(item, values)
            if value is None:
                raise Invalid("The provided expression refers to an attribute that does not exist in the item")
            after[path] = stored(value)
        for path in removes:
            after.pop(path, None)
        for path, operand in adds:
            # A number that is not there counts as 0.
            after[path] = add(item.get(path, {"N": "0"}), operand(item, values))
        return after

    return change


_KEY_CONDITION = re.compile(
    r"\s*(#?\w+)\s*=\s*(:\w+)"
    r"(?:\s+AND\s+(?:(#?\w+)\s*(=|<=|<|>=|>)\s*(:\w+)|(begins_with)\s*\(\s*(#?\w+)\s*,\s*(:\w+)\s*\)))?\s*"
)


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """A query's key condition: the partition's placeholder; how the sort key compares ("" for any) with which other."""

    partition: str
    sign: str
    sort: str


@cache
def key_condition(text: str, names: Names) -> KeyCondition:
    """
    Raises:
        NotImplementedError.
    """
    match = _KEY_CONDITION.fullmatch(text)
    if match is None:
        raise NotImplementedError(f"not simulated: {text!r}")
    pk, partition, compared, sign, sort, function, prefixed, prefix = match.groups()
    resolve = dict(names)
    found = [resolve.get(name, name) for name in (pk, compared or prefixed) if name]
    if found != list(_KEYS[: len(found)]):
        raise NotImplementedError(f"not simulated: {text!r}")
    return KeyCondition(partition, sign or function or "", sort or prefix or "")
