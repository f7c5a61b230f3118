"""The viewer: one hand-written page, served over HTTP and handed to chat hosts as an MCP App."""
