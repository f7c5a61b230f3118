"""Words of a request that only look like a question of the bowel, and questions that no film answers.

An answer on the bowel to who asks of a bladder or an ear would leave that unanswered, and pass for one.
"""

import re

_CHANGED = r"obstruct|disten|dilat|block|폐색|폐쇄|팽만|확장|막[히힌힘혔혀]"
_ORGAN = (
    r"(?:bladder|ureter\w*|urinary|urethral?|[pu]uj|upj|biliary|bile ducts?|pelvical\w*|airway"
    r"|bronch\w*|trachea\w*|nasal|nose|venous|veins?|lymphatic|gastric|stomach|o?esophag\w*|ventric\w*|shunt"
    r"|stent|catheter|tube|ngt?|uter(?:us|ine)|vagina\w*|코|귀|방광|신우|요관|요도|요로|담도|담관|담낭|기도"
    r"|기관지?|식도|뇌실|심실|폐|흉곽|혈관|경?정맥|동맥|자궁|난관|\w*위루(?:관|튜브)?|튜브|카테터|션트|위장?)"
)
WIDE_RECTUM = r"rect(?:um|al) (?:\w+ )?dilat\w*|dilat\w* (?:\w+ )?rectum|직장[이가은도]? ?(?:확장|늘어)"
NOT_BOWEL = re.compile(
    rf"(?<!\w){_ORGAN}(?: outlet)?[이가은는도]? ?(?:(?:is|was|very|so|too|more|much) )*(?:{_CHANGED})\w*"
    rf"|(?:obstruct|disten|dilat|block)\w* (?:of (?:the )?)?(?:urinary |gall ?)?{_ORGAN}"
    rf"|{WIDE_RECTUM}",
    re.IGNORECASE,
)
_TORN = (
    r"(?:ear ?drum|tympanic|(?:urinary |gall ?)?bladder|uter(?:us|ine)|o?esophag\w*|bronch\w*|trachea\w*"
    r"|cornea\w*|globe|septum|septal|palat\w*|hymen\w*|고막|(?<!\w)귀|방광|자궁|식도|기관지?|(?<!\w)폐|횡격막"
    r"|대동맥|혈관|콩팥|신장|담낭|쓸개|난소|낭종|황체|고환|(?<!\w)간|비장|각막|안구|비중격|구개)"
)
NOT_TORN_BOWEL = re.compile(
    rf"{_TORN}[이가은는의]? ?(?:perforat|ruptur|천공|파열|뚫[린림렸])\w*"
    rf"|(?:perforat|ruptur)\w* (?:of (?:the )?)?{_TORN}",
    re.IGNORECASE,
)
# What a doctor decides: safe to discharge? can she eat? 수술이 필요할까요?
DECISIONS = (
    r"\b(?:to|for|before|be|pre-?) ?discharg\w*|\bdischarge (?:home|today|tomorrow|now)\b"
    r"|\b(?:go|send|sent) home\b|\bsafe to\b"
    r"|^(?:eat|drink|feed|be (?:fed|operated)|(?:do|give|start|stop|treat|operate|proceed)\b)"
    r"|\b(?:re-?)?(?:start|resume|continue|stop)\w* (?:\w+ )?(?:feed|diet|antibiotic)\w*"
    r"|\bneeds? (?:an? |any |to )?(?:operat|surg|antibiot|enema|treat|drug|laparot)\w*"
    r"|\b(?:should|shall|can|may) (?:we|i) (?:do|give|treat|operate|start|stop|remove|feed|proceed)\b"
    r"|퇴원(?:해|시|이|을|은|여부|가능| ?가능| ?여부)|(?:집에|귀가)\S* ?(?:가|보내|될|되)"
    r"|(?:수유|식이|금식|경구)\S* ?(?:시작|진행|가능|재개)"
    r"|(?:먹|수유|수술|관장|투약|치료|시술|처치)\S* ?(?:도 ?[되될]|[되될]까|필요)"
)
_SUBJECT = r"(?:(?:it|he|she|all|this|that|the|film|x-?ray|abdomen|everything|anything|is|looks?) )*"
# Of all that a film shows: is it normal? 이상 없나요?
AS_A_WHOLE = (
    rf"^{_SUBJECT}(?:(?:ab)?normal\w*|ok(?:ay)?|fine|all ?right|wrong|critical|urgent|serious"
    r"|(?:an )?emergency)"
    r"(?: here| now| film| x-?ray)?$"
    r"|^(?:[이본] )?(?:영상|사진|소견|촬영)?[이은는]? ?(?:정상|이상|응급|위급)(?: ?소견)?[이은는인]?"
    r"(?: ?(?:없|있|아니|맞|여부|유무)\S*)?$"
)
