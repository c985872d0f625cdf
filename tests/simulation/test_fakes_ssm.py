"""The behaviour of Parameter Store, on the simulation's fake and on moto."""

import pytest

from tests.support.fakes import Side, refused

PATH = "/shopwire/sim/shops/"


def put(side: Side, name: str, value: str = "a value") -> None:
    side.ssm.put_parameter(Name=PATH + name, Value=value, Type="SecureString")


def names(side: Side, **more: object) -> list[list[str]]:
    """Return the names on each page."""
    pages, token = [], {}
    while True:
        answer = side.ssm.get_parameters_by_path(Path=PATH, WithDecryption=False, **token, **more)
        pages.append([parameter["Name"].removeprefix(PATH) for parameter in answer["Parameters"]])
        if not answer.get("NextToken"):
            return pages
        token = {"NextToken": answer["NextToken"]}


def test_parameter_is_returned_as_it_was_put(side: Side) -> None:
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


def test_secret_is_decrypted_only_on_request(side: Side) -> None:
    put(side, "little-shop", "the secret")
    assert side.ssm.get_parameter(Name=PATH + "little-shop")["Parameter"]["Value"] != "the secret"
    (listed,) = side.ssm.get_parameters_by_path(Path=PATH)["Parameters"]
    assert listed["Value"] != "the secret"
    (listed,) = side.ssm.get_parameters_by_path(Path=PATH, WithDecryption=True)["Parameters"]
    assert listed["Value"] == "the secret"


def test_missing_parameter_is_not_found(side: Side) -> None:
    with refused("ParameterNotFound"):
        side.ssm.get_parameter(Name=PATH + "missing-shop", WithDecryption=True)
    with refused("ParameterNotFound"):
        side.ssm.delete_parameter(Name=PATH + "missing-shop")


def test_deleted_parameter_is_not_found(side: Side) -> None:
    put(side, "little-shop")
    side.ssm.delete_parameter(Name=PATH + "little-shop")
    with refused("ParameterNotFound"):
        side.ssm.get_parameter(Name=PATH + "little-shop", WithDecryption=True)


def test_parameter_is_overwritten_only_with_overwrite(side: Side) -> None:
    put(side, "little-shop", "one")
    with refused("ParameterAlreadyExists"):
        put(side, "little-shop", "two")
    again = side.ssm.put_parameter(Name=PATH + "little-shop", Value="two", Type="SecureString", Overwrite=True)
    assert again["Version"] == 2
    parameter = side.ssm.get_parameter(Name=PATH + "little-shop", WithDecryption=True)["Parameter"]
    assert parameter["Value"] == "two"


def test_path_without_parameters_is_empty(side: Side) -> None:
    assert names(side) == [[]]


def test_page_has_ten_parameters(side: Side) -> None:
    every = {f"shop-{n:02d}" for n in range(23)}
    for name in every:
        put(side, name)
    pages = names(side)
    assert [len(page) for page in pages] == [10, 10, 3]
    assert {name for page in pages for name in page} == every


def test_page_size_can_be_reduced_but_not_raised(side: Side) -> None:
    for n in range(3):
        put(side, f"shop-{n}")
    assert [len(page) for page in names(side, MaxResults=2)] == [2, 1]
    with refused("ValidationException"):
        names(side, MaxResults=11)


def test_path_excludes_longer_names_and_deeper_levels(side: Side) -> None:
    put(side, "one")
    put(side, "deeper/two")
    side.ssm.put_parameter(Name="/shopwire/sim/shops-elsewhere/three", Value="x", Type="String")
    assert names(side) == [["one"]]
    assert sorted(names(side, Recursive=True)[0]) == ["deeper/two", "one"]


@pytest.mark.parametrize("path", ["/shopwire/sim/shops", "/shopwire/sim/shops/"])
def test_path_may_end_in_a_slash(side: Side, path: str) -> None:
    put(side, "one")
    assert [parameter["Name"] for parameter in side.ssm.get_parameters_by_path(Path=path)["Parameters"]] == [
        PATH + "one"
    ]


def test_parameter_needs_a_type_and_a_value_of_1_to_4096_bytes(fake_side: Side) -> None:
    with refused("ValidationException"):
        fake_side.ssm.put_parameter(Name="/a", Value="x")
    for value in ("", "x" * 4097):
        with refused("ValidationException"):
            put(fake_side, "a", value)
    put(fake_side, "a", "x" * 4096)


def test_parameter_put_between_two_pages_moves_no_other(fake_side: Side) -> None:
    for n in range(12):
        put(fake_side, f"shop-{n:02d}")
    first = fake_side.ssm.get_parameters_by_path(Path=PATH)
    put(fake_side, "shop-00-and-a-half")
    second = fake_side.ssm.get_parameters_by_path(Path=PATH, NextToken=first["NextToken"])
    assert [parameter["Name"].removeprefix(PATH) for parameter in second["Parameters"]] == ["shop-10", "shop-11"]
