"""Tools as this server publishes them: small schemas, no unknown arguments, readable refusals.

The SDK drops arguments that it does not know, so that a misspelt `patient_birth_date` would silently widen a
search; and it publishes a title for every property. Both matter here.
"""

import re
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from mcp.server.context import LifespanContextT, RequestT
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations
from pydantic import ValidationError

from pedaxr.errors import NotAnAbdominalFilm, NotFound, PedaxrError, UnreadableImage
from pedaxr.text import ForeignText
from pedaxr_server import metrics
from pedaxr_server.mcp.answers import Shown, shown_of
from pedaxr_server.mcp.arguments import as_meant, verbatim

_CODE = re.compile(r"\[([a-z_]+)\]$")
P = ParamSpec("P")
R = TypeVar("R")

# What to do with a value that an argument does not take: a near one would be another diagnosis.
_INSTEAD = {
    "working_diagnosis": "Leave any other out and put the user's words into indication; choose no near one.",
    "indication": "Shorten it to what the human said, as one text.",
    "language": "Leave any other out, and put the reply into the user's language yourself.",
    "study_id": "Give one film's; call again for another. A name goes to find_patient.",
}
_OTHER_FILMS = "find_patient with this study_id lists the child's other films."
_UNFINISHED = (
    "The form came back without all that it needs, so nothing was done. Tell the user, and show it again "
    "only if they ask. [invalid_request]"
)
# Checked on the server anyway; left out of what is published to keep the definitions short.
_INPUT_NOISE = frozenset({"title", "minLength", "maxLength"})
_OUTPUT_NOISE = frozenset(
    {"title", "description", "default", "format", "minimum", "maximum", "additionalProperties"}
    | {"prefixItems", "minItems", "maxItems"}
)


def readable_errors(tool: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Turn a PedaxrError into the SDK's ToolError, the only error whose text reaches the language model."""

    @wraps(tool)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await tool(*args, **kwargs)
        except (UnreadableImage, NotAnAbdominalFilm) as err:
            raise ToolError(f"{err} {_OTHER_FILMS} [{err.code}]") from err
        except PedaxrError as err:
            raise ToolError(f"{err} [{err.code}]") from err

    return wrapper


def readable_resource_errors(resource: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """The same for a resource: not found is a protocol error of its own."""

    @wraps(resource)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await resource(*args, **kwargs)
        except NotFound as err:
            raise ResourceNotFoundError(f"{err} [{err.code}]") from err
        except PedaxrError as err:
            raise ResourceError(f"{err} [{err.code}]") from err

    return wrapper


class StrictTool(Tool):
    """A tool that refuses unknown arguments and says what is wrong without a stack of library text."""

    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[LifespanContextT, RequestT],
        convert_result: bool = False,
    ) -> Any:
        """Run as `Tool.run` does.

        Raises:
            ToolError: an argument is unknown, missing or of the wrong type, or the tool raised it.
        """
        begin, outcome = time.monotonic(), "cancelled"
        try:
            result = await self._run(arguments, context, convert_result)
            outcome = "ok"
            return result
        except Exception as err:
            outcome = _code_of(err)
            raise
        finally:
            metrics.count_call(self.name, outcome, time.monotonic() - begin)

    async def _run(
        self,
        arguments: dict[str, Any],
        context: Context[LifespanContextT, RequestT],
        convert_result: bool,
    ) -> Any:
        allowed = list(self.parameters["properties"])
        unknown = sorted(set(arguments) - set(allowed))
        if unknown:
            names = f"{self.name} has no argument {_listed(unknown)}. Use only {_listed(allowed)}."
            raise ToolError(f"{names} [invalid_request]")
        try:
            meant = as_meant(arguments, self.parameters)
        except ValueError as err:
            raise ToolError(f"{self.name}: {err} [invalid_request]") from err
        try:
            return await super().run(meant, context, convert_result)
        except ToolError as err:
            if isinstance(err.__cause__, ValidationError):
                raise ToolError(f"{self.name}: {_faults(err.__cause__)} [invalid_request]") from err.__cause__
            if isinstance(err.__cause__, ToolError):  # our own text, without the SDK's "Error executing tool"
                raise _of_form(err.__cause__) from err.__cause__.__cause__
            raise


def _of_form(err: ToolError) -> ToolError:
    """Of a form that came back unfinished the SDK says which of our functions asked for it."""
    return ToolError(_UNFINISHED) if "accepted elicitation" in str(err) else err


def _code_of(err: Exception) -> str:
    """The code at the end of an error that the model reads; anything else is a bug."""
    found = _CODE.search(str(err)) if isinstance(err, ToolError) else None
    return found.group(1) if found else "bug"


def strict_tool(
    fn: Callable[..., Any],
    *,
    title: str,
    is_read_only: bool,
    answer: Shown,
    meta: dict[str, Any] | None = None,
) -> StrictTool:
    """Wrap a typed coroutine function whose docstring and Field descriptions are written for the model.

    No tool here destroys anything or reaches outside the clinic, and each may be repeated without harm. What
    `meta` says is for the host, not for the model; of the answer's schema `answer` is published.
    """
    annotations = ToolAnnotations(
        read_only_hint=is_read_only,
        destructive_hint=False,
        idempotent_hint=True,
        open_world_hint=False,
    )
    tool = StrictTool.from_function(
        fn, title=title, annotations=annotations, structured_output=True, meta=meta
    )
    assert isinstance(tool, StrictTool)
    tool.description = " ".join(tool.description.split())
    tool.parameters = {**_slim(tool.parameters, _INPUT_NOISE), "additionalProperties": False}
    tool.fn_metadata = verbatim(tool.fn_metadata)
    tool.fn_metadata.output_schema = _compact(tool.fn_metadata.output_schema or {}, answer)
    return tool


def _slim(node: Any, noise: frozenset[str], *, holds_names: bool = False) -> Any:
    """A JSON schema without `noise` keywords; names of properties and definitions are never keywords."""
    if isinstance(node, list):
        return [_slim(item, noise) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: _slim(value, noise, holds_names=key in ("properties", "$defs"))
        for key, value in node.items()
        if holds_names or key not in noise
    }
    if holds_names:
        return kept
    return _without_null(kept)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """`anyOf: [{type: string}, {type: null}]` as `type: string`: what is not known is left out, never null.

    Shorter, and portable to model providers whose schemas know no null.
    """
    branches = schema.get("anyOf", [])
    if len(branches) != 2 or branches[1] != {"type": "null"}:
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**branches[0], **rest}


def _inline(node: Any, definitions: dict[str, Any]) -> Any:
    """The schema with every definition written where it is used."""
    if isinstance(node, list):
        return [_inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    name = str(node.get("$ref", "")).removeprefix("#/$defs/")
    if name in definitions:
        return _inline(definitions[name], definitions)
    return {key: _inline(value, definitions) for key, value in node.items()}


def _compact(schema: dict[str, Any], answer: Shown) -> dict[str, Any]:
    """What of an output schema is published."""
    definitions = schema.pop("$defs", {})
    shown = shown_of(_slim(_inline(schema, definitions), _OUTPUT_NOISE), answer)
    slim: dict[str, Any] = _untyped_enums(shown)
    return {**_lean(slim), "type": "object", "required": slim["required"]}


def _lean(node: Any) -> Any:
    """Without what a reader of the answer sees anyway: that a part is an object, holds this, lists that."""
    if isinstance(node, list):
        return [_lean(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == "array" and not _holds_objects(node):
        return {"type": "array"}
    noise = {"required", "type"} if "properties" in node else {"required"}
    return {key: _lean(value) for key, value in node.items() if key not in noise or isinstance(value, dict)}


def _holds_objects(array: dict[str, Any]) -> bool:
    items = array.get("items", {})
    return "properties" in items or "$ref" in items


def _untyped_enums(node: Any) -> Any:
    """Without the `type` beside an `enum` or `const`, whose values say it already."""
    if isinstance(node, list):
        return [_untyped_enums(item) for item in node]
    if not isinstance(node, dict):
        return node
    is_fixed = isinstance(node.get("enum"), list) or isinstance(node.get("const"), str)
    return {key: _untyped_enums(value) for key, value in node.items() if not (is_fixed and key == "type")}


def _faults(error: ValidationError) -> str:
    """Each fault as `argument: reason`, without the rejected value."""
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    said = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults) + "."
    instead = (_INSTEAD.get(str(fault["loc"][0]), "") for fault in faults if fault["loc"])
    return " ".join(filter(None, [said, *dict.fromkeys(instead)]))


def _listed(names: list[str]) -> str:
    return ", ".join(str(ForeignText(name, 60)) for name in names[:8])
