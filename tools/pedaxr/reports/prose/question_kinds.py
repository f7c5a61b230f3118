"""The kinds of question that a request may ask, by its words, and what is said of each.

A kind is about findings that would answer it, or about something that no network looks for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pedaxr.reports.prose.other_subjects import AS_A_WHOLE, DECISIONS, NOT_BOWEL, NOT_TORN_BOWEL, WIDE_RECTUM
from pedaxr_models.labels import Finding
from pedaxr_models.report_text.wordings import Language


@dataclass(frozen=True)
class Question:
    """One kind of question.

    Attributes:
        asked: words of a request, in English or Korean.
        about: findings that would answer it with yes; empty where no network looks for it.
        answers: by language, what is said where none of them is there.
        seen: what is said beside one of them that is there, where it is only a sign of what was asked.
        unjudged: what is said where it is not known of each of them whether it is there, and none is named.
        of_other: words of a request that only look like this kind, such as a distended bladder.
    """

    asked: re.Pattern[str]
    about: tuple[Finding, ...]
    answers: Mapping[Language, str]
    seen: Mapping[Language, str] | None = None
    unjudged: Mapping[Language, str] | None = None
    of_other: re.Pattern[str] | None = None

    def asked_as(self, words: str) -> "Question":
        """The same kind, by other words of a request."""
        return replace(self, asked=re.compile(words, re.IGNORECASE))

    def is_in(self, text: str) -> bool:
        """Whether a text holds a word of this kind."""
        rest = self.of_other.sub(" ", text) if self.of_other else text
        return self.asked.search(rest) is not None


def _kind(
    asked: str,
    about: Sequence[Finding],
    english: str,
    korean: str,
    *,
    seen: Mapping[Language, str] | None = None,
    unjudged: Mapping[Language, str] | None = None,
    of_other: re.Pattern[str] | None = None,
) -> Question:
    pattern = re.compile(asked, re.IGNORECASE)
    return Question(pattern, tuple(about), {"en": english, "ko": korean}, seen, unjudged, of_other)


_STOMACH_IN_KOREAN = r"(?<!\w)위장?[이가은는도]? ?(?:많이 |심하게 )?(?:팽[만창]|확장|늘어|부풀|부어|커[졌져])"


LINES = _kind(
    r"\btubes?\b|catheter|\blines? (?:position|placement|tip|check)"
    r"|\b(?:central|umbilical|venous|arterial) lines?\b"
    r"|\b(?:uvc|uac|n[gj]t?|ogt?|ett|picc)\b"
    r"|\bshunt|\bstents?\b|\bdrains?\b|gastrostomy|\bpeg\b|\bfoley\b|cannula|\bcaths?\b|\bdobb?hoff|\biuds?\b|\bhickman|\bbroviac|\breplogle"
    r"|\bport-?a-?cath|\bpacemaker|\b(?:baclofen|insulin) pump|\bpigtail|nephrostomy|\bmic-?key\b"
    r"|튜브|카테터|위관|(?<![가-힣])관 ?끝|(?<!담)도관|(?:정맥|동맥)관(?!개존)|내관|삽관|도뇨관|단락|션트"
    r"|스텐트|배액관|위루",
    (),
    "Lines and tubes are not assessed by this model: the question asked stays open.",
    "본 모델은 카테터 및 튜브를 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
)
ORGANS = _kind(
    r"(?:hepato|spleno|organo|nephro)\w*megal|\bmass(?:es)?\b|tumou?r|neuroblastoma|wilms|lymphoma"
    r"|(?<!\w)(?:간|비장|콩팥|신장)[이은도]? ?(?:커[졌진]|크)"
    r"|종괴|종양|간비대|비장비대|간종대|비종대|신경모세포종",
    (),
    "Organs and masses are not assessed by this model: the question asked stays open.",
    "본 모델은 실질 장기와 종괴를 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
)
_STOOL = _kind(
    r"constipat|obstipat|impact(?:ion|ed)|(?:no|hard) stools?\b|soiling|fa?ecaloma|encopres"
    r"|(?:query|fa?ecal|stool) (?:load(?:ing)?|burden|retention|stasis)"
    r"|변비|(?<![가-힣])변[을이도]? ?(?:못|안 ?[봐보나])|배변|(?:유|대변)분증|변 ?지림",
    (Finding.CONSTIPATION,),
    "No faecal loading is outlined.",
    "분변 저류 윤곽 표시 없음.",
    unjudged={
        "en": "The stool cannot be judged on this film: the question asked stays open.",
        "ko": "본 촬영에서 분변 양은 평가할 수 없으므로 의뢰된 사항에 답할 수 없음.",
    },
)
_APPENDIX = _kind(
    r"appendi[cx](?!ectom|ostom)|충수(?! ?절제)|맹장(?:염|(?:이|을)? ?의심|\W*$)|막창자꼬리염",
    (),
    "The appendix is not assessed by this model: the question asked stays open.",
    "본 모델은 충수를 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
)
_BONES = _kind(
    r"(?<!\w)뼈[가는도]?(?=\W|$)"
    r"|fractur|\bbones?\b|scolio|kypho|vertebra|spina bifida|\brickets\b|골절|골격|측만|척추|구루병",
    (),
    "Bones are not assessed by this model: the question asked stays open.",
    "본 모델은 골격을 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
)
_CHANGE = _kind(
    r"interval|change|compar|improv|wors|better|bigger|smaller|same as|progress|resol"
    r"|\b(?:more|less|fewer|larger|wider)\b.*\bthan\b|(?:in|de)creas"
    r"|호전|악화|변화|비교|경과|좋아졌|나빠졌|심해[졌진]|달라[졌진]|바뀌|바뀐|늘었|줄었",
    (),
    "For change since an earlier film see the comparison.",
    "이전 영상과의 변화는 비교란 참조.",
)
_GAS = _kind(
    r"gas pattern|bowel gas|gas distribution|distal (?:gas|air)|(?:gas|air) distal|gasless|가스",
    (),
    "For the bowel gas see the findings.",
    "장내 가스는 소견란 참조.",
)
_WIDTH = _kind(
    rf"{WIDE_RECTUM}|mega-?rectum|거대 ?직장|얼마나 ?(?:넓|굵|늘어)"
    r"|diamet|calib(?:re|er)|\bmany (?:cm|mm|centim|millim)\w*|몇 ?(?:cm|mm|센티|밀리)"
    r"|\bhow (?:wide|large|big)\b|\bwidths?\b|\bwide(?:st)?\b"
    r"|직경|지름|굵기|너비|(?<!대)폭[은이을도]?(?![가-힣])",
    (),
    "For widths see the measurements.",
    "폭은 측정값 참조.",
)
_FILLED = _kind(
    r"(?:stool|fa?eces|poo)\b(?: \w+){0,2} (?:in|fill\w*) (?:(?:the|his|her) )?(?:rectum|colon|bowel)"
    r"|(?:rectum|colon) (?:\w+ )?(?:full|empty|filled|loaded)|full of (?:stool|poo|fa?eces)"
    r"|직장[에이가은]? ?(?:대|분|숙)?변"
    r"|(?<![가-힣])(?:[대분숙]?변|똥)[이은]? ?(?:많이|얼마나)? ?(?:찼|차 ?있|있|많)",
    (),
    "For how full the colon and rectum are see the measurements.",
    "결장의 분변 비율은 측정값 참조.",
)
# Wherever the words stand: compare with March, 3월 영상과 비교 바랍니다.
COMPARE = _CHANGE.asked_as(
    r"\bcompare\b|\b(?:is|are) (?:\w+ ){1,4}new\b|\banything new\b|새로 ?생[긴겼]"
    r"|(?:^|[.;,?]\s*)(?:is|are|has|have) (?:[\w-]+ ){1,4}"
    r"(?:better|worse|improv\w+|(?:in|de)creas\w+|resolv\w+)"
    r"|(?:호전|악화|증가|감소)(?:되었|됐|하였|했)?(?:는지|나요)|(?:늘었|줄었|[좋나]\S*졌|심해졌)(?:는지|나요)"
    r"|\b(?:for|in) comparison\b|[와과] ?비교|비교 ?(?:바랍|부탁|요망|요함|원함|판독|해 ?주)"
)
QUESTIONS = (
    _kind(
        r"\bcoins?\b|\bp?fbs?\b|swallowed|\bswallowing an?\b|foreign bod|ingest|batter(?:y|ies)|magnet|bezoar"
        r"|\bneedle|\bmarbles?\b|thumb ?tack"
        r"|hair ?ball|retained (?:surgical )?(?:sponge|swab|gauze|instrument)|gossypiboma"
        r"|거즈|구슬|핀 ?(?:먹|삼)|동전|삼킨|삼킴|삼켰|이물|건전지|자석|위석",
        (),
        "Foreign bodies are not assessed by this model: the question asked stays open.",
        "본 모델은 이물을 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    LINES,
    _kind(
        r"\b(?:gall|kidney)?stones?\b|calcul|calcif|lithiasis|\wliths?\b|nephrocalcinos|결석|담석|석회|콩팥돌|쓸개돌",
        (),
        "Calcification is not assessed by this model: the question asked stays open.",
        "본 모델은 석회화를 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _kind(
        r"\bnec\b|necroti[sz]ing|pneumatosis|portal (?:ven\w+ )?(?:gas|air)|\bpvg\b"
        r"|(?:gas|air) in (?:the )?(?:portal|bowel wall)"
        r"|(?:intramural|bowel wall) (?:gas|air)|괴사성|괴사 ?장염|장벽 ?(?:내 ?)?(?:가스|공기|기종)"
        r"|문맥 ?(?:내 ?)?(?:가스|공기)",
        (),
        "The bowel wall and the portal vein are not assessed by this model: the question asked stays open.",
        "본 모델은 장벽과 간문맥을 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    ORGANS,
    _kind(
        r"pneumonia|consolidation|\blungs?\b|pleural|\bchest\b(?! tube)|폐렴|폐야|흉막|흉수|흉부",
        (),
        "Lungs are not assessed by this model: the question asked stays open.",
        "본 모델은 폐를 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _kind(
        r"malrot|회전 ?이상|이상 ?회전",
        (),
        "Malrotation is not assessed by this model: the question asked stays open.",
        "본 모델은 장회전이상을 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _APPENDIX,
    _kind(
        r"ascites|free fluid|복수(?!의)|복강 ?내 ?액체|배에 ?물",
        (),
        "Free fluid is not assessed by this model: the question asked stays open.",
        "본 모델은 복수를 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _BONES,
    _kind(
        r"(?<!im)perforat|\brigler|\bperf(?:o|s|ed)?\b"
        r"|free (?:(?:intra-?)?(?:peritoneal|abdominal) )?(?:air|gas)"
        r"|pneumo-?peritoneum"
        r"|(?:extra-?luminal|intra-?peritoneal|(?:sub|infra)-?diaphragmatic|sub-?phrenic)"
        r" (?:free )?(?:air|gas)"
        r"|football sign|double[- ]wall sign|천공|기복증|(?:유리|자유) ?(?:공기|가스)"
        r"|복강 ?내? ?(?:공기(?! ?액체)|가스)|배안 ?공기|공기배증|뚫림"
        r"|(?:air|gas) (?:under|below|beneath) (?:the |a )?(?:either |right |left )?(?:hemi)?-?diaphragm"
        r"|횡격막 ?(?:아래|하) ?(?:공기|가스)"
        r"|freie luft|air libre|aire libre|aria libera|pneumoperiton|perfora[cz]i"
        r"|파열",
        (Finding.PNEUMOPERITONEUM,),
        "No free intraperitoneal air is outlined; a small amount may escape a film.",
        "복강 내 유리공기 윤곽 표시 없음. 소량은 단순촬영에서 보이지 않을 수 있음.",
        of_other=NOT_TORN_BOWEL,
    ),
    _kind(
        r"obstruct|\bobst\b|\b[sl]bo\b|\bileus\b|(?<!non-)(?<!non )(?<!no )\bbilious"
        r"|\b(?:green(?:ish)?|bile)(?:[- ]stained|[- ]tinged)? (?:bile )?(?:vomit|emesis|aspirate)"
        r"|(?:초록색?|녹색)(?:으로)? ?(?:구토|토)|폐색|장 ?폐쇄(?!증)"
        r"|기계적 ?폐쇄|(?<!비)담즙(?!정체|울체|성 ?구토 ?없)|막[히힌힘혔혀]|장 ?마비",
        (Finding.ABDOMINAL_DISTENSION, Finding.AIR_FLUID_LEVEL),
        "No bowel distension or air-fluid levels are outlined; a film does not exclude obstruction.",
        "장관 팽만, 공기액체층 윤곽 표시 없음. 단순촬영으로 장폐색을 배제할 수 없음.",
        seen={
            "en": "Whether the bowel is obstructed is not for this model to say: the question asked stays "
            "open.",
            "ko": "장폐색 여부는 본 모델이 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
        },
        unjudged={
            "en": "Obstruction cannot be judged on this film: the question asked stays open.",
            "ko": "본 촬영에서 장폐색은 평가할 수 없으므로 의뢰된 사항에 답할 수 없음.",
        },
        of_other=NOT_BOWEL,
    ),
    _kind(
        r"intuss|장[중충]첩|창자 ?겹침|인투서셉션",
        (),
        "Intussusception is not assessed by this model, and a film does not exclude it: the question asked "
        "stays open.",
        "본 모델은 장중첩증을 평가하지 않고 단순촬영으로 배제할 수 없으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _kind(
        r"volvul|(?<!난소)(?<!난소 )(?<!고환)(?<!고환 )(?<!정계 )염전|(?:창자|장)[이가]? ?꼬[이인였임]",
        (),
        "Volvulus is not assessed by this model, and a film does not exclude it: the question asked stays "
        "open.",
        "본 모델은 장염전을 평가하지 않고 단순촬영으로 배제할 수 없으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _kind(
        r"(?<!trans)(?<!trans-)(?<!h )(?<!h\. )(?<!helicobacter )"
        r"(?<!past the )(?<!beyond the )(?<!through the )pylor(?!omyot)"
        r"|\bi?hps\b|projectile|non-?bilious|poor weight gain"
        r"|유문(?!근 ?절개)|날문|분출성|분수(?:처럼)? ?(?:구토|토)|비담즙"
        r"|outlet obstruct|gastric (?:outlet|disten|dilat)|(?:disten|dilat|big|large)\w* stomach"
        rf"|stomach (?:\w+ )?(?:disten|dilat|big|large|enlarg)|위 ?출구|{_STOMACH_IN_KOREAN}",
        (Finding.PYLORIC_STENOSIS,),
        "No gastric distension is outlined; a film does not exclude outlet obstruction, ultrasound does.",
        "위 팽만 윤곽 표시 없음. 단순촬영으로 위출구폐쇄를 배제할 수 없으며 초음파로 판단함.",
        seen={
            "en": "Ultrasound tells whether the outlet is blocked; on this film the question asked stays "
            "open.",
            "ko": "위출구의 폐쇄 여부는 초음파로 판단하며 본 촬영으로는 의뢰된 사항에 답할 수 없음.",
        },
        unjudged={
            "en": "The gastric outlet cannot be judged on this film: the question asked stays open.",
            "ko": "본 촬영에서 위출구는 평가할 수 없으므로 의뢰된 사항에 답할 수 없음.",
        },
    ),
    _STOOL,
    _kind(
        r"\bdisten|bloat|팽만|배[가는]? ?(?:많이 |너무 )?(?:빵빵|불룩|불러|부르|부른)"
        r"|(?:colonic|toxic|gaseous|intestinal) dilat"
        r"|dilat\w* (?:small |large )?(?:bowel|loop|colon)"
        r"|(?:bowel|loop|colon)s? dilat|확장",
        (Finding.ABDOMINAL_DISTENSION,),
        "No bowel distension is outlined.",
        "장관 팽만 윤곽 표시 없음.",
        unjudged={
            "en": "The width of the bowel cannot be judged on this film: the question asked stays open.",
            "ko": "본 촬영에서 장관 확장은 평가할 수 없으므로 의뢰된 사항에 답할 수 없음.",
        },
        of_other=NOT_BOWEL,
    ),
    _kind(
        r"(?:air|gas)[- /]*fluid|\bafls?\b|fluid levels?|longest level|\ba/?f levels?\b"
        r"|공기 ?액체|기수면|액체 ?층",
        (Finding.AIR_FLUID_LEVEL,),
        "No air-fluid levels are outlined.",
        "공기액체층 윤곽 표시 없음.",
        unjudged={
            "en": "Air-fluid levels cannot be judged on this film: the question asked stays open.",
            "ko": "본 촬영에서 공기액체층은 평가할 수 없으므로 의뢰된 사항에 답할 수 없음.",
        },
    ),
)


def _unseen(asked: str, english: str, korean: str) -> Question:
    """A kind that no network looks for: its name with a verb, and its Korean name as an object."""
    return _kind(
        asked,
        (),
        f"{english} not assessed by this model: the question asked stays open.",
        f"본 모델은 {korean} 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    )


# Named in a history as often as asked for: answered only where the words ask for them.
ASKED_BY_NAME = (
    _kind(
        DECISIONS,
        (),
        "Discharge, feeding, treatment and surgery are for a doctor to decide, not for this report.",
        "퇴원, 수유, 치료, 수술은 의사가 결정할 사항으로 본 판독에서 답하지 않음.",
    ),
    _kind(
        AS_A_WHOLE,
        (),
        "Whether all is normal, or nothing urgent, is not for this model to say: much is not assessed.",
        "평가하지 않는 항목이 많아 전체의 정상 여부나 응급 여부는 본 모델이 답할 수 없음.",
    ),
    _APPENDIX.asked_as(r"\bapp[ey]\b"),
    _unseen(
        r"rectal (?:gas|air)|(?:gas|air)\b(?: \w+){1,6} rectum\b|rectum (?:gas|air)"
        r"|직장(?:에|의|안에?|내에?)? ?(?:내 ?)?(?:가스|공기)",
        "Rectal gas is",
        "직장 가스를",
    ),
    _unseen(
        r"\b(?:fixed|persistent|sentinel|unchanging)(?: \w+)? loops?\b"
        r"|(?:고정|지속)\S*(?: ?확장\S*)? ?(?:장|소장|대장)? ?(?:고리|루프)",
        "Whether a loop is fixed is",
        "고정된 장고리 여부를",
    ),
    _unseen(r"hernia|\bcdh\b|탈장", "A hernia is", "탈장을"),
    _unseen(
        r"hirs\w*pr\w*|\bhirsch\w*|aganglion|허[시쉬]|히르[슈쉬]|선천(?:성)? ?거대",
        "Hirschsprung disease is",
        "히르슈슈프룽병을",
    ),
    _unseen(
        r"(?<!biliary )atresia|double bubble|duodenal web|annular panc|(?<!담도)(?<!담도 )폐쇄증|이중 ?기포",
        "Atresia of the bowel is",
        "장 폐쇄증을",
    ),
    _unseen(r"meckel|메켈|멕켈", "A Meckel diverticulum is", "메켈 게실을"),
    _unseen(r"peritonitis|\bpanperi|복막염", "Peritonitis is", "복막염을"),
)
# Answered where a question has no other kind: a renal stone is a question of calcification.
ASKED_OF_ORGANS = (
    LINES.asked_as(r"\blines?\b"),
    _STOOL.asked_as(
        r"^(?:the )?stools?$|^(?:(?:fa?ecal|stool|colonic|any) )*load(?:ing)?$"
        r"|stool (?:load|amount|pattern)|clean-?out"
        r"|분변|숙변|잔변|대변(?:량| ?(?:정체|정도|얼마))"
        r"|(?:much|residual|remaining|retained|excess\w*) (?:stool|fa?ec\w+|poo)\b"
    ),
    _BONES.asked_as(r"\bspin(?:e|al)\b|\bhips?\b|\bddh\b|skelet|\bribs?\b|고관절|대퇴"),
    _kind(
        r"bladder|ureter|urethra|\b[pu]uj\b|\bupj\b|\bpuv\b|hydroneph|urinary|\butis?\b|pyelo|\bapn\b|kidney"
        r"|renal|biliary|bile duct|choled|cholecyst|pneumobilia|pancrea|hepat|liver|sple+n|\bhsm\b"
        r"|ovar\w+|testic\w+|방광|신우|요관|요로|수신증|담낭|담도|담관|췌장|간염|비장|신장염|난소|고환",
        (),
        ORGANS.answers["en"],
        ORGANS.answers["ko"],
    ),
    _unseen(
        r"colitis|enteritis|toxic megacolon|crohn|\bibd\b|(?<![췌신심맹])장염|독성 ?거대 ?결장",
        "Inflammation of the bowel is",
        "장의 염증을",
    ),
    _unseen(r"(?<!toxic )megacolon|(?<!독성)(?<!독성 )거대 ?결장", "Megacolon is", "거대결장을"),
    _unseen(
        r"\bna[it]\b|non-?accidental|abuse|trauma|injur|lacerat|학대|외상|손상", "Injuries are", "손상을"
    ),
    _CHANGE,
    _GAS,
    _WIDTH,
    _FILLED,
)
OF_OTHER_SECTIONS = (_CHANGE, COMPARE, _GAS, _WIDTH, _FILLED)
