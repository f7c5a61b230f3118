"""What the parser knows of English: words for findings, places, grades, doubt and denial. Patterns, no code.

All patterns meet text that went through `REPLACEMENTS`, in lower case.
"""

from pedaxr_models.facts import Quadrant, Severity, Side
from pedaxr_models.labels import Finding

REPLACEMENTS: tuple[tuple[str, str], ...] = (
    (r"[\u2018\u2019]", "'"),
    (r"\s+[\u2013\u2014-]\s+", " ; "),
    (r"[\u2010-\u2014]", "-"),
    (r"\bw/o\b", "without"),
    (r"\bw/", "with "),
    (r"\b(ng|og|ngt) tube\b|\bngt\b|\b(naso|oro)gastric\b(?= tube)", "gastric tube"),
    (r"gastric tube tube", "gastric tube"),
    (r"\brt\b", "right"),
    (r"\blt\b", "left"),
    (r"\bafls?\b", "air-fluid levels"),
    (r"\b(non|un)[- ]?(?=dilat|disten)", "not "),
    (r"\bcan't\b|\bcan not\b", "cannot"),
    (r"n't\b", " not"),
    (r"\br/o\b", "query"),
    (r"\bright (?:iliac fossa|lower abdomen)|\brif\b|\brlq\b", "right lower quadrant"),
    (r"\bleft (?:iliac fossa|lower abdomen)|\blif\b|\bllq\b", "left lower quadrant"),
    (r"\bright (?:hypochondri\w+|upper abdomen)|\bruq\b", "right upper quadrant"),
    (r"\bleft (?:hypochondri\w+|upper abdomen)|\bluq\b", "left upper quadrant"),
    (r", none (?:in|on) (?:the )?(?:\w+ ){0,3}(?:quadrants?|side)\b", ""),
    (r"\b(upper|lower) (right|left)\b", r"\2 \1"),
)

# Spoken of, but no finding: their words must not be taken for one.
OTHER_TOPICS = (
    r"(?:distal|rectal) (?:bowel )?gas|gas beyond the stomach|gastric tube|feeding tube"
    r"|(?<!large )(?<!marked )(?<!severe )(?<!heavy )(?<!moderate )(?<!mild )(?<!massive )(?<!small )"
    r"stool burden"
)
TOPICS: tuple[tuple[Finding, str], ...] = (
    (
        Finding.PNEUMOPERITONEUM,
        r"pneumoperitoneum|rigler(?:'s)? sign|football sign|extraluminal (?:gas|air)"
        r"|\bfree (?:(?:intra-?peritoneal|intra-?abdominal|peritoneal|abdominal|sub-?diaphragmatic"
        r"|sub-?phrenic|extraluminal) )*(?:gas|air)\b(?![- ]fluid)"
        r"|\bsub-?(?:diaphragmatic|phrenic) (?:free )?(?:gas|air|lucency)"
        r"|\b(?:gas|air) (?:\w+ )?(?:under|beneath|below) (?:\w+ ){0,2}(?:hemi)?(?:diaphragms?|domes?)",
    ),
    (Finding.AIR_FLUID_LEVEL, r"\b(?:air|gas)[-/ ]*fluid(?: levels?)?|\bfluid levels?"),
    (Finding.PYLORIC_STENOSIS, r"\bpylor\w+(?: stenosis)?|gastric outlet obstruction|single[- ]bubble"),
    (
        Finding.CONSTIPATION,
        r"\bfa?ec(?:al|es)\w*(?: (?:load\w*|retention|impaction|burden|residue|material))?|\bconstipat\w+"
        r"|\bcoprostasis|\bstools?[- ](?:load\w*|retention|filled|impact\w*|packed|accumulation|stasis)"
        r"|\b(?:retained|excess\w*|increased|abundant) (?:colonic )?stool"
        r"|\b(?:loaded|packed|filled|full|laden) (?:with|of) (?:\w+ )?stool|\bstool throughout"
        r"|\b(?:large|small|moderate|marked|severe|heavy|mild|massive|normal)"
        r"(?: amount| volume| quantity)?(?: of)? (?:colonic )?stool(?: burden| load)?",
    ),
)
SWELLING = r"\b(?:over)?disten\w+|\bdilat\w+|\bmeteorism\b|\bballooned\b"
STOMACH = r"\bstomach\b|\bgastric\b(?! outlet| tube)"
BOWEL = r"\bbowels?\b|\bloops?\b|\bintestin\w+|\babdom(?:en|inal)\b|\bgut\b|\bcolon(?:ic)?\b"
# Said of stomach or bowel in place of "not dilated".
NORMAL_SIZE = (
    r"(?<!not )(?<!ab)\bnormal (?:in |gastric |bowel |intestinal )?(?:calib(?:re|er)|size)"
    r"|(?<!not )(?<!ab)\bnormal bowel gas pattern|\bgas pattern (?:is|appears) (?:normal|unremarkable)"
    r"|\b(?:is|are) (?:normal|unremarkable|collapsed|decompressed)"
)

HARD_BREAK = r";|\bbut\b|\bhowever\b|\balthough\b|\bthough\b|\bwhile\b|\bwhereas\b|\bexcept\b|\.(?=\s)"
WITH_BREAK = (
    r"\bwith(?:out)?\b(?<!keeping with)(?<!consistent with)(?<!compatible with)"
    r"(?! (?:\w+ )?(?:gas|air|fluid|fa?ec\w*|stool)\b(?![- ]fluid))"
    r"|\baccompanied\b|\bassociated\b|\bplus\b"
)
SOFT_BREAK = r",|\band\b|\bor\b|\bnor\b|\bneither\b|\bno\b|\bwithout\b|\bin\b|\bwithin\b|/|&"
ENUMERATION = r"[\s,]*(?:and|or|nor|and/or|/|&|,)\s*(?:the |any )?"
VERB = r"\b(?:is|are|was|were|appears?|looks?)\b"
SINGULAR = r"\b(?:is|was)\b"

# Somebody else's predicate begins.
NEXT_SUBJECT = r"\band\b|, (?:the|an?|there)\b"
OWN_PREDICATE = r"(?: \w+)? (?:is|are|was|were|appears?|gas|normal)\b"

CANNOT = (
    r"\b(?:cannot|not|could not|may not|unable to|impossible to|difficult to|not possible to)"
    r" (?:\w+ly )?(?:be )?(?:\w+ly )?(?:exclu|assess|rule|evaluat|determin|judge|interpret)\w*(?: out)?"
    r"|\bnon-?diagnostic for|\b(?:limits|limited|insufficient) (?:\w+ )?(?:for|to|of|the)? ?"
    r"(?:the )?(?:assess|exclu|evaluat)\w*|\bnot (?:assessable|evaluable)"
)
# Deny what follows, and what precedes. The first do not reach backwards: "free gas with no fracture".
DENY_AHEAD = (
    r"\b(?:no(?! (?:change|doubt|interval|improvement|resolution))|without(?! (?:change|interval|resolution))"
    r"|absence of|negative for|free of|free from|clear of|lack(?:s|ing)?(?: of)?|devoid of|neither|nor|zero"
    r"|nil|nothing|fails? to show|rather than)\b|(?<![\w.])0 (?=air|gas)"
)
DENY_BOTH = (
    r"\bnot(?! (?:previously|seen before|only|yet|(?:\w+ly )?(?:resolved|cleared|changed)|normal|known))\b"
    r"|\babsent\b|\bnone\b|(?<!not )(?<!un)(?<!incompletely )(?<!partially )(?<!partly )\b(?:resolved"
    r"|cleared)\b|\b(?<!not )excluded\b|\bruled out\b|\bunlikely\b|\bno longer\b|\bnever\b"
    r"|: ?(?:no|nil|zero|0|negative)\b"
)
HEDGE = (
    r"\bpossib\w+|\bprobabl[ey]|\bmay\b|\bmight\b|\bcould\b|\bsuspected\b|\blikely\b|\bquestionable\b"
    r"|\bequivocal\b|\bdoubtful\b|\buncertain\b|\bindeterminate\b|\bpresumed\b|\bpresumably\b|\?"
)
# A doubt about what follows only: "distended loops suspicious for volvulus" are distended.
HEDGE_AHEAD = (
    r"\bsuspicio\w+|\bsuspects?\b|\bsuggest\w*|\bconcern\w* (?:for|about)|\bquery\b|\bworrisome\b|\bperhaps\b"
    r"|\bmaybe\b|\bpotential\w*|\bquestion of\b|\bapparent\w*"
)

SEVERITIES: tuple[tuple[Severity, str], ...] = (
    (
        Severity.MILD,
        r"mild|slight|subtle|minimal|minor|tiny|trace|faint|low-grade"
        r"|small(?! (?:and large )?(?:bowel|intestin))",
    ),
    (Severity.MODERATE, r"moderate|medium|intermediate"),
    (
        Severity.MARKED,
        r"marked|severe|gross|massive|large(?! (?:bowel|intestin))|extensive|considerable|pronounced|huge"
        r"|striking|heavy|heavi|tense|substantial|extreme|profound|florid|enormous",
    ),
)
NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip
COUNT = (
    rf"(?:\b|(?<=\bx))({'|'.join(NUMBERS[1:])}|(?<![.\w])\d+|(?<=\bx)\d+)\b"
    r"(?![.]\d|\s?(?:cm|mm|%|years?|months?))"
)
COUNT_PHRASES: tuple[tuple[int, str], ...] = (
    (1, r"\b(?:single|solitary|an) (?:\w+ )?(?:air|gas|fluid)"),
    (2, r"\b(?:couple|pair) of\b"),
    (12, r"\bdozen\b"),
)
POSITIVE_START = (
    r"\s*(?:there (?:is|are)\b|the \w+|multiple\b|several\b|numerous\b|dilated\b|distended\b"
    r"|(?:an? )?possib\w+|definite\b"
    r"|(?:an? )?(?:mild|moderate|marked|severe|slight|gross|massive|large|extensive)"
    r"|(?:one|two|three|four|five|six|seven|eight|nine|ten|\d+)\b)"
)

_ONE_SIDE = (
    r"\b(?:on|to|at|under|beneath|along|in)? ?(?:the )?{side}\b(?:[- ]sided)?"
    r"(?! (?:upper|lower|lateral|decubitus|and (?:right|left) (?:upper|lower)|or (?:right|left)))"
)
SIDES: tuple[tuple[Side, str], ...] = (
    (
        Side.BOTH,
        r"\bboth (?:sides|flanks|(?:hemi)?diaphragms?|domes|halves|hemidiaphragms)|\bbilateral(?:ly)?\b"
        r"|\b(?:either|each) (?:side|flank)|\bright and left\b(?! (?:upper|lower))"
        r"|\bleft and right\b(?! (?:upper|lower))|\b(?:midline|central(?:ly)?)\b",
    ),
    (Side.RIGHT, _ONE_SIDE.format(side="right")),
    (Side.LEFT, _ONE_SIDE.format(side="left")),
)
ALL_QUADRANTS = r"\ball (?:four |4 )?quadrants\b|\bthroughout the abdomen\b"
QUADRANTS = (
    r"\b(right|left|both|bilateral|the|two)(?: (?:and|or|,) (right|left))? (upper|lower)"
    r"(?: (?:and|or|as well as|/) (upper|lower))?(?! (?:lobe|lung|zone|rib|limb))"
)
QUADRANT_OF: dict[tuple[str, str], Quadrant] = {
    ("right", "upper"): Quadrant.RUQ,
    ("left", "upper"): Quadrant.LUQ,
    ("right", "lower"): Quadrant.RLQ,
    ("left", "lower"): Quadrant.LLQ,
}
