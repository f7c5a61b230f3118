"""What a caller means by its arguments: "not given", dates and numbers are spelled in many ways."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata

from pedaxr_models.written.dates import parse_date
from pedaxr_models.written.nobody import names_nobody
from pedaxr_models.written.plain import plain, without_markup

_Schema = Mapping[str, Any]
_IDS = ("study_id", "report_id")
_SAID = ("indication",)  # what a human said: a model that was told nothing writes null, none or N/A
_ROUND_AN_ID = " \t\r\n`*\"'<>()[]{}.,;:"
_ID_LABEL = re.compile(
    r"^(?:(?:study|film|report|draft)[ _-]?)?(?:id)?(?:\s*[:=#]\s*|\s+(?=[SR]-?[0-9a-f]))", re.IGNORECASE
)
_ADDRESS = re.compile(r"pedaxr://(?:studies|reports)/([^/]+)(?:/.*)?")
_LANGUAGES = {
    **dict.fromkeys(("korean", "kor", "한국어", "한글", "국문"), "ko"),
    **dict.fromkeys(("english", "eng", "영어", "영문"), "en"),
}


def as_meant(arguments: Mapping[str, Any], parameters: _Schema) -> dict[str, Any]:
    """The arguments without those that say nothing, and with dates, numbers and choices in one spelling.

    Text is text, whatever it looks like; a list of one is that one, and a number may be an id or a day.

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
        value = _unwrapped(value, schema)
        if is_optional and (value is None or (isinstance(value, str) and not plain(value))):
            continue
        if isinstance(value, str):
            value = _spelled(name, value, schema)
            if value is None and is_optional:
                continue
        meant[name] = value
    return meant


def _unwrapped(value: Any, schema: _Schema) -> Any:
    """The one value of a list of one, and the digits of a number where text or a day is asked for."""
    if isinstance(value, list) and len(value) == 1 and schema.get("type") != "array":
        value = value[0]
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number and schema.get("type") == "string" else value


def _spelled(name: str, value: str, schema: _Schema) -> str | None:
    if schema.get("format") == "date":
        try:
            day = parse_date(without_markup(value))
        except ValueError as err:
            raise ValueError(f"{name}: {err} Leave it out where it is not known.") from err
        return day.isoformat() if day else None
    if "enum" in schema:
        return _chosen(value, schema["enum"])
    if name in _IDS:
        return issued_id(value)
    if name in _SAID:
        return None if names_nobody(value) else value
    if schema.get("type") in ("integer", "number", "boolean"):
        return None if not any(map(str.isdigit, value)) and names_nobody(value) else plain(value)
    return value


def issued_id(text: str) -> str:
    """An id without what a language model writes round it: Markdown, brackets, a label, our own address.

    Two ids, or one among other words, stay as they are: neither is chosen.
    """
    bare = without_markup(text).strip(_ROUND_AN_ID)
    found = _ADDRESS.fullmatch(bare)
    bare = found[1] if found else _ID_LABEL.sub("", bare).strip(_ROUND_AN_ID)
    return text if not bare or any(char.isspace() for char in bare) else bare


def _chosen(value: str, choices: list[str]) -> str | None:
    """The choice that a word names, in any case, as a locale or as people say it; else the word itself."""
    word = re.sub(r"[\s-]+", "_", plain(without_markup(value)).casefold())
    if word in choices:
        return word
    if names_nobody(value):
        return None
    language = _LANGUAGES.get(word, word.split("_")[0])
    if language in choices:
        return language
    from pedaxr_models.datasets.fields import parse_label  # loads NumPy, for this rare word alone

    try:
        label = parse_label(value)
    except ValueError:
        return value
    return label if label in choices else value


class Verbatim(FuncMetadata):
    """Arguments whose text stays text: the SDK would parse what looks like JSON."""

    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        """Only what may not be text is parsed."""
        read = super().pre_parse_json(data)
        return {name: data[name] if self._is_text.get(name) else read[name] for name in data}

    @cached_property
    def _is_text(self) -> Mapping[str, bool]:
        """Of each argument, whether it may be text."""
        fields = self.arg_model.model_json_schema(by_alias=True)["properties"]
        return {name: _may_be_text(field) for name, field in fields.items()}


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
