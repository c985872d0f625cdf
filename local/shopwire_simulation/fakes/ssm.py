"""An SSM client over a dict: parameters by name and by path (AWS, "GetParametersByPath", "PutParameter")."""

from typing import Any

from shopwire_simulation.fakes.errors import refusal
from shopwire_simulation.fakes.operations import Fake, Hook, operation

_MOST_IN_A_PAGE = 10
_LARGEST = 4096  # a standard parameter
_TYPES = ("String", "StringList", "SecureString")


class FakeSSM(Fake):
    """Parameter Store."""

    def __init__(self, hook: Hook | None = None) -> None:
        super().__init__(hook)
        self._parameters: dict[str, dict[str, Any]] = {}

    @operation
    def put_parameter(self, *, Name: str, Value: str, Type: str = "", Overwrite: bool = False) -> dict[str, Any]:
        known = self._parameters.get(Name)
        if known and not Overwrite:
            raise refusal("put_parameter", "ParameterAlreadyExists", "The parameter already exists.")
        kind = Type or (known["Type"] if known else "")
        if kind not in _TYPES:
            raise refusal("put_parameter", "ValidationException", "A parameter type is required.")
        if not 1 <= len(Value.encode()) <= _LARGEST:
            raise refusal("put_parameter", "ValidationException", "A standard parameter has 1 to 4096 characters.")
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
            raise refusal("get_parameter", "ParameterNotFound", "")
        return {"Parameter": _shown(parameter, WithDecryption)}

    @operation
    def get_parameters_by_path(
        self,
        *,
        Path: str,
        Recursive: bool = False,
        WithDecryption: bool = False,
        MaxResults: int = _MOST_IN_A_PAGE,
        NextToken: str = "",
    ) -> dict[str, Any]:
        if not Path.startswith("/") or not 1 <= MaxResults <= _MOST_IN_A_PAGE:
            raise refusal("get_parameters_by_path", "ValidationException", "The path or the page's size is not valid.")
        prefix = Path if Path.endswith("/") else Path + "/"
        names = sorted(name for name in self._parameters if name.startswith(prefix) and name > NextToken)
        if not Recursive:
            names = [name for name in names if "/" not in name[len(prefix) :]]
        page = names[:MaxResults]
        # The token is the last name shown: what is put or deleted between two pages moves nothing.
        more = {"NextToken": page[-1]} if len(names) > len(page) else {}
        return {"Parameters": [_shown(self._parameters[name], WithDecryption) for name in page], **more}

    @operation
    def delete_parameter(self, *, Name: str) -> dict[str, Any]:
        if self._parameters.pop(Name, None) is None:
            raise refusal("delete_parameter", "ParameterNotFound", "")
        return {}


def _shown(parameter: dict[str, Any], decrypted: bool) -> dict[str, Any]:
    if parameter["Type"] == "SecureString" and not decrypted:
        return parameter | {"Value": "encrypted"}
    return dict(parameter)
