"""The real server with the fixtures that the official MCP conformance suite asks for. Never shipped.

The suite calls tools, resources and prompts named `test_*` and compares their answers, so they are laid over
`create_server`: protocol, transport, resources, middleware and errors are those that ship.

    python tests/server/conformance_server.py --port 8771
"""

import argparse
import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CallToolResult,
    ClientCapabilities,
    ContentBlock,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    MissingRequiredClientCapabilityErrorData,
    SamplingCapability,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)

from pedaxr_server.http.app import app_of, http_server
from pedaxr_server.mcp import server as shipped
from pedaxr_server.mcp.prompts import check_prompt
from pedaxr_server.settings import Settings

Ctx = Context[Any, Any]
Answer = CallToolResult | InputRequiredResult
PNG = base64.b64encode(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
    )
).decode()
WAV = base64.b64encode(
    b"RIFF\x26\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00"
    b"\x02\x00\x10\x00data\x02\x00\x00\x00\x00\x00"
).decode()


def text(words: str) -> TextContent:
    return TextContent(text=words)


def embedded(uri: str, words: str, mime_type: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(resource=TextResourceContents(uri=uri, mime_type=mime_type, text=words))


def ask(message: str, **properties: str) -> ElicitRequest:
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
    }
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(words: str, most: int) -> CreateMessageRequest:
    messages = [SamplingMessage(role="user", content=text(words))]
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=messages, max_tokens=most))


def done(*content: ContentBlock) -> CallToolResult:
    return CallToolResult(content=list(content))


def given(ctx: Ctx, *names: str) -> bool:
    return all(name in (ctx.input_responses or {}) for name in names)


def add_plain_tools(server: MCPServer[object]) -> None:
    answers: Mapping[str, list[ContentBlock]] = {
        "test_simple_text": [text("This is a simple text response for testing.")],
        "test_image_content": [ImageContent(data=PNG, mime_type="image/png")],
        "test_audio_content": [AudioContent(data=WAV, mime_type="audio/wav")],
        "test_embedded_resource": [
            embedded("test://embedded-resource", "This is an embedded resource content.")
        ],
        "test_multiple_content_types": [
            text("Multiple content types test:"),
            ImageContent(data=PNG, mime_type="image/png"),
            embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json"),
        ],
    }
    for name, content in answers.items():

        async def answer(content: list[ContentBlock] = content) -> CallToolResult:
            return done(*content)

        server.add_tool(_without_arguments(answer), name=name, description="Fixture")

    @server.tool(description="Fixture")
    async def test_error_handling() -> CallToolResult:
        raise ToolError("This tool intentionally returns an error for testing")

    @server.tool(description="Fixture")
    async def test_tool_with_progress(ctx: Ctx) -> CallToolResult:
        for percent in (0, 50, 100):
            await ctx.report_progress(percent, 100)
            await anyio.sleep(0.05)
        return done(text("Reported progress."))

    @server.tool(description="Fixture")
    async def test_logging_tool(ctx: Ctx) -> CallToolResult:
        await ctx.info("A line for who asked for lines.")
        return done(text("Logged."))

    @server.tool(description="Fixture")
    async def test_missing_capability(ctx: Ctx) -> CallToolResult:
        able = ctx.client_capabilities
        if able is None or able.sampling is None:
            needed = MissingRequiredClientCapabilityErrorData(
                required_capabilities=ClientCapabilities(sampling=SamplingCapability())
            )
            raise MCPError(
                code=MISSING_REQUIRED_CLIENT_CAPABILITY,
                message="This needs sampling.",
                data=needed.model_dump(by_alias=True, mode="json", exclude_none=True),
            )
        return done(text("The client can sample."))


def _without_arguments(answer: Callable[..., Any]) -> Callable[[], Any]:
    async def call() -> CallToolResult:
        result: CallToolResult = await answer()
        return result

    return call


def add_asking_tools(server: MCPServer[object]) -> None:
    @server.tool(description="Fixture")
    async def test_input_required_result_elicitation(ctx: Ctx) -> Answer:
        if not given(ctx, "user_name"):
            return InputRequiredResult(input_requests={"user_name": ask("What is your name?", name="string")})
        return done(text(f"Hello, {_content(ctx, 'user_name').get('name')}!"))

    @server.tool(description="Fixture")
    async def test_streaming_elicitation(ctx: Ctx) -> Answer:
        await ctx.report_progress(1, 2)
        return InputRequiredResult(input_requests={"user_name": ask("What is your name?", name="string")})

    @server.tool(description="Fixture")
    async def test_input_required_result_sampling(ctx: Ctx) -> Answer:
        if not given(ctx, "capital_question"):
            question = sample("What is the capital of France?", 100)
            return InputRequiredResult(input_requests={"capital_question": question})
        return done(text(_dump(ctx, "capital_question")))

    @server.tool(description="Fixture")
    async def test_input_required_result_list_roots(ctx: Ctx) -> Answer:
        if not given(ctx, "client_roots"):
            return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})
        return done(text(_dump(ctx, "client_roots")))

    @server.tool(description="Fixture")
    async def test_input_required_result_request_state(ctx: Ctx) -> Answer:
        if not given(ctx, "confirm") or ctx.request_state != "confirming":
            question = ask("Please confirm", ok="boolean")
            return InputRequiredResult(input_requests={"confirm": question}, request_state="confirming")
        return done(text("state-ok"))

    @server.tool(description="Fixture")
    async def test_input_required_result_tampered_state(ctx: Ctx) -> Answer:
        if ctx.request_state is None:
            question = ask("Please confirm", ok="boolean")
            return InputRequiredResult(input_requests={"confirm": question}, request_state="sealed")
        return done(text("state-ok"))

    @server.tool(description="Fixture")
    async def test_input_required_result_multiple_inputs(ctx: Ctx) -> Answer:
        if not given(ctx, "user_name", "greeting", "client_roots"):
            requests = {
                "user_name": ask("What is your name?", name="string"),
                "greeting": sample("Generate a greeting", 50),
                "client_roots": ListRootsRequest(),
            }
            return InputRequiredResult(input_requests=requests, request_state="three")
        return done(text("All three came."))

    @server.tool(description="Fixture")
    async def test_input_required_result_multi_round(ctx: Ctx) -> Answer:
        if ctx.request_state == "two" and given(ctx, "step2"):
            return done(text("Both steps are done."))
        if ctx.request_state == "one" and given(ctx, "step1"):
            question = ask("Step 2: What is your favorite color?", color="string")
            return InputRequiredResult(input_requests={"step2": question}, request_state="two")
        question = ask("Step 1: What is your name?", name="string")
        return InputRequiredResult(input_requests={"step1": question}, request_state="one")

    @server.tool(description="Fixture")
    async def test_input_required_result_capabilities(ctx: Ctx) -> Answer:
        if ctx.input_responses:
            return done(text("Enough."))
        able, requests = ctx.client_capabilities, {}
        if able and able.elicitation is not None:
            requests["user_name"] = ask("What is your name?", name="string")
        if able and able.sampling is not None:
            requests["greeting"] = sample("Generate a greeting", 50)
        return InputRequiredResult(input_requests=requests) if requests else done(text("Nobody to ask."))


def _content(ctx: Ctx, name: str) -> dict[str, Any]:
    return json.loads(_dump(ctx, name)).get("content") or {}


def _dump(ctx: Ctx, name: str) -> str:
    answer = (ctx.input_responses or {})[name]
    data = answer if isinstance(answer, dict) else answer.model_dump(mode="json", by_alias=True)
    return json.dumps(data)


def add_documents(server: MCPServer[object]) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        return base64.b64decode(PNG)

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def template(id: str) -> str:
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    @server.prompt(description="Fixture")
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description="Fixture")
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(description="Fixture")
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
        content = (
            embedded(resourceUri, "Embedded resource content for testing."),
            text("Please process the embedded resource above."),
        )
        return [UserMessage(content=block) for block in content]

    @server.prompt(description="Fixture")
    def test_prompt_with_image() -> list[UserMessage]:
        content = (ImageContent(data=PNG, mime_type="image/png"), text("Please analyze the image above."))
        return [UserMessage(content=block) for block in content]

    @server.prompt(description="Fixture")
    async def test_input_required_result_prompt(ctx: Ctx) -> list[UserMessage] | InputRequiredResult:
        if not given(ctx, "user_context"):
            question = ask("What context should the prompt use?", context="string")
            return InputRequiredResult(input_requests={"user_context": question})
        return [UserMessage(content=text("Use that context."))]


def check_prompt_unless_fixture(name: object, arguments: object) -> None:
    """As it ships, which knows its own prompts alone."""
    if not str(name).startswith("test_"):
        check_prompt(name, arguments)


def conformance_server(settings: Settings) -> MCPServer[object]:
    """The real server and the fixtures."""
    shipped.check_prompt = check_prompt_unless_fixture
    server = shipped.create_server(settings)
    add_plain_tools(server)
    add_asking_tools(server)
    add_documents(server)
    return server


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8771)
    settings = Settings(transport="http", port=parser.parse_args().port)
    http_server(app_of(conformance_server(settings), settings), settings).run()


if __name__ == "__main__":
    main()
