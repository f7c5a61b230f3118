"""What a desktop client starts: the server on standard input and output."""

from pedaxr_server.cli.app import main

if __name__ == "__main__":
    main(["serve"])
