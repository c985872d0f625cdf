"""An SSM client over a dict: parameters by name and by path, ten a page (AWS, GetParametersByPath)."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

Hook = Callable[[str, str], None]

_PAGE = 10


class FakeSSM:
    """Parameter Store."""

    def __init__(self, hook: Hook | None = None) -> None:
        self._hook = hook or (lambda operation, phase: None)
        self._parameters: dict[str, dict[str, Any]] = {}

    def put_parameter(self, *, Name: str, Value: str, Type: str = "String", Overwrite: bool = False) -> dict[str, Any]:
        self._hook("put_parameter", "before")
        if Name in self._parameters and not Overwrite:
            raise _error("ParameterAlreadyExists", "PutParameter")
        self._parameters[Name] = {"Name": Name, "Value": Value, "Type": Type}
        self._hook("put_parameter", "after")
        return {"Version": 1}

    def get_parameter(self, *, Name: str, WithDecryption: bool = False) -> dict[str, Any]:
        self._hook("get_parameter", "before")
        parameter = self._parameters.get(Name)
        self._hook("get_parameter", "after")
        if parameter is None:
            raise _error("ParameterNotFound", "GetParameter")
        return {"Parameter": dict(parameter)}

    def get_parameters_by_path(self, *, Path: str, WithDecryption: bool = False, NextToken: str = "") -> dict[str, Any]:
        self._hook("get_parameters_by_path", "before")
        prefix = Path if Path.endswith("/") else Path + "/"
        names = sorted(name for name in self._parameters if name.startswith(prefix) and "/" not in name[len(prefix) :])
        begin = int(NextToken or 0)
        page = [dict(self._parameters[name]) for name in names[begin : begin + _PAGE]]
        self._hook("get_parameters_by_path", "after")
        more = {"NextToken": str(begin + _PAGE)} if begin + _PAGE < len(names) else {}
        return {"Parameters": page, **more}


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)
