"""The HTTP server: the page, the API under /api/v1, MMCP; and the MCP tool server. Needs the extra `serve`."""
