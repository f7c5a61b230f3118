"""What a command would write over: a film, a table, somebody's data set. None of them is lost."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli import main
from pedaxr_server.cli.options import write_bytes, write_text

PNG, JPEG, DICOM = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", bytes(128) + b"DICM"


@pytest.mark.parametrize(
    "there",
    [PNG, JPEG, DICOM, b"PK\x03\x04", b"SQLite format 3\0", b"%PDF-1.7", b"ImagePath,Class\n"],
    ids=["PNG", "JPEG", "DICOM", "ZIP", "SQLite", "PDF", "table"],
)
def test_json_takes_the_place_of_json_alone(tmp_path: Path, there: bytes) -> None:
    path = tmp_path / "there"
    path.write_bytes(there)
    with pytest.raises(InvalidRequest, match="holds something else"):
        write_text(path, "{}")
    assert path.read_bytes() == there
    path.write_text('{"old": 1}')
    write_text(path, "[1]")
    assert path.read_text() == "[1]"


@pytest.mark.parametrize("there", [JPEG, DICOM, b"words", b"{}"], ids=["JPEG", "DICOM", "text", "JSON"])
def test_a_picture_takes_the_place_of_a_picture_alone(tmp_path: Path, there: bytes) -> None:
    path = tmp_path / "there"
    path.write_bytes(there)
    with pytest.raises(InvalidRequest):
        write_bytes(path, PNG)
    assert path.read_bytes() == there


@pytest.mark.parametrize("there", [b"", b" \n", PNG + b"older"], ids=["empty", "blank", "an older one"])
def test_an_empty_file_and_an_older_result_are_replaced(tmp_path: Path, there: bytes) -> None:
    path = tmp_path / "there"
    path.write_bytes(there)
    write_bytes(path, PNG)
    assert path.read_bytes() == PNG


@pytest.mark.parametrize("link", [False, True], ids=["by its name", "by a link"])
def test_the_overlay_never_replaces_the_film(tmp_path: Path, link: bool) -> None:
    film = tmp_path / "film.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200), np.uint8)).save(film)
    before, out = film.read_bytes(), film
    if link:
        out = tmp_path / "out.png"
        out.symlink_to(film)
    result = CliRunner().invoke(main, ["segment", str(film), "--out", str(out)])
    assert result.exit_code == 1 and "--out is the film itself" in result.output
    assert film.read_bytes() == before


@pytest.mark.parametrize("command", ["films", "ood-images"])
@pytest.mark.parametrize("name", ["films.csv", "images/000000.png", "masks/000000.npz"])
def test_somebody_s_data_set_is_not_written_into(tmp_path: Path, command: str, name: str) -> None:
    folder = tmp_path / "mine"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("mine")
    result = CliRunner().invoke(main, [command, str(folder), "--count", "1"])
    if command == "ood-images" and not name.startswith("images"):
        assert result.exit_code == 0  # it has a table of its own, and no masks
    else:
        assert result.exit_code == 1 and "choose an empty folder" in result.output
    assert (folder / name).read_text() == "mine"
