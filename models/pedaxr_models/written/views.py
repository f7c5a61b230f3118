"""The view that a text names, by whole words of several languages. Several views in a text count as none."""

import re
from collections.abc import Iterable

from pedaxr_models.labels import View
from pedaxr_models.written.plain import plain

Named = frozenset[
    View | None
]  # None: one that has no name here, such as semi-erect, prone or right decubitus

_LETTERS = "a-zß-öø-ÿœ"
_NO_LETTERS = re.compile(rf"[^{_LETTERS}가-힣一-鿿ぁ-ん]+")
_LEFT, _RIGHT = r"(?:left|lt|ll|l)", r"(?:right|rt|rl|r)"
_LYING = r"(?:decubitus|decubital|decubs?|dec|recumbent)"
_LATERAL = r"(?: ?(?:lateral|lat))?"
_UP = r" ?(?:side ?)?(?:up|upwards?|uppermost|elevated|raised|on top|non ?dependent|away from)(?![a-z])"
_DOWN = rf" ?side ?down(?: ?{_LYING})?"
_PART = r"(?:semi|half|partially|partly|partial|reclined|reclining)"
_NOT = r"(?:not|non|unable to|cannot|without|no|instead of|never|except) ?"
# Denied behind: "erect view not obtained", "upright: refused", "erect no"; but not "supine, no contrast".
_BETWEEN = r"(?: (?:abdomen|abd|axr|kub|ap|x ?ray|views?|films?|images?|position|was|is|were|could|study))*"
_UNDONE = (
    r" (?:not|unable|cannot|can t|couldn t|impossible|n ?a|none|nil|attempted|tried|cancell?ed|omitted|"
    r"(?:refus|declin|fail)(?:e?d|al|ure)|(?:no|x)$)"
)
# Tried in this order, and what one has found is taken out: "lateral decubitus" is no lateral view.
_ENGLISH: tuple[tuple[str, View | None], ...] = (
    (rf"(?:erect|upright|standing|stand|supine|{_LYING}|lldp?){_BETWEEN}{_UNDONE}", None),
    (rf"{_NOT}(?:an? )?(?:erect|upright|stand|standing|sit|supine|{_LYING}|lldp?)", None),
    (rf"{_PART} ?(?:erect|upright|supine|sitting|recumbent|fowlers?)|fowlers?|trendelenburg", None),
    (rf"(?:{_LEFT}{_LATERAL} ?{_LYING}|lldp?) {_RIGHT}{_UP}", View.LEFT_LATERAL_DECUBITUS),
    (rf"(?:{_LYING} ?)?(?:with )?(?:the )?(?:{_LEFT}|{_RIGHT}){_UP}", None),
    (
        rf"{_RIGHT}{_LATERAL} ?{_LYING}|(?:lateral |lat )?{_LYING} ?{_RIGHT}|(?:{_LYING} )?rldp?"
        rf"|{_RIGHT}{_DOWN}",
        None,
    ),
    (
        rf"{_LEFT}{_LATERAL} ?{_LYING}|(?:lateral |lat )?{_LYING} ?{_LEFT}|(?:{_LYING} )?lldp?|lldecub"
        rf"|{_LEFT}{_DOWN}",
        View.LEFT_LATERAL_DECUBITUS,
    ),
    (r"dorsal ?recumbent", View.SUPINE),
    (rf"(?:dorsal|ventral|ap|cross ?table|lateral|lat)? ?(?:lateral )?{_LYING}", None),
    (r"flat(?! panel)|horizontal beam|cross ?table|lateral|lat|oblique|rao|lao|rpo|lpo", None),
    (r"prone|sitting|seated|sit", None),
    (r"erect|upright|standing|stand", View.ERECT),
    (r"supine", View.SUPINE),
)
_KOREAN: tuple[tuple[str, View | None], ...] = (
    (
        r"(?:입위|기립위?|직립위?|서서|앙와위|측와위)(?:로|에서|으로|를|을|은|는|이|가)?"
        r"(?: ?(?:촬영|사진|자세|검사|영상)(?:을|를|은|는|이|가)?)?(?: ?(?:하지|할 수))? ?"
        r"(?:불가|불능|못|안|없|어려|아님|거부|실패|취소|생략|제외|x).*",
        None,
    ),
    (r"반(?:기립위?|입위|직립위?|좌위|앙와위)", None),
    (r"(?:우측|우|오른쪽|오른) ?(?:측 ?)?(?:측와위|와위|횡와위|데쿠비투스)", None),
    (r"(?:좌측|좌|왼쪽|왼) ?(?:측 ?)?(?:측와위|와위|횡와위|데쿠비투스)", View.LEFT_LATERAL_DECUBITUS),
    (r"측와위|횡와위|데쿠비투스|측면|사위|복와위|엎드린|좌위|앉은|앉아서|앉혀서", None),
    (r"(?:좌측?|우측?|왼쪽|오른쪽|옆)(?:으로)? ?(?:누워서|누운|눕혀서|눕힌)", None),
    (r"입위|기립위?|직립위?|서서|선 ?자세|일어서서|서 ?있는|세워서", View.ERECT),
    (r"앙와위|누워서|누운|눕혀서|눕힌|배와위", View.SUPINE),
)
# German, French, Spanish, Italian, Portuguese. "Liegend" alone is not lying: a tube that is in place is, too.
_EUROPEAN: tuple[tuple[str, View | None], ...] = (
    (
        r"(?:nicht|kein\w*|sans|pas|sin|non|não|no) (?:\w+ )?(?:im )?"
        r"(?:steh\w+|liegen|debout|piedi|bipede\w+|ortosta\w+)",
        None,
    ),
    (r"stehend\w* (?:und|oder|u) liegend\w*|liegend\w* (?:und|oder|u) stehend\w*", None),
    (r"(?:im )?stehen\w*(?: \w+)? nicht.*|debout (?:impossible|non).*|bipede\w+ (?:imposible|no).*", None),
    (r"halb\w*(?:sitzend|aufrecht|liegend)\w*|(?:im )?sitzen(?:d\w*)?|bauchlage|assise?|procubitus", None),
    (r"link(?:s|e[nr]?)? ?(?:seiten)?lage|lsl", View.LEFT_LATERAL_DECUBITUS),
    (r"(?:rechts?|rechten?|rechter)? ?seitenlage\w*|rechtslage|rsl", None),
    (r"couchée? sur .*|d[ée]cubitus lat[ée]ral droit|dec[úu]bito lateral derecho", None),
    (
        r"d[ée]cubitus lat[ée]ral gauche|d[eé]c[úu]bito lateral (?:izquierdo|esquerdo)"
        r"|decubito laterale sinistro",
        View.LEFT_LATERAL_DECUBITUS,
    ),
    (r"d[ée]cubitus (?:lat[ée]ral|ventral)|d[eé]c[úu]bito (?:lateral\w*|prono|ventral|laterale \w+)", None),
    (r"d[ée]cubitus dorsal|d[eé]c[úu]bito (?:supino|dorsal)|couchée?|rückenlage|im liegen", View.SUPINE),
    (r"(?:abdomen|abdomenübersicht|aufnahme|übersicht|ap) liegend|liegend (?:ap|aufnahme)", View.SUPINE),
    (r"im stehen|stehend(?:e[rn]?)?|debout|bipedestaci[óo]n|in piedi|ortost(?:atismo|ática|ase)", View.ERECT),
    # What is left of a description of two films: "im Stehen und Liegen", "bipedestación y decúbito".
    (
        r"d[eé]c[úu]bito|décubitus|liegen\w*|stehen|couche|supin[oa]|clinostatismo|sdraiat[oa]|acostad[oa]",
        None,
    ),
)
# Japanese and Chinese.
_HAN: tuple[tuple[str, View | None], ...] = (
    (r"(?:立位|站立位?|[仰背]?[臥卧]位) ?(?:不可|不能|困難|困难|できず|不).*", None),
    (r"立仰?[臥卧]位|倒立位?", None),  # both; head down, for an atresia
    (r"半(?:立位|[坐座]位)|[坐座]位|腹[臥卧]位|右側?侧?[臥卧]位", None),
    (r"左(?:側|侧)?[臥卧]位", View.LEFT_LATERAL_DECUBITUS),
    (r"[側侧][臥卧]位", None),
    (r"站?立位", View.ERECT),
    (r"[仰背]?[臥卧]位", View.SUPINE),
)
# A Korean word may stand behind the part of the body and before what is done with it: 복부입위촬영.
_BEFORE = r"(?<![가-힣])(?:단순|복부|흉복부|흉부|전신|소아|신생아|배)*"
_BEHIND = r"(?=(?:자세|촬영|사진|상태|영상|검사|상|시|에서|으로|로|및|과|와|도)*(?![가-힣]))"
_WORDS = (
    *((re.compile(rf"(?<![{_LETTERS}])(?:{phrase})(?![{_LETTERS}])"), view) for phrase, view in _EUROPEAN),
    *((re.compile(phrase), view) for phrase, view in _HAN),
    *((re.compile(rf"(?<![a-z])(?:{phrase})(?![a-z])"), view) for phrase, view in _ENGLISH),
    *((re.compile(rf"{_BEFORE}(?:{phrase}){_BEHIND}"), view) for phrase, view in _KOREAN),
)
# Words that hold a view's and name none, and how often or in which order something was done.
_OTHER_WORDS = re.compile(
    r"(?<![a-z])(?:(?:long|free|wall|bucky)[ -]?stand(?:ing)?"
    r"|stand(?:ing)?[ -]?(?:alone|by|orders?|protocols?)|(?:no\.?|nr\.?|x|#) ?\d+)(?![a-z])",
    re.IGNORECASE,
)
_JOINT = re.compile(
    r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[\d가-힣])|(?<=[\d가-힣])(?=[A-Za-z])"
)
LATERAL_CODES = frozenset({"ll", "rl", "llo", "rlo"})  # DICOM ViewPosition, PS3.3 C.8.1.1.1

_OF_THE_SIDE = re.compile(
    r"(?<![a-z])(?:lateral|lat|[lr]lat|(?:cross|x)[ -]?table|seitlich|profil|perfil)(?![a-z])"
    r"|측면|側面|[側侧]位"
)
_SIDE_NAMED = re.compile(r"(?<![a-z])(?:left|right|lt|rt|l|r)[ .-]*(?:lateral|lat)(?![a-z])|좌측면|우측면")
# Another view, too, or a position whose name has the word in it.
_NOT_OF_THE_SIDE_ALONE = re.compile(
    r"(?<![a-z])(?:decub\w*|dec|dekub\w*|d[eé]c[uú]bit\w*|recumbent|lld?p?|rld?p?|ap|pa|a\.p|frontal|up|down)"
    r"(?![a-z])|측와위|[臥卧]位|정면|正面|2 ?views?|two views"
)
_DECUBITUS = re.compile(r"decub|dekub|\bdecu?b?\b|\b[lr]ldp?\b|측와위", re.IGNORECASE)


def names_decubitus(text: str) -> bool:
    """Whether a text says that the child lay on a side."""
    return _DECUBITUS.search(plain(text)) is not None


def is_of_the_side(text: str, *, is_code: bool = False) -> bool:
    """Whether a text names a film taken from the side, and nothing else.

    Args:
        text: a description, in which "left lateral" may be a decubitus film, or the name of a view.
        is_code: the latter, in which it is a film of the left side.
    """
    one = plain(text).casefold()
    if is_code and one in LATERAL_CODES:
        return True
    if _NOT_OF_THE_SIDE_ALONE.search(one) or (_SIDE_NAMED.search(one) and not is_code):
        return False
    return _OF_THE_SIDE.search(one) is not None


def views_named(text: str) -> Named:
    """Every view that the words of a text name."""
    if "?" in plain(text):  # whoever wrote it was not sure
        return frozenset({None})
    one = _NO_LETTERS.sub(" ", _JOINT.sub(" ", _OTHER_WORDS.sub(" ", plain(text))).casefold()).strip()
    if one in LATERAL_CODES:
        return frozenset({None})
    found: set[View | None] = set()
    for words, view in _WORDS:
        one, count = words.subn(" | ", one)
        if count:
            found.add(view)
    return frozenset(found)


def view_in(text: str | None) -> View | None:
    """The one view that a text names; None when it names none, several, or one without a name here."""
    return view_of([text or ""])


def view_of(texts: Iterable[str]) -> View | None:
    """The view on which several texts about one film agree.

    A text that names several, as the description of a whole examination does, only says which it may be.
    """
    named = [views for views in map(views_named, texts) if views]
    single = {view for views in named if len(views) == 1 for view in views}
    if len(single) != 1:
        return None
    (view,) = single
    return view if all(view in views for views in named) else None
