"""A report in Korean lines for a language model: the same report, the same order, what is foreign quoted.

Sections are written by `pedaxr.reports.korean` from the structured findings; ids and data stay as they are.
"""

import re
from collections.abc import Mapping, Sequence

from pedaxr.reports.check_draft import OTHER_LINES
from pedaxr.reports.context_sentences import GAS_MEASURED
from pedaxr.reports.korean import in_korean, korean_sections, korean_word
from pedaxr.reports.prose.measured import LEAST_CALIBRE
from pedaxr.text import ForeignText, shown_id
from pedaxr.types import FilmIdentity, NotAssessed, Report, SignedReport
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, SIGNS, sign_within
from pedaxr_models.report_text.parser import parse, parse_sentence, split_sentences
from pedaxr_server.replies.film_lines import child_data
from pedaxr_server.replies.finding_lines import is_doubted
from pedaxr_server.replies.report_lines import is_bare_comparison, not_assessed_of

_HOW_SURE: Mapping[str, str] = {
    "outlined": "{} 윤곽 표시됨",
    "in_doubt": "{} 윤곽 표시되었으나 불확실함",
    "suspected": "{} 의심되나 윤곽 표시 없음",
    "signed": "{}, 판독의가 기재함",
}
_TELL = "담당 의사에게 즉시 알릴 것."
_STATUS = {"preliminary": "예비 판독(초안)", "final": "최종 판독", "amended": "수정 판독"}
_LINES = "카테터 및 튜브"
_UNTRAINED = f"직장 가스, 장벽 가스, {_LINES}, 이물, 석회화, 실질 장기, 폐 기저부, 골격"
_DISCLAIMER = "연구 및 교육용이며 의료기기가 아님. 반드시 자격 있는 의료인이 영상을 판독할 것."
_NO_VERDICT = "호전이나 악화는 의사가 판단함."
_SOURCE = re.compile(r" \[[^\]]+\]")
_WIDTHS = {"widest_loop": "소장 루프", "stomach": "위", "widest_colon": "결장", "rectum": "직장"}
_SHARES = {"right_colon": "우측 결장", "left_colon": "좌측 결장", "rectosigmoid": "직장구불결장"}


def korean_lines(report: Report) -> list[str]:
    """All lines but the closing ones, in the order of the English ones."""
    told = dict(zip(report.sections, korean_sections(report).items(), strict=False))
    signed = report.signed_report
    return [
        _film(report.film, report.study_id),
        _signed(signed) if signed else "",
        _critical(
            report.critical, report.critical_certainty, beside_signed=signed.critical if signed else None
        ),
        in_korean(report.in_doubt) if report.in_doubt else "",
        _status(report),
        *(f"확인: {in_korean(flag)}" for flag in report.flags),
        *(_section(report, name, *told[name]) for name in ("Impression", "Amendments") if name in told),
        *_findings(report, *told["Findings"]),
        _not_assessed(not_assessed_of(report)),
        _widths(report.measures),
        _supplied(report),
        _section(report, "Comparison", *told["Comparison"]) if "Comparison" in told else "",
        _section(report, "Recommendation", *told["Recommendation"]) if "Recommendation" in told else "",
    ]


def korean_closing(report: Report) -> str:
    """What the draft is not, and the next step."""
    sign = "서명하려면 사용자가 finalise_report를 요청해야 함."
    if report.signed_report:
        step = "서명된 판독을 먼저 전하고, 이 초안은 그 뒤에 만들어진 것이라고 밝힐 것."
    elif report.critical:
        step = f"위급 소견을 가장 먼저 알리고, 보호자에게는 의사가 곧 설명한다고만 말할 것. {sign}"
    else:
        step = f"결론, 평가하지 않은 것, 확인할 사항을 전할 것. {sign}"
    return f"{_DISCLAIMER}\n다음: {step}"


def _film(film: FilmIdentity | None, study_id: str | None) -> str:
    film = film or FilmIdentity(study_id=study_id)
    shown = film.study_id or study_id
    parts = [f"검사 {shown_id(shown)}" if shown else "등록되지 않은 영상 파일"]
    parts.append(f"{film.study_date} 촬영" if film.study_date else "촬영일 미상")
    parts += [_ago(film.days_ago)] if film.days_ago is not None else []
    parts += [korean_word(film.view_position.replace("_", " "))] if film.view_position else []
    parts += [_age(film.age_months)] if film.age_months is not None else []
    known = child_data(film)
    return f"{', '.join(parts)}. 환아(데이터): {known}" if known else f"{', '.join(parts)}."


def _ago(days: int) -> str:
    """As in English: one day ahead is another time zone's, and what is further ahead is wrong."""
    if days < -1:
        return "미래의 날짜(확인 요함)"
    return f"{days}일 전" if days > 0 else "오늘"


def _age(age_months: float) -> str:
    months = int(age_months)
    if months < 1:
        return "생후 1개월 미만"
    years, rest = divmod(months, 12)
    return f"생후 {months}개월" if months < 24 else f"{years}세 {rest}개월"


def _signed(signed: SignedReport) -> str:
    on = f", {signed.signed_at:%Y-%m-%d}" if signed.signed_at else ""
    critical = _critical(signed.critical, {})
    return (
        f"서명된 판독이 있음: {signed.report_id}, 버전 {signed.version}, {_STATUS[signed.status]}, "
        f"{ForeignText(signed.signed_by, 100)}{on}. 결론(데이터): {ForeignText(signed.impression, 400)}. "
        f"{critical} 이것이 이 검사의 판독이며 아래 초안이 대신하지 않음."
    )


def _critical(
    critical: Sequence[str], certainty: Mapping[str, str], *, beside_signed: Sequence[str] | None = None
) -> str:
    """As `finding_lines.critical_line`."""
    if not critical:
        return ""
    told = "; ".join(_HOW_SURE.get(certainty.get(name, ""), "{}").format(_sign(name)) for name in critical)
    is_new = beside_signed is not None and not set(critical) <= set(beside_signed)
    where = ", 본 초안에만 있고 최종 판독에는 없음" if is_new else ""
    return f"위급 소견(CRITICAL{where}): {told}. {_TELL}"


def _sign(name: str) -> str:
    return korean_word(sign_within(name)) if name in SIGNS else str(ForeignText(name, 60))


def _status(report: Report) -> str:
    who = f", {ForeignText(report.signed_by, 100)}" if report.signed_by else ""
    line = f"{_STATUS[report.status]} {report.report_id}, 버전 {report.version}{who}."
    newer = report.newer_draft
    return f"{line} 더 새로운 초안이 있음: {newer.report_id}, 버전 {newer.version}." if newer else line


def _section(report: Report, name: str, heading: str, text: str) -> str:
    if name in report.human_sections or name == "Amendments":
        return f"{heading}: {ForeignText(text, 600)}"
    return f"{heading}: {_comparison(report, text) if name == 'Comparison' else _SOURCE.sub('', text)}"


def _findings(report: Report, heading: str, text: str) -> list[str]:
    """What is seen, and unchecked remarks; what is absent or not assessed has lines of its own."""
    if "Findings" in report.human_sections:
        return [_section(report, "Findings", heading, text)]
    if report.in_doubt:
        return []
    seen: list[str] = []
    unchecked: list[str] = []
    for sentence in split_sentences(text):
        said = parse_sentence(sentence)
        if said.finding is None and not re.search(r"제2요추체|분변량|분변이 차지하는|결장 면적", sentence):
            (seen if is_measured_gas(report, sentence) else unchecked).append(sentence)
        elif said.finding is not None and said.presence is Presence.PRESENT:
            seen.append(sentence)
    left_out = {one.what for one in not_assessed_of(report)}
    present = {f.finding for f in report.findings if f.presence is Presence.PRESENT or is_doubted(f)}
    present |= set(report.critical)
    rest = [_sign(finding) for finding in FINDINGS if finding not in left_out | present]
    return [
        f"{heading}: {' '.join(seen)}" if seen else "",
        f"확인되지 않은 서술: {' '.join(unchecked)}" if unchecked else "",
        f"윤곽 표시 없음(소견이 없다는 뜻은 아님): {', '.join(rest)}." if rest else "",
    ]


def is_measured_gas(report: Report, sentence: str) -> bool:
    """Whether a Korean sentence says of the distal gas what was measured on the outlines."""
    is_measured = any(one.reason == GAS_MEASURED for one in report.sentences)
    return is_measured and parse(sentence).distal_gas is not None


def _widths(measures: Mapping[str, float]) -> str:
    """As in English: millimetres on the film, in brackets the ratio to the width of L2; levels; stool."""
    known = list(filter(None, (_width(key, words, measures) for key, words in _WIDTHS.items())))
    unit = "mm, 확대 보정 없음; 제2요추체 폭의 배수"
    if not any(f"{key}_mm" in measures for key in _WIDTHS):
        unit = "제2요추체 폭의 배수, 픽셀 간격 없음"
    count = measures.get("air_fluid_levels")
    parts = {words: measures.get(f"stool_share_{part}") for part, words in _SHARES.items()}
    stool = ", ".join(f"{words} {share:.0%}" for words, share in parts.items() if share is not None)
    told = [f"폭({unit}): {', '.join(known)}. 정상 범위 없음."] * bool(known)
    told += [f"윤곽에서 센 공기액체층: {count:.0f}개."] if count else []
    return " ".join(told + [f"분변 비율(채운 정도, 양이 아님): {stool}."] * any(filter(None, parts.values())))


def _width(key: str, words: str, measures: Mapping[str, float]) -> str:
    ratio, mm = measures.get(f"{key}_to_l2"), measures.get(f"{key}_mm")
    if ratio is None:
        return ""
    if ratio < LEAST_CALIBRE:
        return f"{words} {LEAST_CALIBRE}배 미만"
    return f"{words} {mm:.0f} ({ratio:.1f})" if mm is not None else f"{words} {ratio:.1f}"


def _comparison(report: Report, text: str) -> str:
    """Of an old report, whose signed words stand in the text, all of it is quoted."""
    past = report.comparison
    if past is None:
        return text if is_bare_comparison(report.sections["Comparison"]) else str(ForeignText(text, 600))
    words = past.signed_impression
    if not words:
        return f"{text} {_NO_VERDICT}"
    ours = str(ForeignText(text, 600)) if words in report.sections["Comparison"] else text
    return f"{ours} {_NO_VERDICT} 그 영상의 서명된 결론(데이터): {ForeignText(words, 300)}"


def _supplied(report: Report) -> str:
    told = report.sections.get("Indication", "")
    given = [one.text for one in report.indications] or ([told] if told not in ("", "not supplied") else [])
    return f"임상 정보(제공된 그대로): {', '.join(str(ForeignText(text)) for text in given)}" if given else ""


def _not_assessed(not_assessed: Sequence[NotAssessed]) -> str:
    by_view = [_sign(one.what) for one in not_assessed if one.reason == "view" and one.what in SIGNS]
    seen = f"이 촬영 자세에서는 {', '.join(by_view)}(소견이 없다는 뜻은 아님); " if by_view else ""
    untrained = _UNTRAINED
    if any(one.what == OTHER_LINES for one in not_assessed):
        untrained = untrained.replace(_LINES, f"그 밖의 {_LINES}")
    return f"평가하지 않음: {seen}모델이 보지 않는 것: {untrained}."
