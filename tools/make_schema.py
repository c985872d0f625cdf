"""Write the JSON Schema of each type of the generic format into docs/schema/.

    make schema

The schemas are made from the models that read the bodies, so they are never edited. A test compares both.
"""

import json
from pathlib import Path
from typing import Any

from shopwire.platforms.generic.bodies import FORMATS

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "schema"


def schema_text(type: str) -> str:
    """Return the content of the file of a type."""
    schema = _shorter(FORMATS[type].model_json_schema())
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": type}
    return json.dumps(head | schema, ensure_ascii=False, indent=2) + "\n"


def _shorter(value: Any) -> Any:
    """Return a schema without the titles that pydantic makes of names, and with null as one of the types of a value."""
    if isinstance(value, list):
        return [_shorter(part) for part in value]
    if not isinstance(value, dict):
        return value
    short = {
        name: _shorter(part)
        for name, part in value.items()
        if not (name == "title" and isinstance(part, str)) and (name, part) != ("default", None)
    }
    choices = short.get("anyOf", [])
    if len(choices) != 2 or choices[1] != {"type": "null"} or "type" not in choices[0]:
        return short
    del short["anyOf"]
    value_schema: dict[str, Any] = choices[0]
    types = value_schema["type"]
    enum = {"enum": [*value_schema["enum"], None]} if "enum" in value_schema else {}
    return value_schema | enum | {"type": [*(types if isinstance(types, list) else [types]), "null"]} | short


def main() -> None:
    """Write the files."""
    for type in FORMATS:
        FOLDER.joinpath(f"{type}.json").write_text(schema_text(type), encoding="utf-8")


if __name__ == "__main__":
    main()
