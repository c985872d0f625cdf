"""The one type of the numbers in bodies: how many digits it accepts, and that no other type is used."""

from decimal import Decimal
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from shopwire import platforms
from shopwire.errors import InvalidValue
from shopwire.models import CartItem, Item
from shopwire.models.base import Amount
from shopwire.models.order import quantum
from shopwire.platforms.parts import Body
from tests.support.changes import order

for name in platforms.NAMES:
    for module in iter_modules(import_module(f"shopwire.platforms.{name}").__path__):
        import_module(f"shopwire.platforms.{name}.{module.name}")


def subclasses(of: type[BaseModel]) -> list[type[BaseModel]]:
    return [found for child in of.__subclasses__() for found in (child, *subclasses(child))]


BODIES = [body for body in subclasses(Body) if body.__module__.startswith("shopwire.platforms.")]

AMOUNT: TypeAdapter[Decimal] = TypeAdapter(Amount)
ACCEPTED = ["0", "-0.00", "1e39", "1e-39", "1E-40", "0e39", "0e-40", "9" * 40, "0." + "0" * 39 + "1", "-" + "9" * 20]
TOO_LONG = ["1e40", "1e-41", "0e40", "0e-41", "0e-100000000", "0e100000000", "-1e999999", "9" * 41, "0." + "1" * 41]


@pytest.mark.parametrize("text", ACCEPTED)
def test_amount_of_at_most_40_digits_is_kept_as_it_is(text: str) -> None:
    assert str(AMOUNT.validate_json(f'"{text}"')) == str(Decimal(text))


@pytest.mark.parametrize("text", [*TOO_LONG, "1.234567e-38", "1" * 30 + "e-41", "1" * 30 + "e20", "1" * 100_000])
def test_amount_beyond_40_digits_is_refused_also_if_it_is_zero(text: str) -> None:
    with pytest.raises(ValidationError, match="decimal_max_digits"):
        AMOUNT.validate_json(f'"{text}"')


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity", '"NaN"', '"Infinity"', "1e400"])
def test_amount_that_is_not_finite_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        AMOUNT.validate_json(text)


@pytest.mark.parametrize("amount", [Decimal(text) for text in TOO_LONG])
def test_calculated_amount_beyond_40_digits_is_refused(amount: Decimal) -> None:
    one = Decimal(1)
    for make in (
        lambda: CartItem(id="1", quantity=one, price=amount),
        lambda: CartItem(id="1", quantity=one, price=one, discount=amount),
        lambda: Item(id="1", quantity=amount, cost=one),
        lambda: order(total=amount),
        lambda: order(refunded=amount),
    ):
        with pytest.raises(InvalidValue):
            make()


def test_cost_that_rounding_could_not_write_is_refused() -> None:
    with pytest.raises(InvalidValue, match="cost"):
        Item(id="1", quantity=Decimal(1), cost=Decimal("1e40"))
    # A third of a discount has as many decimals as the context. They are rounded away.
    assert Item(id="1", quantity=Decimal(1), cost=Decimal(1) / 3).cost


@pytest.mark.parametrize("body", BODIES, ids=lambda body: f"{body.__module__}.{body.__name__}")
def test_every_number_of_a_body_is_an_amount(body: type[BaseModel]) -> None:
    for name, annotation in get_type_hints(body, include_extras=True).items():
        assert unlimited_numbers(annotation) == [], f"{name}: its type must be `Amount`"


def test_number_of_another_type_is_found() -> None:
    assert unlimited_numbers(list[Decimal | None] | None) == [Decimal]
    assert unlimited_numbers(Annotated[Decimal, Field(max_digits=40)]) == [Decimal]
    assert unlimited_numbers(dict[str, float]) == [float]
    assert unlimited_numbers(Annotated[int, Field(ge=0)]) == [int]
    assert unlimited_numbers(Annotated[int, Field(ge=0, le=10**20)]) == [int]
    assert unlimited_numbers(list[Annotated[int, Field(ge=0, le=9)]]) == []


def unlimited_numbers(annotation: Any) -> list[Any]:
    """Return the types of numbers in an annotation that are not `Amount`."""
    if annotation == Amount or is_limited(annotation):
        return []
    if annotation in (int, float, Decimal):
        return [annotation]
    return [found for part in get_args(annotation) for found in unlimited_numbers(part)]


def is_limited(annotation: Any) -> bool:
    """Return True for a whole number with both bounds, which are small enough for every purpose."""
    kind, *more = get_args(annotation) or (None,)
    found = [part for field in more for part in getattr(field, "metadata", ())]
    bounds = {name for part in found for name in ("ge", "le") if abs(getattr(part, name, 10**16)) < 10**15}
    return kind is int and bounds == {"ge", "le"}


@pytest.mark.parametrize(
    ("currency", "step"),
    [
        *(("UAH", "0.01"), ("USD", "0.01"), ("HRK", "0.01")),
        *(("JPY", "1"), ("KRW", "1"), ("KWD", "0.001"), ("TND", "0.001"), ("CLF", "0.0001")),
        # ISO 4217 does not know these.
        *(("BTC", "1e-8"), ("XYZ", "1e-8")),
    ],
)
def test_smallest_amount_of_a_currency(currency: str, step: str) -> None:
    assert quantum(currency) == Decimal(step)
    assert len({quantum(code) for code in ("UAH", "JPY", "KWD", "BTC")}) == 4
