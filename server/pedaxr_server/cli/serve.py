"""`pedaxr serve`, `pedaxr token` and `pedaxr settings`: everything that needs the whole settings."""

import gc
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pedaxr_server.cli.options import (
    FILE,
    FOLDER,
    json_option,
    show,
    use_runtime,
    use_weights,
    with_options,
    write_secret,
)

if TYPE_CHECKING:
    from pedaxr_server.settings_sources import Gathered

F = TypeVar("F", bound=Callable[..., Any])
# The same words as pedaxr_server.auth.tokens.SCOPES, without importing the server for --help; a test
# compares them.
SCOPES = (
    "patients:read",
    "films:read",
    "reports:read",
    "reports:write",
    "reports:sign",
    "annotations:write",
)


def _settings_options(command: F) -> F:
    """A flag for every setting that has one; secrets have none, since `ps` shows flags to everybody."""
    options = (
        click.option("--config", type=FILE, help="Settings file, TOML (default: $PEDAXR_CONFIG)."),
        click.option("--home", type=FOLDER, help="Clinic folder (default: your data folder)."),
        click.option(
            "--weights", type=FOLDER, help="Folder of trained weights (default: the bundled weights)."
        ),
        click.option("--http", "transport", flag_value="http", help="Listen on HTTP instead of stdio."),
        click.option("--host", help="Address to listen on; off loopback only with a login [127.0.0.1]."),
        click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on [8765]."),
        click.option(
            "--public-url", metavar="URL", help="URL by which clients reach the server, if different."
        ),
        click.option(
            "--allowed-host",
            "allowed_hosts",
            multiple=True,
            help="Additional exact Host header to accept.",
            metavar="TEXT",
        ),
        click.option(
            "--allowed-origin",
            "allowed_origins",
            multiple=True,
            help="Additional exact Origin header to accept.",
            metavar="TEXT",
        ),
        click.option(
            "--auth-issuer",
            metavar="URL",
            help="Issuer whose tokens are accepted; without one there is no login.",
        ),
        click.option("--auth-audience", metavar="TEXT", help="Audience of the tokens [the public URL]."),
        click.option("--auth-key-file", type=FILE, help="JWK set, PEM public key or shared secret."),
        click.option(
            "--films-from-page/--no-films-from-page",
            default=None,
            help="Let a film be dropped onto the page; it is read once and stored nowhere.",
        ),
        click.option("--warm/--no-warm", default=None, help="Load the networks right after starting."),
    )
    return with_options(command, options)


@click.command()
@_settings_options
def serve(config: Path | None, **flags: Any) -> None:
    """Run the MCP server on stdio (one client) or HTTP.

    Each option is also a setting: PEDAXR_AUTH_ISSUER in the environment, auth_issuer in the settings file.
    """
    gc.disable()  # what is loaded now stays: looking through it again and again takes a tenth of the start
    from pedaxr_server.logs import JSON_VARIABLE, log_to_stderr
    from pedaxr_server.serve import serve as run_server

    gc.freeze()
    gc.enable()
    settings = _gather(flags, config).settings
    use_weights(settings.weights)
    use_runtime(settings.runtime, settings.device, settings.threads)
    os.environ[JSON_VARIABLE] = "1" if settings.log_json else "0"
    log_to_stderr()
    login = "tokens of the issuer" if settings.auth_issuer else "no login, this machine only"

    def say_where() -> None:
        if missing := _without_clinic(settings.home):
            click.echo(missing, err=True)
        click.echo(f"pedaxr listens on {settings.url} ({login})", err=True)
        click.echo(f"web viewer: {settings.page_url}", err=True)

    with suppress(KeyboardInterrupt):  # the usual end of a server that somebody started by hand
        run_server(settings, listening=say_where)


def _without_clinic(home: Path | None) -> str:
    """What whoever starts a server is told where it has no clinic to answer from; else nothing."""
    from pedaxr.clinic.clinic import clinic_folder
    from pedaxr.errors import StorageError

    try:
        clinic_folder(home)
    except StorageError as err:
        return " ".join([str(err), *getattr(err, "__notes__", ())])
    return ""


@click.command()
@click.option("--config", type=FILE, help="Settings file, TOML (default: $PEDAXR_CONFIG).")
@click.option("--home", type=FOLDER, help="Clinic folder (default: your data folder).")
@click.option("--weights", type=FOLDER, help="Folder of trained weights (default: the bundled weights).")
@click.option(
    "--replicas", type=click.IntRange(1, 256), default=2, show_default=True, help="Films read at once."
)
@click.option(
    "--threads", type=click.IntRange(1, 256), default=1, show_default=True, help="Cores of each replica."
)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8766, show_default=True, help="Port on this machine."
)
@click.option(
    "--address", metavar="TEXT", help="Ray cluster (default: the one that runs here, else one is started)."
)
def readers(
    config: Path | None,
    home: Path | None,
    weights: Path | None,
    replicas: int,
    threads: int,
    port: int,
    address: str | None,
) -> None:
    """Run reading workers that several servers share, on Ray Serve (pip install 'pedaxr[ray]').

    Servers with the same --home use them where PEDAXR_READERS=http://127.0.0.1:8766 is set.
    """
    from dataclasses import replace

    from pedaxr.storage.home import default_home
    from pedaxr_server.logs import log_to_stderr
    from pedaxr_server.worker.ray_readers import shared_readers

    given = _gather({"home": home, "weights": weights, "threads": threads}, config).settings
    given = replace(given, home=given.home or default_home())
    use_weights(given.weights)
    use_runtime(given.runtime, given.device, given.threads)
    log_to_stderr()
    with shared_readers(given, replicas=replicas, port=port, address=address) as url:
        stopped = _when_told_to_stop()  # not before: Ray takes the signals when it starts
        click.echo(f"readers are up (replicas: {replicas}): set PEDAXR_READERS={url}", err=True)
        stopped.wait()


def _when_told_to_stop() -> threading.Event:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


@click.command()
@_settings_options
@click.option(
    "--scope", "scopes", type=click.Choice(SCOPES), multiple=True, help="Scope; repeatable (default: all)."
)
@click.option(
    "--department",
    "departments",
    multiple=True,
    metavar="NAME",
    help="Department whose patients it shows; repeatable.",
)
@click.option("--subject", default="developer", show_default=True, help="Subject of the token.")
@click.option(
    "--minutes", type=click.IntRange(1, 1440), default=60, show_default=True, help="Lifetime in minutes."
)
@click.option("--out", type=FILE, help="Write it to a file that only you can read instead of printing it.")
def token(
    config: Path | None,
    scopes: tuple[str, ...],
    departments: tuple[str, ...],
    subject: str,
    minutes: int,
    out: Path | None,
    **flags: Any,
) -> None:
    """Make a development token for a server that shares a secret with you."""
    from pedaxr_server.auth.tokens import mint_token

    settings = _gather(flags, config).settings
    made = mint_token(
        settings,
        subject=subject,
        scopes=list(scopes or SCOPES),
        minutes=minutes,
        departments=list(departments) or None,
    )
    if out is None:
        click.echo(made)
    else:
        write_secret(out, made + "\n")


@click.command()
@_settings_options
@json_option
def settings(config: Path | None, json_path: Path | None, **flags: Any) -> None:
    """Show the folders in use, and every setting with its value and where it comes from."""
    from pedaxr_server.cli.console import show_rows

    gathered = _gather(flags, config)
    facts, given = _facts(gathered), gathered.rows()
    data: dict[str, Any] = {name: value for name, value, _ in (*facts, *given)}
    data["sources"] = {name: source for name, _, source in given}
    folders = ("home", "weights")  # among the facts, as they are used
    rows = facts + [(name, value, gathered.origin(name)) for name, value, _ in given if name not in folders]
    show(lambda: show_rows(rows, title="pedaxr"), data, json_path)


def _gather(flags: dict[str, Any], config: Path | None) -> "Gathered":
    from pedaxr_server.settings_sources import gather

    return gather(flags, os.environ, config=config)


def _facts(gathered: "Gathered") -> list[tuple[str, str, str]]:
    """What follows from the settings: the folders and addresses that are used."""
    from pedaxr.clinic import default_home
    from pedaxr.registry import REGISTRY_FILE
    from pedaxr_server.settings_sources import usual_file

    settings = gathered.settings
    folder = settings.home or default_home()
    there = (folder / REGISTRY_FILE).exists()
    http = settings.transport == "http"
    return [
        ("version", version("pedaxr"), ""),
        ("settings file", str(gathered.file or f"none; {usual_file()} is read where there is one"), ""),
        ("clinic folder", str(folder), gathered.origin("home")),
        ("clinic", "present" if there else "absent; run `pedaxr demo` or `pedaxr import`", ""),
        *_other_folders(gathered),
        ("url", settings.resource_url if http else "none (stdio)", ""),
        ("web viewer", settings.page_url if http else "none (stdio)", ""),
    ]


def _other_folders(gathered: "Gathered") -> list[tuple[str, str, str]]:
    """Where networks come from, and what is written outside of the clinic."""
    import platformdirs

    from pedaxr_models.checkpoint import weights_root

    weights = gathered.settings.weights
    graphs = os.environ.get("PEDAXR_GRAPHS")
    cache = platformdirs.user_cache_path("pedaxr")
    return [
        (
            "weights folder",
            str(weights or weights_root()),
            gathered.origin("weights") if weights else "bundled",
        ),
        ("graphs made here", graphs or str(cache / "graphs"), "$PEDAXR_GRAPHS" if graphs else "default"),
        ("overlays of files", str(cache / "overlays"), "default"),
    ]
