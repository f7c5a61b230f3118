"""A report in Korean lines for a language model: the same report, the same order, what is foreign quoted.

Sections are written by `pedaxr.reports.korean` from the structured findings; ids and data stay as they are.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from pedaxr.ages import age_text, days_ago_text
from pedaxr.reports.check_draft import OTHER_LINES
from pedaxr.reports.context_sentences import GAS_MEASURED
from pedaxr.reports.korean import in_korean, korean_diagnosis, korean_sections, korean_word
from pedaxr.reports.prose.measured import LEAST_CALIBRE
from pedaxr.reports.prose.tubes import OTHERS, seen_tube
from pedaxr.text import ForeignText, shown_id
from pedaxr.types import Comparison, FilmIdentity, NotAssessed, Report, SignedReport, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, NORMAL, SIGNS, Finding, sign_within
from pedaxr_models.plausibility import is_pyloric_age
from pedaxr_models.report_text.parser import parse, parse_sentence, split_sentences
from pedaxr_server.replies.film_lines import child_data
from pedaxr_server.replies.finding_lines import is_doubted, unsure
from pedaxr_server.replies.report_lines import doubts_said, is_bare_comparison, not_assessed_of

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
_WHERE = {"request": "의뢰", "chat": "대화에서 제공"}
_SPANS = {
    "today": "오늘",
    "yesterday": "어제",
    "a date in the future: check it": "미래의 날짜(확인 요함)",
}
_UNITS = {"day": "일", "week": "주", "month": "개월", "year": "년"}
_SPAN = re.compile(r"(\d+) (day|week|month|year)s?")
_NO_VERDICT = "호전이나 악화는 의사가 판단함."
_CHANGES: Mapping[str, str] = {
    "cannot_say": "새로 생긴 것인지 알 수 없음: {}.",
    "no_longer_outlined": "윤곽 표시가 없다고 소실된 것은 아님: {}.",
}
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
        _tube(report),
        _not_assessed(not_assessed_of(report)),
        _widths(report.measures),
        *_supplied(report),
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
    elif report.in_doubt:
        step = "이 영상에서는 소견을 제시하지 않는다는 것과 그 이유를 사용자에게 전할 것."
    else:
        step = f"결론, 평가하지 않은 것, 확인할 사항을 전할 것. {sign}"
    return f"{_DISCLAIMER}\n다음: {step}"


def _film(film: FilmIdentity | None, study_id: str | None) -> str:
    film = film or FilmIdentity(study_id=study_id)
    shown = film.study_id or study_id
    parts = [f"검사 {shown_id(shown)}" if shown else "등록되지 않은 영상 파일"]
    parts.append(f"{film.study_date} 촬영" if film.study_date else "촬영일 미상")
    if film.study_date is not None and film.days_ago is not None:
        parts.append(_in_words(days_ago_text(film.study_date, film.days_ago)))
    view = film.view_position
    parts += [korean_word(view.replace("_", " ")) if view else "촬영 자세 미상", _age(film)]
    known = child_data(film)
    whose = f"환아(데이터): {known}" if known else "누구의 영상인지 미상."
    return f"{', '.join(parts)}. {whose}{_later(film)}"


def _later(film: FilmIdentity) -> str:
    if not film.later_film:
        return ""
    return f" 이 환아의 더 나중 영상이 있음: {shown_id(film.later_film)}, {film.later_date} 촬영."


def _in_words(english: str) -> str:
    """A span of time, as `pedaxr.ages` tells it."""
    return _SPANS.get(english) or _SPAN.sub(lambda found: f"{found[1]}{_UNITS[found[2]]}", english).replace(
        " ago", " 전"
    )


def _age(film: FilmIdentity) -> str:
    """By the same rules as in English: days in the first month, weeks to three, months to two years."""
    if film.age_months is None:
        return "나이 미상"
    told = age_text(film.age_months, film.patient_birth_date, film.study_date)
    if film.age_months < 24:
        return f"생후 {_in_words(told)}"
    years, months = divmod(int(film.age_months), 12)
    return f"{years}세 {months}개월" if months else f"{years}세"


def _signed(signed: SignedReport) -> str:
    on = f", {signed.signed_at:%Y-%m-%d}" if signed.signed_at else ""
    critical = f"{_critical(signed.critical, {})} ".lstrip()
    return (
        f"서명된 판독이 있음: {signed.report_id}, 버전 {signed.version}, {_STATUS[signed.status]}, "
        f"{ForeignText(signed.signed_by, 100)}{on}. 결론(데이터): {ForeignText(signed.impression, 400)}. "
        f"{critical}이것이 이 검사의 판독이며 아래 초안이 대신하지 않음."
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
    if not newer:
        return line
    differs = in_korean(" ".join(newer.differs))
    return f"{line} 더 새로운 초안이 있음: {newer.report_id}, 버전 {newer.version}. {differs}".rstrip()


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
        if said.finding is None and not re.search(
            r"제2요추체|분변량|분변 비율|분변이 차지하는|결장 면적", sentence
        ):
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
        *map(_doubt, unsure(report.findings, doubts_said(report))),
        f"윤곽 표시 없음(소견이 없다는 뜻은 아님): {', '.join(rest)}." if rest else "",
    ]


def _doubt(finding: StructuredFinding) -> str:
    name = _sign(finding.finding)
    if finding.presence is Presence.PRESENT:
        return f"불확실함: {name} 윤곽 표시되었으나 흐리거나 판독문 작성 모델과 다름."
    return f"불확실함: {name} 윤곽 표시 없으나 판독문 작성 모델은 있다고 봄. 확인할 것."


def _tube(report: Report) -> str:
    """Where a gastric tube is seen, as in English."""
    tube = None if report.in_doubt else seen_tube(report.sentences)
    return f"{_LINES}: {in_korean(f'{tube.text} {OTHERS}')}" if tube else ""


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
    words, verdict = past.signed_impression, " ".join([*_changes(past), _NO_VERDICT])
    if not words:
        return f"{text} {verdict}"
    ours = str(ForeignText(text, 600)) if words in report.sections["Comparison"] else text
    return f"{ours} {verdict} 그 영상의 서명된 결론(데이터): {ForeignText(words, 300)}"


def _changes(past: Comparison) -> Iterator[str]:
    """What the two figures of a finding do not say, as in English."""
    findings = [one for one in past.items if one.what in SIGNS]
    for change, words in _CHANGES.items():
        if names := [_sign(one.what) for one in findings if one.change == change]:
            yield words.format(", ".join(names))


def _supplied(report: Report) -> list[str]:
    """Why the film was made and what was suspected, and by whom."""
    told = report.sections.get("Indication", "")
    given = [f"{_WHERE[one.source]}: {ForeignText(one.text)}" for one in report.indications]
    given = given or ([str(ForeignText(told))] if told not in ("", "not supplied") else [])
    suspected = [f"{_WHERE[one.source]}: {_diagnosis(one.text, report)}" for one in report.working_diagnoses]
    return [
        f"임상 정보(제공된 그대로): {'; '.join(given)}" if given else "",
        f"추정 진단(참고 사항이며 소견이 아님): {'; '.join(suspected)}" if suspected else "",
    ]


def _diagnosis(name: str, report: Report) -> str:
    told = korean_diagnosis(name) if name in (*SIGNS, NORMAL) else str(ForeignText(name, 60))
    film = report.film
    if name != Finding.PYLORIC_STENOSIS or film is None or film.age_months is None:
        return told
    is_usual = is_pyloric_age(film.age_months)
    return told if is_usual else f"{told}, 호발 연령 생후 2-12주, 이 환아는 {_age(film)}"


def _not_assessed(not_assessed: Sequence[NotAssessed]) -> str:
    by_view = [_sign(one.what) for one in not_assessed if one.reason == "view" and one.what in SIGNS]
    outside = [_sign(one.what) for one in not_assessed if one.reason == "field" and one.what in SIGNS]
    left = f"영상 범위 밖: {', '.join(outside)}; " if outside else ""
    seen = f"이 촬영 자세에서는 {', '.join(by_view)}(소견이 없다는 뜻은 아님); " if by_view else ""
    untrained = _UNTRAINED
    if any(one.what == OTHER_LINES for one in not_assessed):
        untrained = untrained.replace(_LINES, f"그 밖의 {_LINES}")
    return f"평가하지 않음: {seen}{left}모델이 보지 않는 것: {untrained}."
