"""The exception tree at the top of `shopwire/errors.py` is the code's own."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import shopwire
from shopwire import errors
from shopwire.errors import ShopwireError


def drawn_tree() -> dict[str, str]:
    """Return each class that the module docstring draws below the root, with the class above it."""
    assert errors.__doc__
    above: dict[int, str] = {}
    tree = {}
    for line in errors.__doc__.splitlines():
        if match := re.fullmatch(r"( {4}(?:[│├└─]| )*)([A-Z]\w+)(?: {2,}\S.*)?", line):
            depth = len(match[1]) // 4
            above[depth] = match[2]
            if depth > 1:
                tree[match[2]] = above[depth - 1]
    return tree


def defined_exceptions() -> Iterator[type[Exception]]:
    """Yield the exceptions that any module of the package defines."""
    for module_info in pkgutil.walk_packages(shopwire.__path__, "shopwire."):
        for value in vars(importlib.import_module(module_info.name)).values():
            if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == module_info.name:
                yield value


def test_all_exceptions_derive_from_the_root_and_are_in_one_module() -> None:
    found = list(defined_exceptions())
    assert [value for value in found if not issubclass(value, ShopwireError)] == []
    assert {value.__module__ for value in found} == {"shopwire.errors"}


def test_tree_in_the_docstring_is_that_of_the_classes() -> None:
    classes = [value for value in defined_exceptions() if value is not ShopwireError]
    assert drawn_tree() == {value.__name__: value.__bases__[0].__name__ for value in classes}
