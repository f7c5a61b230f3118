"""A view is named by whole words, in both languages; several in one text are none."""

import pytest

from pedaxr_models.labels import View
from pedaxr_models.written.views import view_in, view_of

DECUBITUS, ERECT, SUPINE = View.LEFT_LATERAL_DECUBITUS, View.ERECT, View.SUPINE


@pytest.mark.parametrize(
    ("said", "view"),
    [
        *(
            (said, DECUBITUS)
            for said in ("LLD", "ＬＬＤ", "left_lateral_decubitus", "Lt. lat. decub", "좌측와위")
        ),
        *(
            (said, DECUBITUS)
            for said in ("LLDecub", "복부 좌측 측와위", "Abdomen, left side down", "왼쪽 측와위")
        ),
        *((said, DECUBITUS) for said in ("Left Side Down Decub", "좌와위", "L-decub", "Abd Lt. decub AP")),
        *((said, ERECT) for said in ("복부 (기립)", "복부 X선 서서", "AXR standing", "ABDOMEN, UPRIGHT")),
        *((said, SUPINE) for said in ("앙와위(supine)", "KUB 누워서", "Abdomen AP(Supine)", "KUB supine")),
        *(
            (said, ERECT)
            for said in ("Abdomen_Erect", "ABD ERECT1", "upright (standing)", "복부입위", "기립위에서")
        ),
        *(
            (said, DECUBITUS)
            for said in ("LEFT LATERAL DECUBITUS (RIGHT SIDE UP)", "L lat decub, Rt side up", "DECUB LLD")
        ),
        *(
            (said, ERECT)
            for said in ("Erect No. 2", "erect x2", "서 있는 자세", "세워서", "standing at wall stand")
        ),
        *(
            (said, SUPINE)
            for said in ("supine, no contrast", "supine without contrast", "눕혀서", "KUB supine x 2")
        ),
        *(
            (said, SUPINE)
            for said in ("supine AP, portable", "AbdomenSupine", "앙와위", "누운 자세", "복부 앙와위 촬영")
        ),
    ],
)
def test_a_view_is_named_by_its_words(said: str, view: View) -> None:
    assert view_in(said) is view


@pytest.mark.parametrize(
    "said",
    [
        *(
            "Abdomen RIGHT LATERAL DECUBITUS",
            "우측와위",
            "Rt decub",
            "RLD",
            "right side down",
            "오른쪽 측와위",
        ),
        *("decubitus", "측와위", "dorsal decubitus", "decubitus, left side up", "cross-table lateral", "LL"),
        *("semi-erect", "semierect", "half-sitting", "반기립위", "Semi upright", "Fowler"),
        *(
            "supine and erect",
            "ERECT/SUPINE",
            "기립위 및 앙와위",
            "LLD + supine",
            "erect abdomen, supine chest",
        ),
        *("AP erect & supine", "복부 단순 (입위/앙와위)", "Abdomen Supine/Erect", "ABD ERECT+SUPINE"),
        *("erect?", "supine ??", "입위?", "right side down decubitus", "acute abdomen series", "입위 아님"),
        *("Abdomen(E)", "SUPERINE", "ERECTABDOMEN", "reverse trendelenburg", "abdomen 2 views"),
        *("unable to stand", "non-erect", "기립 불가", "prone", "복와위", "앉은 자세"),
        *("erect not possible", "Upright: unable", "erect (failed)", "erect view not obtained", "ERECT=NO"),
        *("erect n/a", "standing, refused", "supine not done", "could not stand", "erect x-ray cancelled"),
        *("입위 촬영 불가", "기립 못하는 환아", "입위로 촬영하지 못함", "입위 거부", "입위X", "앙와위 생략"),
        *("long-standing constipation", "STANDING ORDER KUB", "stand-alone DR", "Wall Stand Abdomen"),
        *("좌측으로 누운 자세", "오른쪽으로 누워서", "옆으로 눕혀서", "앉혀서"),
        *(
            "standard",
            "in situ",
            "삽입위치 확인",
            "KUB",
            "",
            "AP",
            "flat and upright",
            "horizontal beam supine",
        ),
    ],
)
def test_another_view_or_several_or_a_part_of_a_word_is_no_view(said: str) -> None:
    assert view_in(said) is None


def test_texts_about_one_film_must_agree() -> None:
    assert view_of(["", "Supine", "Abdomen supine and erect"]) is SUPINE  # the last is of the examination
    assert view_of(["LLD", "Abdomen supine and erect"]) is None
    assert view_of(["Erect", "Supine"]) is None
    assert view_of(["Erect", "semi-erect"]) is None


def test_no_view_is_there_to_be_found_in_nothing() -> None:
    assert view_in(None) is None and view_of([]) is None


@pytest.mark.parametrize(
    "said",
    [
        *("decubitus left elevated", "DECUB L UP", "Decub Lt side raised", "decub (left up)"),
        *("decub left nondependent", "left lateral decubitus, left side up", "decub with the left side up"),
        *("Not supine", "not a supine film", "no decub", "never supine"),
    ],
)
def test_a_side_that_is_up_is_not_the_one_lain_on_and_what_is_denied_is_not_named(said: str) -> None:
    assert view_in(said) is None


@pytest.mark.parametrize("said", ["LLD, right side up", "LLDP right up", "Lt decub, Rt side elevated"])
def test_the_other_side_up_is_the_same_view(said: str) -> None:
    """Control: on the left side the right one is up."""
    assert view_in(said) is DECUBITUS


@pytest.mark.parametrize(
    ("said", "view"),
    [
        *(
            (said, ERECT)
            for said in ("Abdomen im Stehen", "Abdomenübersicht stehend a.p.", "ASP debout", "立位")
        ),
        *(
            (said, ERECT)
            for said in ("Bipedestación", "addome in piedi", "ortostatismo", "腹部立位正面", "站立位")
        ),
        *(
            (said, SUPINE)
            for said in ("Abdomen im Liegen", "RÜCKENLAGE", "Abdomen liegend", "ASP couché", "仰臥位")
        ),
        *(
            (said, SUPINE)
            for said in ("décubitus dorsal", "decúbito supino", "decubito supino", "臥位", "仰卧位")
        ),
        *((said, DECUBITUS) for said in ("Linksseitenlage", "in linker Seitenlage", "左側臥位", "左侧卧位")),
        *((said, DECUBITUS) for said in ("Décubitus latéral gauche", "decúbito lateral izquierdo")),
        *(
            (said, None)
            for said in ("Rechtsseitenlage", "Seitenlage", "Bauchlage", "halbsitzend", "im Sitzen")
        ),
        *(
            (said, None)
            for said in ("décubitus latéral droit", "décubitus ventral", "decúbito prono", "assis")
        ),
        *(
            (said, None)
            for said in ("右側臥位", "側臥位", "腹臥位", "坐位", "半坐位", "立位不可", "立位 困難")
        ),
        *(
            (said, None)
            for said in ("im Stehen nicht möglich", "nicht stehend", "debout impossible", "pas debout")
        ),
        *((said, None) for said in ("stehend und liegend", "im Stehen und im Liegen", "debout et couché")),
        *(
            (said, None)
            for said in ("liegende Magensonde", "Magensonde liegend", "Röntgen pie", "Rasterständer")
        ),
    ],
)
def test_views_are_named_in_the_languages_of_other_hospitals(said: str, view: View | None) -> None:
    assert view_in(said) is view


@pytest.mark.parametrize(
    "said",
    [
        *("Abdomen im Stehen und Liegen", "stehend/LSL", "Abdomen stehend und Linksseitenlage"),
        *("ABDOMEN BIPEDESTACION Y DECUBITO", "ASP debout et décubitus", "ASP debout et couche"),
        *(
            "addome in piedi e supino",
            "ortostase e decúbito",
            "立卧位",
            "倒立位",
            "腹部立位・臥位",
            "站立位及卧位",
        ),
        *("in piedi e clinostatismo", "bipedestación y acostado"),
    ],
)
def test_an_examination_of_two_films_is_no_single_view(said: str) -> None:
    """A supine film called erect would be said to show no free air."""
    assert view_in(said) is None
