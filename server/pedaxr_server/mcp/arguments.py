"""What a caller means by its arguments: "not given", dates and numbers are spelled in many ways."""

import re
from collections.abc import Mapping
from typing import Any

from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata

from pedaxr_models.written.dates import parse_date
from pedaxr_models.written.plain import plain

_Schema = Mapping[str, Any]


def as_meant(arguments: Mapping[str, Any], parameters: _Schema) -> dict[str, Any]:
    """The arguments without those that say nothing, and with dates, numbers and choices in one spelling.

    Text is text, whatever it looks like.

    Args:
        arguments: as called.
        parameters: the tool's published input schema.

    Raises:
        ValueError: a date may be another day; the message names the argument.
    """
    meant = {}
    for name, value in arguments.items():
        schema = parameters["properties"][name]
        is_optional = name not in parameters.get("required", ())
        if is_optional and (value is None or (isinstance(value, str) and not plain(value))):
            continue
        if isinstance(value, str):
            value = _spelled(name, value, schema)
            if value is None and is_optional:
                continue
        meant[name] = value
    return meant


def _spelled(name: str, value: str, schema: _Schema) -> str | None:
    if schema.get("format") == "date":
        try:
            day = parse_date(value)
        except ValueError as err:
            raise ValueError(f"{name}: {err} Leave it out where it is not known.") from err
        return day.isoformat() if day else None
    if "enum" in schema:
        word = re.sub(r"[\s-]+", "_", plain(value).casefold())
        return word if word in schema["enum"] else None if word in ("none", "null", "n/a") else value
    return plain(value) if schema.get("type") in ("integer", "number", "boolean") else value


class Verbatim(FuncMetadata):
    """Arguments whose text stays text: the SDK would parse what looks like JSON."""

    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        """Only what may not be text is parsed."""
        read = super().pre_parse_json(data)
        fields = self.arg_model.model_json_schema(by_alias=True)["properties"]
        return {name: data[name] if _may_be_text(fields.get(name, {})) else read[name] for name in data}


def _may_be_text(schema: _Schema) -> bool:
    return schema.get("type") == "string" or any(map(_may_be_text, schema.get("anyOf", ())))


def verbatim(metadata: FuncMetadata) -> Verbatim:
    """The same metadata that leaves text alone."""
    return Verbatim(
        arg_model=metadata.arg_model,
        output_schema=metadata.output_schema,
        output_model=metadata.output_model,
        wrap_output=metadata.wrap_output,
    )
