"""The viewer as an MCP App (SEP-1865): a `ui://` document that chat hosts show beside a tool's answer.

A host that knows no Apps ignores both the document and the tools' `_meta`, and shows text and picture as
before.
"""

from collections.abc import Sequence
from functools import partial

from mcp.server.apps import APP_MIME_TYPE, Apps, ResourceCsp
from mcp.server.extension import Extension
from mcp.server.mcpserver.resources import FunctionResource

from pedaxr_server.settings import Settings

VIEWER_URI = "ui://pedaxr/viewer.html"
SHOWN_BY: frozenset[str] = frozenset({"segment_xray", "generate_report"})


def viewer_extensions(settings: Settings) -> Sequence[Extension]:
    """The Apps extension with the viewer's document, which is put together when a host first reads it."""
    apps = Apps()
    csp = ResourceCsp(resource_domains=["data:"]).model_dump(by_alias=True, exclude_none=True)
    apps.add_resource(
        FunctionResource(
            uri=VIEWER_URI,
            name="viewer",
            title="Viewer: film, outlines and report",
            mime_type=APP_MIME_TYPE,
            meta={"ui": {"csp": csp, "prefersBorder": True}},
            fn=partial(_document, settings),
        )
    )
    return [apps]


def ui_meta(tool: str) -> dict[str, object] | None:
    """`_meta` of a tool whose answer the viewer shows, None for the others."""
    return {"ui": {"resourceUri": VIEWER_URI}} if tool in SHOWN_BY else None


def _document(settings: Settings) -> str:
    from pedaxr_server.viewer.documents import app_html
    from pedaxr_server.viewer.routes import is_demo_home

    return app_html(is_demo=is_demo_home(settings))
