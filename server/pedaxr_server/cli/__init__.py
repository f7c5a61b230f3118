"""The `pedaxr` command: `app` is the group, each other module holds the commands it is named for."""

from pedaxr_server.cli.app import main

__all__ = ["main"]
