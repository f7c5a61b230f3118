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


@pytest.mark.parametrize("command", ["segmentation", "captioner", "mixed"])
def test_a_training_is_not_lost_for_want_of_resume(tmp_path: Path, command: str) -> None:
    state = tmp_path / "run" / "state.pt"
    state.parent.mkdir()
    state.write_bytes(b"hours of work")
    (tmp_path / "films.csv").write_text("ImagePath,Class\n")
    options = ["--data", str(tmp_path / "films.csv"), "--out", str(state.parent)]
    options += ["--real", str(tmp_path)] if command == "mixed" else []
    result = CliRunner().invoke(main, ["train", command, *options])
    assert result.exit_code == 1 and "Go on with it by --resume" in result.output
    assert state.read_bytes() == b"hours of work"
    result = CliRunner().invoke(main, ["train", command, *options, "--resume"])
    assert "by --resume" not in result.output  # other faults of this data may end it


def test_a_table_given_for_json_is_refused_before_any_work(tmp_path: Path) -> None:
    table = tmp_path / "films.csv"
    table.write_text("ImagePath,Class\n")
    result = CliRunner().invoke(
        main, ["import", str(table), "--home", str(tmp_path / "c"), "--json", str(table)]
    )
    assert result.exit_code == 2 and "holds something else than JSON" in result.output
    assert table.read_text() == "ImagePath,Class\n" and not (tmp_path / "c").exists()


@pytest.mark.parametrize("command", [("sheet",), ("audit", "export")], ids=["sheet", "audit export"])
def test_other_outputs_keep_what_is_there(tmp_path: Path, command: tuple[str, ...]) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(DICOM)
    result = CliRunner().invoke(main, [*command, str(film)])
    assert result.exit_code == 1 and "is there already" in result.output
    assert film.read_bytes() == DICOM
