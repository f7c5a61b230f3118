"""`python -m pedaxr_server` is the `pedaxr` command."""

from pedaxr_server.cli.app import main

if __name__ == "__main__":
    main()
