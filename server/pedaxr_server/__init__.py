"""MCP server and command line (top layer)."""
