"""What is measured on the outlines, in words: only what belongs to a finding of the film.

`named` are the findings that the report says are there, hedged or not. Every measure stands in the report's
data; a sentence names those that a radiologist would.
"""

from collections.abc import Collection, Mapping

from pedaxr_models.labels import Finding
from pedaxr_models.report_text.wordings import Language

# Key in the measures, the finding it belongs to, and how a sentence calls it.
_CALIBRES: tuple[tuple[str, Finding, Mapping[Language, str]], ...] = (
    ("stomach", Finding.PYLORIC_STENOSIS, {"en": "stomach", "ko": "위"}),
    ("widest_loop", Finding.ABDOMINAL_DISTENSION, {"en": "widest small-bowel loop", "ko": "소장 루프 최대"}),
    ("widest_colon", Finding.ABDOMINAL_DISTENSION, {"en": "widest colon", "ko": "결장 최대"}),
    ("rectum", Finding.CONSTIPATION, {"en": "rectum", "ko": "직장"}),
)
_PARTS: Mapping[str, Mapping[Language, str]] = {
    "stool_share_right_colon": {"en": "right colon", "ko": "우측 결장"},
    "stool_share_left_colon": {"en": "left colon", "ko": "좌측 결장"},
    "stool_share_rectosigmoid": {"en": "rectosigmoid", "ko": "직장구불결장"},
}
LEAST_CALIBRE = 0.5  # widths of L2; a narrower rectum is an empty one, a narrower loop a trace of gas
_FILLED, _SOME = 0.6, 0.15  # shares of the outlined part


def calibres(measures: Mapping[str, float], named: Collection[Finding], language: Language = "en") -> str:
    """One sentence; empty without any."""
    told = [
        _calibre(words[language], measures[f"{key}_to_l2"], measures.get(f"{key}_mm"), language)
        for key, finding, words in _CALIBRES
        if finding in named and measures.get(f"{key}_to_l2", 0.0) >= LEAST_CALIBRE
    ]
    if not told:
        return ""
    line = ", ".join(told)
    return f"직경(제2요추체 폭 대비): {line}." if language == "ko" else f"{line[:1].upper()}{line[1:]}."


def _calibre(words: str, ratio: float, mm: float | None, language: Language) -> str:
    size = f" ({mm:.0f} mm)" if mm is not None else ""
    return f"{words} {ratio:.1f}{'배' if language == 'ko' else ' x the width of L2'}{size}"


def stool(measures: Mapping[str, float], named: Collection[Finding], language: Language = "en") -> str:
    """How full each part of a loaded colon is, without figures; empty where that is not measured."""
    if Finding.CONSTIPATION not in named or not all(key in measures for key in _PARTS):
        return ""
    full, some, little = (
        [words[language] for key, words in _PARTS.items() if low <= measures[key] < high]
        for low, high in ((_FILLED, 2.0), (_SOME, _FILLED), (-1.0, _SOME))
    )
    if language == "ko":
        by_word = {"대부분": full, "일부": some, "소량": little}
        parts = [f"{name} {word}" for word, names in by_word.items() for name in names]
        return f"분변 비율: {', '.join(parts)}."
    told = [("fills the", full), ("is seen in part of the", some), ("is scarce in the", little)]
    return f"Stool {', '.join(f'{how} {_listed(parts)}' for how, parts in told if parts)}."


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]
