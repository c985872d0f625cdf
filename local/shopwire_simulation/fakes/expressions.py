"""The part of DynamoDB's expression language that shopwire uses. Each expression is compiled once to a function.

See AWS, "Condition and filter expressions, operators, and functions in DynamoDB" and "Using update expressions in
DynamoDB". What is not simulated (document paths, arithmetic in SET, DELETE, sets, IN, BETWEEN and so on) raises
NotImplementedError. So does an attribute name without a placeholder, except pk and sk, because it could be one of 573
reserved words.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from shopwire_simulation.fakes.values import Invalid, Item, add, contains, make_comparison, normalize

Values = Mapping[str, Any]
Names = tuple[tuple[str, str], ...]
Test = Callable[[Item, Values], bool]
Operand = Callable[[Item, Values], Any]

_KEYS = ("pk", "sk")
_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),]|[#:]?\w+)")
_SIGNS = ("=", "<>", "<", "<=", ">", ">=")
_WRONG_TYPE = "An operand in the update expression has an incorrect data type"


@dataclass(frozen=True, slots=True)
class CompiledExpressions:
    """The expressions of one call. `values` are the placeholders of values that they use."""

    test: Test | None
    change: Callable[[Item, Values], Item] | None
    values: frozenset[str]

    def check(self, given: Values) -> None:
        """Check that the call gives exactly the values that the expressions use.

        Raises:
            Invalid: a value is missing, or is not used.
        """
        if given.keys() == self.values:
            return
        for name in sorted(self.values - given.keys()):
            raise Invalid(f"An expression attribute value used in expression is not defined; attribute value: {name}")
        unused = ", ".join(sorted(given.keys() - self.values))
        raise Invalid(f"Value provided in ExpressionAttributeValues unused in expressions: keys: {{{unused}}}")


@cache
def compile_expressions(update: str, condition: str, names: Names) -> CompiledExpressions:
    """Compile an update expression and a condition expression.

    Args:
        update: "" for none.
        condition: "" for none.
        names: the placeholders of attribute names.

    Raises:
        Invalid: DynamoDB refuses an expression.
        NotImplementedError: an expression is not simulated.
    """
    used_names: set[str] = set()
    used_values: set[str] = set()
    parser = _Parser(dict(names), used_names, used_values)
    change = parser.parse_update(update) if update else None
    test = parser.parse_condition(condition) if condition else None
    unused = ", ".join(sorted(dict(names).keys() - used_names))
    if unused:
        raise Invalid(f"Value provided in ExpressionAttributeNames unused in expressions: keys: {{{unused}}}")
    return CompiledExpressions(test, change, frozenset(used_values))


class _Parser:
    """Parses expressions and collects the placeholders that they use."""

    def __init__(self, names: Mapping[str, str], used_names: set[str], used_values: set[str]) -> None:
        self._names = names
        self._used_names = used_names
        self._used_values = used_values
        self._text = ""
        self._tokens: list[str] = []

    def _begin(self, text: str) -> None:
        self._text, self._tokens = text, _TOKEN.findall(text)[::-1]
        if "".join(self._tokens[::-1]) != re.sub(r"\s", "", text):
            raise self._not_simulated()

    def _not_simulated(self) -> NotImplementedError:
        rest = " ".join(self._tokens[::-1])
        return NotImplementedError(f"not simulated: {self._text!r}, from {rest!r}")

    @property
    def _next(self) -> str:
        return self._tokens[-1] if self._tokens else ""

    def _take(self, *expected: str) -> str:
        if not self._tokens or (expected and self._tokens[-1].upper() not in expected):
            raise self._not_simulated()
        return self._tokens.pop()

    # -- conditions --

    def parse_condition(self, text: str) -> Test:
        self._begin(text)
        test = self._parse_or()
        if self._tokens:
            raise self._not_simulated()
        return test

    def _parse_or(self) -> Test:
        tests = [self._parse_and()]
        while self._next.upper() == "OR":
            self._take()
            tests.append(self._parse_and())
        return _any(tests)

    def _parse_and(self) -> Test:
        tests = [self._parse_not()]
        while self._next.upper() == "AND":
            self._take()
            tests.append(self._parse_not())
        return _all(tests)

    def _parse_not(self) -> Test:
        if self._next.upper() != "NOT":
            return self._parse_test()
        self._take()
        inner = self._parse_not()
        return lambda item, values: not inner(item, values)

    def _parse_test(self) -> Test:
        if self._next == "(":
            self._take()
            inner = self._parse_or()
            self._take(")")
            return inner
        if self._next in ("attribute_exists", "attribute_not_exists"):
            wanted = self._take() == "attribute_exists"
            self._take("(")
            name = self._parse_name()
            self._take(")")
            return (lambda item, values: name in item) if wanted else (lambda item, values: name not in item)
        if self._next in ("contains", "begins_with"):
            matches = contains if self._take() == "contains" else _begins_with
            subject, argument = self._parse_arguments()
            return lambda item, values: matches(subject(item, values), argument(item, values))
        left = self._parse_operand()
        compare = make_comparison(self._take(*_SIGNS))
        right = self._parse_operand()
        return lambda item, values: compare(left(item, values), right(item, values))

    def _parse_arguments(self) -> tuple[Operand, Operand]:
        self._take("(")
        first = self._parse_operand()
        self._take(",")
        second = self._parse_operand()
        self._take(")")
        return first, second

    def _parse_operand(self) -> Operand:
        if self._next.startswith(":"):
            name = self._take()
            self._used_values.add(name)
            return lambda item, values: values[name]
        attribute = self._parse_name()
        return lambda item, values: item.get(attribute)

    def _parse_name(self) -> str:
        token = self._take()
        if token.startswith("#"):
            if token not in self._names:
                raise Invalid(f"An expression attribute name used in the document path is not defined; {token}")
            self._used_names.add(token)
            return self._names[token]
        if token not in _KEYS:
            self._tokens.append(token)
            raise self._not_simulated()
        return token

    # -- updates --

    def parse_update(self, text: str) -> Callable[[Item, Values], Item]:
        self._begin(text)
        sets: list[tuple[str, Operand]] = []
        removes: list[str] = []
        adds: list[tuple[str, Operand]] = []
        paths: list[str] = []
        while self._tokens:
            word = self._take("SET", "REMOVE", "ADD").upper()
            while True:
                path = self._parse_name()
                paths.append(path)
                if word == "SET":
                    self._take("=")
                    sets.append((path, self._parse_set_operand()))
                elif word == "REMOVE":
                    removes.append(path)
                else:
                    adds.append((path, self._parse_operand()))
                if self._next != ",":
                    break
                self._take()
        _check_paths(paths)
        return _change(sets, removes, adds)

    def _parse_set_operand(self) -> Operand:
        if self._next == "if_not_exists":
            self._take()
            self._take("(")
            name = self._parse_name()
            self._take(",")
            default = self._parse_set_operand()
            self._take(")")
            return lambda item, values: item[name] if name in item else default(item, values)
        if self._next == "list_append":
            self._take()
            self._take("(")
            first = self._parse_set_operand()
            self._take(",")
            second = self._parse_set_operand()
            self._take(")")
            return lambda item, values: _joined(first(item, values), second(item, values))
        return self._parse_operand()


def _any(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        left, right = tests
        return lambda item, values: left(item, values) or right(item, values)
    return lambda item, values: any(test(item, values) for test in tests)


def _all(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        left, right = tests
        return lambda item, values: left(item, values) and right(item, values)
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
    """Return the function that changes an item. All operands read the item as it was before the change."""

    def change(item: Item, values: Values) -> Item:
        after = dict(item)
        for path, operand in sets:
            value = operand(item, values)
            if value is None:
                raise Invalid("The provided expression refers to an attribute that does not exist in the item")
            after[path] = normalize(value)
        for path in removes:
            after.pop(path, None)
        for path, operand in adds:
            # A missing number counts as 0.
            after[path] = add(item.get(path, {"N": "0"}), operand(item, values))
        return after

    return change


_KEY_CONDITION = re.compile(
    r"\s*(#?\w+)\s*=\s*(:\w+)"
    r"(?:\s+AND\s+(?:(#?\w+)\s*(=|<=|<|>=|>)\s*(:\w+)|(begins_with)\s*\(\s*(#?\w+)\s*,\s*(:\w+)\s*\)))?\s*"
)


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """The key condition of a query.

    `partition` and `sort` are the placeholders of the values. `sign` is the comparison of the sort key, "" for none.
    """

    partition: str
    sign: str
    sort: str


@cache
def parse_key_condition(text: str, names: Names) -> KeyCondition:
    """Parse a key condition expression.

    Raises:
        NotImplementedError: the expression is not simulated.
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
