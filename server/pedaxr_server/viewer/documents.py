"""The viewer's files, and the two documents made of them: the page, and one whole document for chat hosts.

There is no build step. The page loads its modules one by one; for the App they are written one after the
other into a single document, with their `import` lines and `export` words taken out, because a chat host
shows one document and lets it load nothing. Names at the top of a module must therefore be unique in all
modules.
"""

import json
import re
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Literal

from pedaxr_models.labels import FINDINGS, STRUCTURES, TERMS, sign
from pedaxr_models.report_text.wordings import wordings
from pedaxr_server.settings import HTTP_PATH

Mode = Literal["page", "app"]
STYLE = "viewer.css"
# In the order in which each may use what the ones before it define.
MODULES = (
    "config.js",
    "words_english.js",
    "words_korean.js",
    "words.js",
    "dom.js",
    "replies.js",
    "over_http.js",
    "over_host.js",
    "address.js",
    "film_window.js",
    "rulers.js",
    "pane.js",
    "outlines.js",
    "layers.js",
    "search.js",
    "report_head.js",
    "report.js",
    "dialogs.js",
    "status.js",
    "keys.js",
    "look.js",
    "film_tools.js",
    "screen.js",
    "reading.js",
    "main.js",
)
# The page alone loads these, when it has started; a chat host has no use for them.
PAGE_MODULES = (
    "dropped.js",
    "start_page.js",
    "word_diff.js",
    "versions.js",
    "signing.js",
    "mask_canvas.js",
    "annotation.js",
    "crosshair.js",
    "annotating.js",
    "workplace.js",
)
MEDIA_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}

_IMPORT = re.compile(r"^import\s[^;]*?from \"\./[a-z_]+\.js\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async |class |const |function |let ))", re.MULTILINE)
_LINK = f'<link rel="stylesheet" href="viewer/{STYLE}">'
_SCRIPT = '<script type="module" src="viewer/main.js"></script>'
_CONFIG = "__CONFIG__"


@cache
def read_asset(name: str) -> str:
    """One of the viewer's own files as text."""
    return files(__package__).joinpath("static", name).read_text(encoding="utf-8")


def page_html(*, is_demo: bool, needs_login: bool = False, takes_films: bool = False) -> str:
    """The page served at `/`, which loads its style and modules from next to itself."""
    return read_asset("index.html").replace(_CONFIG, _config("page", is_demo, needs_login, takes_films))


def app_html(*, is_demo: bool) -> str:
    """The same viewer as one document that loads nothing."""
    # A function as replacement: backslashes of the scripts are not escapes of `re` or `str`.
    return (
        read_asset("index.html")
        .replace(_LINK, f"<style>\n{read_asset(STYLE)}</style>")
        .replace(_SCRIPT, f'<script type="module">\n{joined_modules()}</script>')
        .replace(_CONFIG, _config("app", is_demo))
    )


def joined_modules() -> str:
    """All modules as one script."""
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", read_asset(name))) for name in MODULES)


def _config(mode: Mode, is_demo: bool, needs_login: bool = False, takes_films: bool = False) -> str:
    """What the page needs to know, as JSON that cannot end the script element it stands in."""
    korean = {
        finding.value: name for finding, name in wordings("ko").words.names.items()
    }  # findings by what a film shows, as in the report
    facts = {
        "mode": mode,
        "isDemo": is_demo,
        "needsLogin": needs_login,
        "takesFilms": takes_films,
        "version": version("pedaxr"),
        "endpoint": HTTP_PATH,
        "findings": [str(finding) for finding in FINDINGS],
        "structures": [str(structure) for structure in STRUCTURES],
        "terms": {
            str(name): {
                "en": sign(name),
                "ko": korean.get(name, term.korean),
                "colour": "#{:02x}{:02x}{:02x}".format(*term.colour),
            }
            for name, term in TERMS.items()
        },
    }
    return json.dumps(facts, ensure_ascii=False).replace("<", "\\u003c")
