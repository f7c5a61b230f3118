"""Names of which some are initials, such as O. Brown and Nguyễn T. M. Khai: which full names they may be."""

from pedaxr.patient_search.name_forms import fold, without_titles


def initials_and_words(name: str) -> tuple[list[str], list[str]]:
    """The single Latin letters of a name, and its other words; without titles."""
    words = without_titles(fold(name).split())
    initials = [word for word in words if len(word) == 1 and word.isascii() and word.isalpha()]
    return initials, [word for word in words if word not in initials]


def may_be(initials: list[str], words: list[str], name: str) -> bool:
    """Whether a name has the words, and beside them, as far as it has more, what the initials stand for."""
    left = without_titles(fold(name).split())
    for word in words:
        if word not in left:
            return False
        left.remove(word)
    most, fitting = min(len(initials), len(left)), 0
    for initial in initials:
        if stands_for := next((word for word in left if word.startswith(initial)), None):
            left.remove(stands_for)
            fitting += 1
    return 0 < fitting == most
