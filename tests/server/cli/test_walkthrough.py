"""docs/walkthrough.md runs, prints what it shows, and draws its pictures."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.app import main
from pedaxr_server.cli.walkthrough import run_document

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, run in an empty folder with the demo clinic it makes."""
    folder = tmp_path_factory.mktemp("walk")
    (folder / "docs").mkdir()
    copy = folder / "docs" / "walkthrough.md"
    copy.write_text((DOCS / "walkthrough.md").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = CliRunner().invoke(main, ["walkthrough", str(copy)], catch_exceptions=False)
    assert result.exit_code == 0
    return copy


def test_every_step_says_what_it_should(page: Path) -> None:
    printed = re.findall(r"```text\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    find, outline, report, comparison, disagreement, refusal = printed
    assert "several_matches" in find and "one_match" in find
    assert "not a medical device" in outline.lower()
    assert "status: preliminary" in report and "Impression: 1." in report
    assert "from the outlines" in comparison
    assert "working diagnosis" in disagreement and "the same findings: True" in disagreement
    assert refusal.startswith("refused:")


def test_every_picture_that_is_shown_is_drawn_and_small(page: Path) -> None:
    shown = re.findall(r"!\[.*?\]\((.*?)\)", page.read_text(encoding="utf-8"))
    assert 3 <= len(shown) <= 5
    assert sum((page.parent / name).stat().st_size for name in shown) < 900_000
    assert all((DOCS / name).is_file() for name in shown), "run `pedaxr walkthrough docs/walkthrough.md`"


def test_the_page_in_docs_was_run(page: Path) -> None:
    stored = (DOCS / "walkthrough.md").read_text(encoding="utf-8")
    assert "```text\n```" not in stored
    number = re.compile(r"\d+\.\d+|\d+")
    run = page.read_text(encoding="utf-8")
    assert number.sub("0", stored) == number.sub("0", run), "run `pedaxr walkthrough docs/walkthrough.md`"
    for shown, printed in zip(number.findall(stored), number.findall(run), strict=True):
        last_place = 10.0 ** -len(shown.partition(".")[2])  # which another processor may round otherwise
        assert abs(float(shown) - float(printed)) <= max(0.01 * float(printed), last_place) + 1e-9, printed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no code", "no Python"),
        ('```python\nprint("x")\n```\n', "no text block"),
    ],
    ids=["no code", "no place for what is printed"],
)
def test_a_page_that_cannot_be_run_is_named(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "page.md").write_text(text)
    with pytest.raises(InvalidRequest, match=told):
        run_document(tmp_path / "page.md")
    assert (tmp_path / "page.md").read_text() == text


def test_a_block_that_fails_fails_the_page(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("```python\nassert 1 == 2\n```\n")
    with pytest.raises(AssertionError):
        run_document(tmp_path / "page.md")
