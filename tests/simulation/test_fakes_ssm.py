"""Parameter Store's behaviours, on the simulation's fake and on moto alike."""

import pytest

from tests.support.fakes import Side, refused

PATH = "/shopwire/sim/shops/"


def put(side: Side, name: str, value: str = "a value") -> None:
    side.ssm.put_parameter(Name=PATH + name, Value=value, Type="SecureString")


def names(side: Side, **more: object) -> list[list[str]]:
    """The names on every page."""
    pages, token = [], {}
    while True:
        answer = side.ssm.get_parameters_by_path(Path=PATH, WithDecryption=False, **token, **more)
        pages.append([parameter["Name"].removeprefix(PATH) for parameter in answer["Parameters"]])
        if not answer.get("NextToken"):
            return pages
        token = {"NextToken": answer["NextToken"]}


def test_a_parameter_comes_as_it_was_put(side: Side) -> None:
    put(side, "little-shop", '{"платформа": 1}')
    parameter = side.ssm.get_parameter(Name=PATH + "little-shop", WithDecryption=True)["Parameter"]
    shown = {name: parameter[name] for name in ("Name", "Type", "Value", "Version", "DataType")}
    assert shown == {
        "Name": PATH + "little-shop",
        "Type": "SecureString",
        "Value": '{"платформа": 1}',
        "Version": 1,
        "DataType": "text",
    }


def test_a_secret_is_not_shown_unasked(side: Side) -> None:
    put(side, "little-shop", "the secret")
    assert side.ssm.get_parameter(Name=PATH + "little-shop")["Parameter"]["Value"] != "the secret"
    (listed,) = side.ssm.get_parameters_by_path(Path=PATH)["Parameters"]
    assert listed["Value"] != "the secret"
    (listed,) = side.ssm.get_parameters_by_path(Path=PATH, WithDecryption=True)["Parameters"]
    assert listed["Value"] == "the secret"


def test_what_was_never_put_is_not_found(side: Side) -> None:
    with refused("ParameterNotFound"):
        side.ssm.get_parameter(Name=PATH + "nobody", WithDecryption=True)
    with refused("ParameterNotFound"):
        side.ssm.delete_parameter(Name=PATH + "nobody")


def test_what_is_deleted_is_not_found(side: Side) -> None:
    put(side, "little-shop")
    side.ssm.delete_parameter(Name=PATH + "little-shop")
    with refused("ParameterNotFound"):
        side.ssm.get_parameter(Name=PATH + "little-shop", WithDecryption=True)


def test_a_parameter_is_overwritten_only_on_purpose(side: Side) -> None:
    put(side, "little-shop", "one")
    with refused("ParameterAlreadyExists"):
        put(side, "little-shop", "two")
    again = side.ssm.put_parameter(Name=PATH + "little-shop", Value="two", Type="SecureString", Overwrite=True)
    assert again["Version"] == 2
    parameter = side.ssm.get_parameter(Name=PATH + "little-shop", WithDecryption=True)["Parameter"]
    assert parameter["Value"] == "two"


def test_a_path_without_parameters_is_empty(side: Side) -> None:
    assert names(side) == [[]]


def test_ten_parameters_of_a_path_stand_on_a_page(side: Side) -> None:
    every = {f"shop-{n:02d}" for n in range(23)}
    for name in every:
        put(side, name)
    pages = names(side)
    assert [len(page) for page in pages] == [10, 10, 3]
    assert {name for page in pages for name in page} == every


def test_a_page_may_be_shorter_but_not_longer(side: Side) -> None:
    for n in range(3):
        put(side, f"shop-{n}")
    assert [len(page) for page in names(side, MaxResults=2)] == [2, 1]
    with refused("ValidationException"):
        names(side, MaxResults=11)


def test_a_path_means_its_own_parameters_and_not_those_of_a_longer_name(side: Side) -> None:
    put(side, "one")
    put(side, "deeper/two")
    side.ssm.put_parameter(Name="/shopwire/sim/shops-elsewhere/three", Value="x", Type="String")
    assert names(side) == [["one"]]
    assert sorted(names(side, Recursive=True)[0]) == ["deeper/two", "one"]


@pytest.mark.parametrize("path", ["/shopwire/sim/shops", "/shopwire/sim/shops/"])
def test_a_path_may_end_in_a_slash(side: Side, path: str) -> None:
    put(side, "one")
    assert [one["Name"] for one in side.ssm.get_parameters_by_path(Path=path)["Parameters"]] == [PATH + "one"]


def test_a_parameter_needs_a_type_and_some_text_of_4_kb_at_most(fake_side: Side) -> None:
    with refused("ValidationException"):
        fake_side.ssm.put_parameter(Name="/a", Value="x")
    for value in ("", "x" * 4097):
        with refused("ValidationException"):
            put(fake_side, "a", value)
    put(fake_side, "a", "x" * 4096)


def test_a_parameter_put_between_two_pages_moves_none(fake_side: Side) -> None:
    for n in range(12):
        put(fake_side, f"shop-{n:02d}")
    first = fake_side.ssm.get_parameters_by_path(Path=PATH)
    put(fake_side, "shop-00-and-a-half")
    second = fake_side.ssm.get_parameters_by_path(Path=PATH, NextToken=first["NextToken"])
    assert [one["Name"].removeprefix(PATH) for one in second["Parameters"]] == ["shop-10", "shop-11"]
