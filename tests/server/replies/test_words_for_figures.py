"""How sure a reader is and what became of a sentence is said in words; the figures stay in the data."""

import json
import re
from typing import get_args

import pytest

from pedaxr.reading.segment_xray import summarise
from pedaxr.reports.check_draft import in_a_word
from pedaxr.types import Report, SegmentationResult, Sentence
from pedaxr_models.report_text.wordings import Language
from pedaxr_server.replies.documents import report_html, report_text
from pedaxr_server.replies.tool_results import report_reply, segmentation_reply

from ..conftest import canned_report, canned_segmentation

VERDICTS = get_args(Sentence.model_fields["verdict"].annotation)
FIGURES = (0.07, 0.37, 0.61, 0.83, 0.97)
SHARE = re.compile(r"(?<![\d.-])[01]?\.\d{2,}|\b\d{2,3} ?%(?! of the body)")  # of its area: a size
CODES = ("image_dependence", "pneumoperitoneum", "undetermined", "confidence:", *VERDICTS)


def report_with(figure: float) -> Report:
    """Every figure the same, every verdict there is, and each sentence of another one."""
    draft = canned_report("S-1", "pain")
    sentences = [Sentence(text="Free air.", finding="pneumoperitoneum", verdict=v) for v in VERDICTS]
    findings = [finding.model_copy(update={"probability": figure}) for finding in draft.findings]
    return draft.model_copy(
        update={
            "sentences": sentences,
            "findings": findings,
            "confidence": figure,
            "sureness": in_a_word(figure),
            "image_dependence": figure,
            "critical_certainty": {"pneumoperitoneum": "suspected"},
            "flags": [],
        }
    )


def outlines_with(figure: float) -> SegmentationResult:
    told = canned_segmentation("S-1")
    findings = [region.model_copy(update={"confidence": figure}) for region in told.findings]
    return told.model_copy(update={"findings": findings, "summary": summarise(findings, None)})


def assert_words_alone(text: str) -> None:
    assert SHARE.findall(text) == []
    assert [code for code in CODES if re.search(rf"\b{re.escape(code)}\b", text)] == []


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("figure", FIGURES)
def test_a_report_has_no_figure_of_certainty_and_no_code(figure: float, language: Language) -> None:
    report = report_with(figure)
    page = re.sub(r"<style>.*?</style>", "", report_html(report, language))
    assert_words_alone(report_text(report, language))
    assert_words_alone(re.sub(r"<[^>]+>", " ", page))


@pytest.mark.parametrize("figure", FIGURES)
def test_a_reply_says_in_words_what_its_data_has_in_figures(figure: float) -> None:
    for reply in (report_reply(report_with(figure)), segmentation_reply(outlines_with(figure))):
        assert_words_alone(reply.text)
        assert str(figure) in json.dumps(reply.data), "control: the figure is in the data"


def test_more_sure_is_said_otherwise() -> None:
    """Control: the words follow the figure."""
    assert len({report_text(report_with(figure)) for figure in FIGURES}) >= 3


@pytest.mark.parametrize("text", ["probability 0.93", "97 % sure", "verdict: hedged", "confidence .85"])
def test_a_figure_or_code_is_seen(text: str) -> None:
    with pytest.raises(AssertionError):
        assert_words_alone(text)
