"""Frozen dataclasses to JSON and back, as checkpoints store what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """A dataclass, or anything built of them, as JSON values; optional fields that are None are left out."""
    if is_dataclass(value):
        pairs = ((f, getattr(value, f.name)) for f in fields(value))
        return {f.name: to_json(v) for f, v in pairs if v is not None or f.default is MISSING}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[T], stored: Mapping[str, Any]) -> T:
    """The dataclass `kind` from what `to_json` made of one; keys that it does not know are left out.

    Raises:
        TypeError: a field without a default is missing.
    """
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: _read(hints[name], item) for name, item in stored.items() if name in known})


def _read(hint: Any, value: Any) -> Any:
    """`value` as its field wants it: dataclasses made again, lists as tuples."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        wanted = [kind for kind in inner if kind is not NoneType]
        return value if value is None or len(wanted) > 1 else _read(wanted[0], value)
    if is_dataclass(hint):
        return from_json(hint, value)  # type: ignore[arg-type]
    if isinstance(value, Mapping) and origin is not None:
        return {key: _read(inner[1], item) for key, item in value.items()}
    if isinstance(value, Sequence) and origin is tuple:
        return tuple(_read(inner[0], item) for item in value)
    return value
