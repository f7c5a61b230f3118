"""Once in a process: what the SDK works out of a function's signature, and the certificates of this machine.

Tests make hundreds of servers of the same four tools and twelve resources, and hundreds of clients that
never leave this machine: .1 s and .03 s each.
"""

import inspect
import os
from collections.abc import Callable, Hashable, Sequence
from copy import deepcopy
from functools import cache
from ssl import SSLContext
from typing import Any

import httpcore2
import pytest
from mcp.server.mcpserver.prompts import base as prompts
from mcp.server.mcpserver.resources import templates
from mcp.server.mcpserver.tools import base as tools
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata, func_metadata


def work_out_once(patch: pytest.MonkeyPatch) -> None:
    """Until `patch` is undone."""
    for module in (tools, templates, prompts):
        patch.setattr(module, "func_metadata", _Signatures())
    patch.setattr(ArgModelBase, "model_json_schema", classmethod(_schema))
    patch.setattr(httpcore2, "default_ssl_context", _certificates)


class _Signatures:
    """`func_metadata` of functions that come from the same lines: they differ in what they are bound to."""

    def __init__(self) -> None:
        self._known: dict[Hashable, FuncMetadata] = {}

    def __call__(
        self, func: Callable[..., Any], skip_names: Sequence[str] = (), structured_output: bool | None = None
    ) -> FuncMetadata:
        key = (getattr(inspect.unwrap(func), "__code__", func), *skip_names, structured_output)
        if key not in self._known:
            self._known[key] = func_metadata(func, skip_names, structured_output)
        return self._known[key].model_copy(deep=False, update={"output_schema": self._schema(key)})

    def _schema(self, key: Hashable) -> dict[str, Any] | None:
        """A copy: what is published of it is made by taking parts away."""
        return deepcopy(self._known[key].output_schema)


_schemas: dict[Hashable, dict[str, Any]] = {}
_made = ArgModelBase.model_json_schema.__func__  # type: ignore[attr-defined]


def _schema(model: type[ArgModelBase], by_alias: bool = True) -> dict[str, Any]:
    if (model, by_alias) not in _schemas:
        _schemas[model, by_alias] = _made(model, by_alias=by_alias)
    return deepcopy(_schemas[model, by_alias])


_load = httpcore2.default_ssl_context


@cache
def _trusting(trust_env: bool, *named: str | None) -> SSLContext:
    return _load(_trust_env=trust_env)


def _certificates(*, _trust_env: bool = True) -> SSLContext:
    """No client here shows a certificate of its own, which would be kept in what others share."""
    return _trusting(_trust_env, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
