"""Words that people put for a word of a registered name: Bob for Robert, el- for al-, Junior for Jr.

Bob may be Robert and may be Bob: whom such a word leads to is offered to a human, and never a sure hit.
"""

import re
from collections import defaultdict
from collections.abc import Iterator

from pedaxr.patient_search.name_forms import fold

# Each line is one name and what its bearers are called; the usual ones of children's wards, not all.
_CALLED = """
abigail abby gail
alexander aleksandr alex alec sandy sasha xander
alexandra aleksandra alex lexi sandra sasha
alice alicia ali
andrew andy drew
anthony antonio tony
anna anne ann annie anya hannah
barbara barb basia
benjamin ben benny
catherine katherine kathryn katarzyna kate katie kathy cathy kat kasia katya
charles carlos charlie chuck
charlotte lottie charlie
christina kristina christine chris tina
christopher kristofer chris kit
daniel dan danny
david dave davey
dmitri dmitry dima
edward eduardo ed eddie ned ted
elizabeth elisabeth liz lizzie beth betty eliza elsie ella
emily emma em emmy
evgeny yevgeny eugene zhenya gene
francis francisco frank paco
frederick fred freddie
gabriel gabe
gabriella gabrielle gabby
gregory greg
guadalupe lupe
henry enrique harry hank
ignacio nacho
isabella isabel isabelle bella izzy
ivan vanya
jacob jake
james jaime jim jimmy jamie
jennifer jen jenny
jessica jess jessie
jesus chuy
john juan ivan johnny jack
jonathan jon jonny
joanna joanne jo asia
joseph jose joe joey pepe
joshua josh
katarina kata
kenneth ken kenny
lawrence laurence larry
leonardo leonard leo lenny
luis lucho
magdalena magda lena
malgorzata margaret gosia maggie meg peggy
margarita rita
maria mary marie masha molly
matthew mateo matt
maximilian maxim max
michael miguel mikhail mike mikey mick misha
nathaniel nathan nate
nicholas nikolai nicolas nick nico kolya
oliver ollie
olivia liv livvy
patricia pat patty tricia
patrick pat paddy
peter pedro pete
philip phillip phil
rebecca becky becca
richard ricardo rick ricky rich dick
robert roberto rob robbie bob bobby bert
rosemary rosie
samantha sam sammy
samuel sam sammy
sergei sergey seryozha
sofia sophia sophie sonia
stanislaw stan staszek
stephanie steph
stephen steven steve
svetlana sveta
susan suzanne sue susie
tatiana tanya
terence terry
theodore ted teddy theo
theresa teresa tess terry
thomas tomasz tom tommy
timothy tim timmy
valentina valentin valya
victoria vicky tori
vladimir volodya vova
william wilhelm guillermo will bill billy willy liam
yekaterina ekaterina katya
zachary zack zach
ibn bin ben
al el ul
abd abdul abdel
mac mc
saint st
sainte ste
junior jr
senior sr
"""
_ALSO = defaultdict[str, set[str]](set)
for _line in _CALLED.split("\n"):
    for _word in _line.split():
        _ALSO[_word] |= {_other for _other in _line.split() if _other != _word}
_SUFFIXES = frozenset({"jr", "sr", "junior", "senior", "ii", "iii", "iv", "2nd", "3rd", "second", "third"})
_BEFORE_NAMES = re.compile("(abdul|abdel|abd|al|el|mc|mac|del|de|la|le|van|von|bin|st)([a-z]{4,})", re.ASCII)
_MOST_WORDS = 5  # of a name


def words_of_name(name: str) -> list[str]:
    """The single words of a name, those of a hyphen apart; none of what is too long to be one."""
    words = [word for word in fold(name, joined=False).split() if word != "the"]
    return words if 0 < len(words) <= _MOST_WORDS else []


def other_words(words: list[str], at: int) -> Iterator[str]:
    """What one of the words may be in a registered name; nothing for Jr or III, which may be left out."""
    word = words[at]
    yield from sorted(_ALSO.get(word, ()))
    if word in _SUFFIXES and len(words) > 2:
        yield ""
    if found := _BEFORE_NAMES.fullmatch(word):  # LeBlanc, Elmasri, MacDonald
        before, name = found.groups()
        yield from (f"{before} {name}", *(f"{other}{name}" for other in sorted(_ALSO.get(before, ()))))
