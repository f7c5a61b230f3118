"""What a tool answers, as the protocol writes it.

The reading worker writes it without the protocol's package, which takes longer to load than a network; the
server, which has that package, checks what comes.
"""

from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json


@dataclass(frozen=True)
class Link:
    """To one of the server's resources."""

    uri: str
    name: str
    title: str
    mime_type: str

    def block(self) -> dict[str, str]:
        """As a block of content (MCP, `ResourceLink`)."""
        named = {"uri": self.uri, "name": self.name, "title": self.title}
        return {"type": "resource_link", **named, "mimeType": self.mime_type}


@dataclass(frozen=True)
class Reply:
    """What a language model gets back of a call.

    Attributes:
        text: what it reads.
        data: the same facts, as JSON values.
        picture: a PNG in base64; None where there is none.
        links: to what the reply has no room for.
    """

    text: str
    data: dict[str, Any]
    picture: str | None = None
    links: tuple[Link, ...] = ()

    def result(self) -> dict[str, Any]:
        """As the result of a call (MCP, `CallToolResult`)."""
        content = [{"type": "text", "text": self.text}]
        if self.picture is not None:
            content.append({"type": "image", "data": self.picture, "mimeType": "image/png"})
        return {"content": content + [link.block() for link in self.links], "structuredContent": self.data}

    def to_json(self) -> bytes:
        """The result of the call as JSON."""
        return to_json(self.result())
