"""The HTTP service around the MCP server."""
