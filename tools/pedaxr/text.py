"""Text from files and callers, made safe to show: one line, nothing invisible."""

import unicodedata


def printable(text: str, limit: int = 500) -> str:
    """One line of at most `limit` characters without invisible ones.

    Control, format (bidirectional marks, zero-width joiners, tags), surrogate and private-use characters are
    dropped: in a patient's name or an indication they can only hide or reverse what a reader sees.
    """
    spaced = "".join(" " if char.isspace() else char for char in unicodedata.normalize("NFC", text))
    visible = "".join(char for char in spaced if not unicodedata.category(char).startswith("C"))
    return " ".join(visible.split())[:limit]
