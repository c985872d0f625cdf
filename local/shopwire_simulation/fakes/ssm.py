"""A fake SSM client that holds parameters in memory (AWS, "GetParametersByPath", "PutParameter")."""

from typing import Any

from shopwire_simulation.fakes.errors import client_error
from shopwire_simulation.fakes.operations import FakeClient, Hook, operation

_MAX_PAGE = 10
_MAX_VALUE_BYTES = 4096  # of a standard parameter
_TYPES = ("String", "StringList", "SecureString")


class FakeSSM(FakeClient):
    """Parameter Store."""

    def __init__(self, hook: Hook | None = None) -> None:
        super().__init__(hook)
        self._parameters: dict[str, dict[str, Any]] = {}

    @operation
    def put_parameter(self, *, Name: str, Value: str, Type: str = "", Overwrite: bool = False) -> dict[str, Any]:
        known = self._parameters.get(Name)
        if known and not Overwrite:
            raise client_error("put_parameter", "ParameterAlreadyExists", "The parameter already exists.")
        kind = Type or (known["Type"] if known else "")
        if kind not in _TYPES:
            raise client_error("put_parameter", "ValidationException", "A parameter type is required.")
        if not 1 <= len(Value.encode()) <= _MAX_VALUE_BYTES:
            raise client_error("put_parameter", "ValidationException", "A standard parameter has 1 to 4096 characters.")
        version = known["Version"] + 1 if known else 1
        self._parameters[Name] = {
            "Name": Name,
            "Type": kind,
            "Value": Value,
            "Version": version,
            "ARN": f"arn:aws:ssm:eu-central-1:000000000000:parameter{Name}",
            "DataType": "text",
        }
        return {"Version": version, "Tier": "Standard"}

    @operation
    def get_parameter(self, *, Name: str, WithDecryption: bool = False) -> dict[str, Any]:
        parameter = self._parameters.get(Name)
        if parameter is None:
            raise client_error("get_parameter", "ParameterNotFound", "")
        return {"Parameter": _shown(parameter, WithDecryption)}

    @operation
    def get_parameters_by_path(
        self,
        *,
        Path: str,
        Recursive: bool = False,
        WithDecryption: bool = False,
        MaxResults: int = _MAX_PAGE,
        NextToken: str = "",
    ) -> dict[str, Any]:
        if not Path.startswith("/") or not 1 <= MaxResults <= _MAX_PAGE:
            raise client_error("get_parameters_by_path", "ValidationException", "The path or page size is not valid.")
        prefix = Path if Path.endswith("/") else Path + "/"
        names = sorted(name for name in self._parameters if name.startswith(prefix) and name > NextToken)
        if not Recursive:
            names = [name for name in names if "/" not in name[len(prefix) :]]
        page = names[:MaxResults]
        # The token is the last name of the page, so parameters that are put or deleted between two pages move nothing.
        more = {"NextToken": page[-1]} if len(names) > len(page) else {}
        return {"Parameters": [_shown(self._parameters[name], WithDecryption) for name in page], **more}

    @operation
    def delete_parameter(self, *, Name: str) -> dict[str, Any]:
        if self._parameters.pop(Name, None) is None:
            raise client_error("delete_parameter", "ParameterNotFound", "")
        return {}


def _shown(parameter: dict[str, Any], decrypted: bool) -> dict[str, Any]:
    if parameter["Type"] == "SecureString" and not decrypted:
        return parameter | {"Value": "encrypted"}
    return dict(parameter)
