"""What the parser knows of Korean, and of the English words that Korean reports borrow. Patterns, no code.

All patterns meet text in lower case with single spaces.
"""

from pedaxr_models.facts import DistalGas, Quadrant, Severity, Side
from pedaxr_models.labels import Finding, View
from pedaxr_models.report_text import lexicon_english

OTHER_TOPICS = (
    r"원위부?\s?(?:장|직장)?\s?내?\s?가스|위 이하|[분대]변량|비위관|위관|영양관|레빈\s?튜브|l-tube"
    r"|gastric tube|분변이 차지하는 비율|분변 비율|윤곽에서 센 공기액체층"
)
_KOREAN_TOPICS: dict[Finding, str] = {
    Finding.PNEUMOPERITONEUM: (
        r"기복증|(?:유리|자유)\s?(?:가스|공기)|복강\s?내?\s?공기|횡격막\s?(?:하|아래|밑)\s?(?:의\s?)?(?:가스|공기)"
    ),
    Finding.AIR_FLUID_LEVEL: r"공기\s?-?\s?액체\s?(?:층|음영|면|레벨)?|기액\s?(?:층|면|레벨)?",
    Finding.PYLORIC_STENOSIS: r"유문\s?협착증?|위\s?출구\s?폐쇄",
    Finding.CONSTIPATION: (
        r"(?:분변|대변|숙변|변)\s?(?:의\s?)?(?:저류|정체|축적|매복|충만)|분변(?!량)|대변(?!량)|숙변|변비"
    ),
}
TOPICS: tuple[tuple[Finding, str], ...] = tuple(
    (finding, f"{_KOREAN_TOPICS[finding]}|{pattern}") for finding, pattern in lexicon_english.TOPICS
)
SWELLING = rf"팽만|팽창|확장|팽대|{lexicon_english.SWELLING}"
# One syllable that ends many other words: the stomach only when it stands alone or before a particle.
STOMACH = (
    r"(?<![가-힣])위(?:장|체부|전정부)?(?:의|가|는|은|도|만|내|와|및|음영)?(?![가-힣])"
    r"|\bstomach\b|\bgastric\b(?! tube)"
)
BOWEL = (
    r"장관|소장|대장|결장|직장|창자|루프|(?<![가-힣])장(?=[이은의은 ]|팽)|(?<![가-힣])복부(?!\s?전)"
    r"|\bbowels?\b|\bloops?\b|\bcolon\b"
)

# End a clause together with the predicate they close.
HARD_BREAK = (
    r";|(?:으나|지만|이나마|는데|으며|이며|하며|되며|보이며|되나|보이나|하나|없고|없이|있고|되고|보이고|않고|않으며|하고)(?![가-힣])"
    r"|반면|그러나"
)
SOFT_BREAK = r",|(?<![가-힣])및(?![가-힣])|[와과](?=\s)|이?나(?=\s)|또는|혹은|·|/"
ENUMERATION = (
    r"\s*(?:\([^)]*\))?\s*(?:소견|음영|징후)?\s*"
    r"(?P<joint>,|및|와|과|이나|나|또는|혹은|·|/)\s*(?:의미 있는 |유의한 )?"
)
PREDICATE = r"관찰|보[임이]|있|없|의심|확인|소견|합당|않|됨"

CANNOT = (
    r"(?:배제|평가|판단|판정|판독|확인|감별|구별)(?:를|을|이|가)?\s?(?:할|하기|될|는)?\s?"
    r"(?:수(?:는|가)?\s?없|불가|어려|어렵|곤란|힘들|제한|못|하지 못)"
    r"|(?:평가|배제)(?:되|하)지\s?(?:않|못)"
    r"|(?:배제|평가|판단)[은는]\s[^,;]{0,15}(?:불가|어려|제한|곤란)|평가\s?안\s?됨|미평가"
)
DENIED = (
    r"(?<!수 )(?<!수)(?<!수는 )(?<!관계)(?<!상관)(?<!틀림)(?<!변화 )(?<!변화는 )(?<!호전 )(?<!차이 )없"
    r"|(?<!호전되)(?<!소실되)(?<!감소하)(?<!해소되)지\s?(?:는\s)?않|지 아니|안\s?보|아님|아니[다며고]"
    r"|음성|부재|소실(?!되지)|해소(?!되지)|배제[됨된되]|\bnegative\b|\bnone\b"
    r"|가능성[은이]?\s?(?:매우\s)?(?:낮|적|희박|떨어)"
)
DENY_AHEAD = r"\b(?:no|without)\b[\w\s-]*$"
HEDGE = (
    r"의심|가능성|추정|의증|\?|불확실|애매|시사(?!하는)|\br/o\b"
    r"|\b(?:suspicious|possible|probable|suspected)\b"
)
# Doubt that a denial only repeats: "the possibility cannot be excluded".
DOUBTFUL_EXCLUSION = r"(?:가능성|의심)(?:을|은|도|를|이)?\s?(?:완전히\s)?배제"

SEVERITIES: tuple[tuple[Severity, str], ...] = (
    (
        Severity.MILD,
        r"경미|경한|경도|약간|소량|미량|미세|미미|가벼운|경증|\b(?:mild|slight|subtle|minimal)\b",
    ),
    (Severity.MODERATE, r"중등|중간 정도|\bmoderate\b"),
    (
        Severity.MARKED,
        r"현저|심한|심하게|심함|고도|중증|다량|극심|광범위|대량|과도|매우|\b(?:marked|severe|massive|gross)\b",
    ),
)
RANGE = r"[가-힣]{0,2}\s?(?:~|-|내지|에서)\s?"
NATIVE_NUMBERS: dict[str, int] = {
    "한": 1,
    "하나": 1,
    "두": 2,
    "둘": 2,
    "세": 3,
    "셋": 3,
    "네": 4,
    "넷": 4,
    "다섯": 5,
    "여섯": 6,
    "일곱": 7,
    "여덟": 8,
    "아홉": 9,
    "열": 10,
    "열한": 11,
    "열두": 12,
}
COUNTER = r"\s?(?:여\s?)?(?:개|군데|곳)"
BARE_NUMBER = r"(?<![\w.~-])(\d+)(?![\w.%]|\s?(?:cm|mm|세|개월|일|주))"

SIDES: tuple[tuple[Side, str], ...] = (
    (Side.BOTH, r"(?:양측|양쪽|양편|좌우)(?:성)?(?!\s?[상하]복부)|정중부|중앙부|\bbilateral\b|\bboth\b"),
    (Side.RIGHT, r"(?:우측|오른쪽|우편)(?!\s?[상하]복부)|\bright\b(?! (?:upper|lower))"),
    (Side.LEFT, r"(?:좌측|왼쪽|좌편)(?!\s?(?:[상하]복부|측?와위))|\bleft\b(?! (?:upper|lower))"),
)
ALL_QUADRANTS = r"복부\s?(?:전반|전체|전역)|(?:모든|네) 사분역|전 복부"
QUADRANTS = r"(우|좌|양|오른|왼)(?:측|쪽|좌)?\s?(상|하)(?:\s?[,·및/]?\s?(하))?(?:복부|사분|\s?quadrant)"
QUADRANT_OF: dict[tuple[str, str], Quadrant] = {
    ("우", "상"): Quadrant.RUQ,
    ("좌", "상"): Quadrant.LUQ,
    ("우", "하"): Quadrant.RLQ,
    ("좌", "하"): Quadrant.LLQ,
}
SIDES_OF: dict[str, tuple[str, ...]] = {
    "우": ("우",),
    "오른": ("우",),
    "좌": ("좌",),
    "왼": ("좌",),
    "양": ("우", "좌"),
}
QUADRANT_ABBREVIATIONS: tuple[tuple[str, str], ...] = (
    (r"\bruq(?![a-z])", "우상복부"),
    (r"\bluq(?![a-z])", "좌상복부"),
    (r"\brlq(?![a-z])", "우하복부"),
    (r"\bllq(?![a-z])", "좌하복부"),
)

DISTAL_GAS = r"원위부?\s?(?:장|직장)?\s?내?\s?가스.*?(감소 없|없|않|적|소량|감소|정상)"
AMOUNTS: dict[str, DistalGas] = {
    "감소 없": DistalGas.NORMAL,
    "없": DistalGas.ABSENT,
    "않": DistalGas.ABSENT,
    "적": DistalGas.SCANT,
    "소량": DistalGas.SCANT,
    "감소": DistalGas.SCANT,
    "정상": DistalGas.NORMAL,
}
STOOL = r"[분대]변량"
SEGMENTS = ("우측 결장", "좌측 결장", "직장")
TUBE = r"위관|영양관|레빈\s?튜브|l-tube|gastric tube"
NO_TUBE = r"없|않|제거|안\s?보"
VIEWS: tuple[tuple[View, str], ...] = (
    (View.LEFT_LATERAL_DECUBITUS, r"좌측\s?측?와위|left (?:lateral )?decubitus"),
    (View.ERECT, r"기립|직립|\berect\b|\bupright\b"),
    (View.SUPINE, r"앙와위|바로 누운|누운 자세|\bsupine\b"),
)
FILM = r"촬영|영상|x\s?선|사진|복부|x-ray|자세"
