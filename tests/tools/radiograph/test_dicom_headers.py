"""Headers as hospitals write them: odd spacings, undeclared Korean, impossible ages, other species."""

from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from pedaxr.radiograph.read import Radiograph, read_radiograph
from pedaxr_models.labels import View

from .test_read import RAMP, dicom

UNKNOWN = "ISO IR 149"  # misspelled, as met in the wild


def read(tmp_path: Path, data: bytes) -> Radiograph:
    path = tmp_path / "film.dcm"
    path.write_bytes(data)
    return read_radiograph(path)


def with_bytes(keyword: str, written: bytes, charset: object = None) -> bytes:
    """A film whose header holds these very bytes, whatever set of characters it declares."""
    written += b" " * (len(written) % 2)
    stand_in = b"Z" * len(written)
    unknown = charset == UNKNOWN  # pydicom warns when it writes one
    declared = {} if charset is None else {"SpecificCharacterSet": "ISO_IR 100" if unknown else charset}
    data = dicom(ExplicitVRLittleEndian, **{keyword: stand_in.decode()}, **declared)
    assert data.count(stand_in) == 1
    return data.replace(stand_in, written).replace(
        b"ISO_IR 100", UNKNOWN.encode() if unknown else b"ISO_IR 100"
    )


@pytest.mark.parametrize("written", [b"0.2", b"0.2\\0.2\\0.2", b"abc\\0.2", b"-0.2\\0.2", b"nan\\nan", b"\\"])
def test_a_malformed_spacing_costs_the_spacing_and_not_the_film(tmp_path: Path, written: bytes) -> None:
    stand_in = b"0.7\\0.7" + b"7" * max(0, len(written) - 7)
    sound = dicom(PixelSpacing=stand_in.decode().split("\\"))
    assert read(tmp_path, sound).pixel_spacing_mm is not None
    data = sound.replace(stand_in, written.ljust(len(stand_in)))
    film = read(tmp_path, data)
    assert film.pixels.shape == RAMP.shape and film.pixel_spacing_mm is None


@pytest.mark.parametrize(
    ("elements", "spacing", "word"),
    [
        ({"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.2, 0.2]}, 0.2, "of the detector:"),
        (
            {
                "PixelSpacing": [0.2, 0.2],
                "ImagerPixelSpacing": [0.2, 0.2],
                "PixelSpacingCalibrationType": "GEOMETRY",
            },
            0.2,
            None,
        ),
        (
            {"ImagerPixelSpacing": [0.22, 0.22], "EstimatedRadiographicMagnificationFactor": 1.1},
            0.2,
            "magnification",
        ),
        (
            {"ImagerPixelSpacing": [0.2, 0.2], "EstimatedRadiographicMagnificationFactor": 40},
            0.2,
            "of the detector:",
        ),
    ],
    ids=["equal to the detector's", "calibrated", "magnified", "absurd magnification"],
)
def test_a_spacing_on_the_detector_is_called_that(
    tmp_path: Path, elements: dict[str, object], spacing: float, word: str | None
) -> None:
    film = read(tmp_path, dicom(**elements))
    assert film.pixel_spacing_mm == pytest.approx((spacing, spacing))
    assert any(word in note for note in film.notes) if word else film.notes == ()


@pytest.mark.parametrize(
    ("encoding", "charset"),
    [
        ("cp949", None),
        ("utf-8", None),
        ("cp949", ["", "ISO 2022 IR 149"]),
        ("cp949", UNKNOWN),
        ("cp949", "ISO 2022 IR 149"),
        ("utf-8", "ISO_IR 192"),
    ],
)
def test_korean_is_read_whether_or_not_the_header_declares_it(
    tmp_path: Path, encoding: str, charset: object
) -> None:
    film = read(tmp_path, with_bytes("PatientName", "Kim^Minjun=金^旻俊=김^민준".encode(encoding), charset))
    assert film.metadata.patient_name == "김민준"
    is_declared = charset not in (None, UNKNOWN)
    assert any("not declared" in note for note in film.notes) is not is_declared


def test_undeclared_korean_names_the_view(tmp_path: Path) -> None:
    film = read(tmp_path, with_bytes("SeriesDescription", "복부 입위".encode("cp949")))
    assert film.metadata.view is View.ERECT


@pytest.mark.parametrize("charset", [None, "ISO_IR 100"])
def test_accents_stay_accents(tmp_path: Path, charset: str | None) -> None:
    film = read(tmp_path, with_bytes("PatientName", "Müller^André".encode("latin-1"), charset))
    assert film.metadata.patient_name == "Müller André"
    assert not any("Korean" in note for note in film.notes)


DATES = ({"PatientBirthDate": "18000101"}, {"PatientBirthDate": "20250101"})


@pytest.mark.parametrize("dates", DATES, ids=["born too long ago", "born after the film"])
def test_an_age_that_nobody_has_is_no_age(tmp_path: Path, dates: dict[str, str]) -> None:
    def age(**stated: str) -> float | None:
        return read(tmp_path, dicom(**dates, StudyDate="20240101", **stated)).metadata.age_months

    assert (age(), age(PatientAge="999Y"), age(PatientAge="003M")) == (None, None, 3)


@pytest.mark.parametrize(
    ("elements", "word"),
    [
        ({"PatientSpeciesDescription": "Canine", "PatientAge": "005Y"}, "not a human"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "unprocessed"),
    ],
)
def test_what_makes_a_film_unfit_is_noted_without_repeating_the_header(
    tmp_path: Path, elements: dict[str, str], word: str
) -> None:
    notes = read(tmp_path, dicom(**elements)).notes
    assert any(word in note for note in notes) and not any("Canine" in note for note in notes)
    human = read(tmp_path, dicom(PatientSpeciesDescription="Homo sapiens")).notes
    assert not any(word in note for note in human)


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 192", "ISO_IR 101"])
def test_korean_bytes_under_another_declaration_are_korean(tmp_path: Path, charset: str) -> None:
    film = read(tmp_path, with_bytes("PatientName", "홍^길동".encode("cp949"), charset))
    assert film.metadata.patient_name == "홍길동"  # not È«^±æµ¿
    assert any("not declared" in note for note in film.notes)


@pytest.mark.parametrize("name", ["Åsa^Müller", "Núñez^José", "Øystein"])
@pytest.mark.parametrize("charset", [None, "ISO 2022 IR 149", "ISO_IR 192"])
def test_western_bytes_under_another_declaration_are_western(
    tmp_path: Path, name: str, charset: str | None
) -> None:
    film = read(tmp_path, with_bytes("PatientName", name.encode("cp1252"), charset))
    assert film.metadata.patient_name == name.replace("^", " ")
    assert any("Western" in note for note in film.notes) is (charset is not None)


@pytest.mark.parametrize("declared", ["ISO_IR 144", "GB18030"])
def test_other_scripts_are_read_as_declared(tmp_path: Path, declared: str) -> None:
    name, encoding = {"ISO_IR 144": ("Иван", "iso8859-5"), "GB18030": ("王小明", "gb18030")}[declared]
    data = dicom(ExplicitVRLittleEndian, PatientName=name, SpecificCharacterSet=declared)
    assert name.encode(encoding) in data
    assert read(tmp_path, data).metadata.patient_name == name


@pytest.mark.parametrize("placeholder", ["19000101", "18000101", "11111111", "19700101", "99991231"])
def test_a_placeholder_is_no_birth_date_and_the_stated_age_counts(tmp_path: Path, placeholder: str) -> None:
    film = read(tmp_path, dicom(PatientBirthDate=placeholder, StudyDate="20240301", PatientAge="002M"))
    assert (film.metadata.age_months, film.metadata.patient_birth_date) == (2, None)
    assert any("stands for an unknown" in note for note in film.notes)


def test_of_two_ages_that_contradict_each_other_the_child_s_is_used_and_a_note_says_so(
    tmp_path: Path,
) -> None:
    mother = read(tmp_path, dicom(PatientBirthDate="19890512", StudyDate="20240301", PatientAge="002M"))
    assert mother.metadata.age_months == 2 and any(
        "makes the child an adult" in note for note in mother.notes
    )
    both = read(tmp_path, dicom(PatientBirthDate="20200301", StudyDate="20240301", PatientAge="002M"))
    assert both.metadata.age_months == 48 and any("dates were used" in note for note in both.notes)
    agreed = read(tmp_path, dicom(PatientBirthDate="20200301", StudyDate="20240301", PatientAge="004Y"))
    assert agreed.metadata.age_months == 48 and not any("age" in note for note in agreed.notes)


def test_zero_years_are_the_whole_first_year(tmp_path: Path) -> None:
    film = read(tmp_path, dicom(PatientAge="000Y"))
    assert film.metadata.age_months is None and any("0 years" in note for note in film.notes)
    assert read(tmp_path, dicom(PatientAge="000M")).metadata.age_months == 0


@pytest.mark.parametrize(
    ("keyword", "point", "comma"),
    [
        ("PixelSpacing", b"0.1431\\0.1432", b"0,1431\\0,1432"),
        ("ImagerPixelSpacing", b"0.1431\\0.1432", b"0,1431\\0,1432"),
        ("WindowCenter", b"2047.25", b"2047,25"),
        ("RescaleSlope", b"1.5", b"1,5"),
    ],
)
def test_decimal_commas_are_read(tmp_path: Path, keyword: str, point: bytes, comma: bytes) -> None:
    values = point.decode().split("\\")
    extra = {"RescaleIntercept": "0"} if keyword == "RescaleSlope" else {}
    sound = dicom(**{keyword: values[0] if len(values) == 1 else values}, **extra)
    assert sound.count(point) == 1
    meant, film = read(tmp_path, sound), read(tmp_path, sound.replace(point, comma))
    assert film.pixel_spacing_mm == meant.pixel_spacing_mm and (film.pixels == meant.pixels).all()


@pytest.mark.parametrize(
    ("elements", "view"),
    [
        ({"ViewPosition": "LLD"}, View.LEFT_LATERAL_DECUBITUS),
        ({"ViewPosition": "LLD", "StudyDescription": "ABDOMEN SUPINE AND ERECT"}, None),
        ({"SeriesDescription": "SUPINE", "StudyDescription": "ABDOMEN SUPINE AND ERECT"}, View.SUPINE),
        ({"SeriesDescription": "Abdomen RIGHT LATERAL DECUBITUS"}, None),
        ({"SeriesDescription": "semi-erect"}, None),
        ({"ViewPosition": "RLD"}, None),
        ({"SeriesDescription": "standard abdomen"}, None),
    ],
)
def test_a_view_is_named_by_whole_words_of_all_descriptions(
    tmp_path: Path, elements: dict[str, str], view: View | None
) -> None:
    assert read(tmp_path, dicom(**elements)).metadata.view is view


def test_a_birth_date_with_points_is_a_birth_date(tmp_path: Path) -> None:
    data = dicom(PatientBirthDate="20210304").replace(b"20210304", b"2021.3.4")
    assert read(tmp_path, data).metadata.patient_birth_date == "2021-03-04"


UNLIKELY: dict[str, tuple[dict[str, str], float | None, str]] = {
    "born after the study": (
        {"PatientBirthDate": "20250101", "StudyDate": "20240101", "PatientAge": "003Y"},
        36.0,
        "after the study date",
    ),
    "born in the next century": (
        {"PatientBirthDate": "20990101", "StudyDate": "20240101", "PatientAge": "003Y"},
        36.0,
        "after the study date",
    ),
    "older than anybody": ({"PatientAge": "999Y", "StudyDate": "20240101"}, None, "age is not one"),
    "older than anybody, with dates": (
        {"PatientAge": "200Y", "PatientBirthDate": "20230101", "StudyDate": "20240101"},
        12.0,
        "age is not one",
    ),
    "an age of zero months at three years": (
        {"PatientAge": "000M", "PatientBirthDate": "20210101", "StudyDate": "20240101"},
        36.0,
        "contradicts",
    ),
    "ten years on the day of birth": (
        {"PatientAge": "010Y", "PatientBirthDate": "20240101", "StudyDate": "20240101"},
        0.0,
        "contradicts",
    ),
    "the mother's birth date": (
        {"PatientAge": "005D", "PatientBirthDate": "19900505", "StudyDate": "20240101"},
        5 / 30.436875,
        "makes the child an adult",
    ),
    "months written as years": (
        {"PatientAge": "036Y", "PatientBirthDate": "20210101", "StudyDate": "20240101"},
        36.0,
        "contradicts",
    ),
}


@pytest.mark.parametrize(("said", "months", "note"), UNLIKELY.values(), ids=UNLIKELY.keys())
def test_a_contradiction_of_dates_and_age_is_seen_and_the_plausible_one_used(
    tmp_path: Path, said: dict[str, str], months: float | None, note: str
) -> None:
    (tmp_path / "film.dcm").write_bytes(dicom(**said))
    film = read_radiograph(tmp_path / "film.dcm")
    assert film.metadata.age_months == (None if months is None else pytest.approx(months, abs=0.01))
    assert any(note in text for text in film.notes)


@pytest.mark.parametrize(
    ("written", "encoding", "read", "note"),
    [
        ("Åsa^Ö", "cp1252", "Åsa Ö", "Western European"),
        ("Müller^Jörg", "latin-1", "Müller Jörg", "Western European"),
        ("김^Min", "cp949", "김Min", "read as Korean"),
        ("Łukasz^Ż", "iso8859-2", None, "cannot be read in any character set"),
    ],
)
def test_bytes_that_the_declared_set_cannot_be_are_read_otherwise_or_said_to_be_lost(
    tmp_path: Path, written: str, encoding: str, read: str | None, note: str
) -> None:
    raw = written.encode(encoding)
    raw += b" " * (len(raw) % 2)
    data = dicom(PatientName="Z" * len(raw), SpecificCharacterSet="ISO_IR 192")
    (tmp_path / "film.dcm").write_bytes(data.replace(b"Z" * len(raw), raw))
    film = read_radiograph(tmp_path / "film.dcm")
    assert read is None or film.metadata.patient_name == read
    assert any(note in text for text in film.notes)


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        *(("ISO_IR 166", "สมชาย^ใจดี"), ("ISO_IR 127", "محمد^أحمد"), ("ISO_IR 144", "Иванов^Иван")),
        *(("GB18030", "王^小明"), ("ISO_IR 13", "山田^太郎"), ("ISO_IR 148", "Yılmaz^Çağrı")),
    ],
)
def test_utf8_under_another_script_s_declaration_is_utf8(tmp_path: Path, declared: str, name: str) -> None:
    film = read(tmp_path, with_bytes("PatientName", name.encode(), declared))
    assert film.metadata.patient_name == name.replace("^", " ")
    assert any("UTF-8" in note for note in film.notes)
    thai = read(tmp_path, with_bytes("PatientName", "เดช^ใจดี".encode("tis-620"), "ISO_IR 166"))
    assert thai.metadata.patient_name == "เดช ใจดี", "control: bytes that happen to be UTF-8 of another script"


@pytest.mark.parametrize(
    ("name", "encoding"), [("王^小明", "gb18030"), ("Иванов^Иван", "cp1251"), ("山田^太郎", "shift_jis")]
)
@pytest.mark.parametrize("declared", [None, "ISO_IR 100"])
def test_a_name_in_no_set_that_is_known_is_lost_and_never_another(
    tmp_path: Path, name: str, encoding: str, declared: str | None
) -> None:
    film = read(tmp_path, with_bytes("PatientName", name.encode(encoding), declared))
    assert film.metadata.patient_name in (None, name.replace("^", " "))
    assert any("check whose film it is" in note for note in film.notes)
    marked = read(tmp_path, with_bytes("PatientName", "홍^길동★".encode("cp949"), declared))
    assert marked.metadata.patient_name == "홍길동★", "control: a clinic's mark is kept"


@pytest.mark.filterwarnings("ignore:Invalid value for VR AS")  # of pydicom, which writes it anyway
@pytest.mark.parametrize(("written", "months"), [("02 M", 2), ("2 months", 2), ("1Y6M", 18), ("12", None)])
def test_an_age_with_a_unit_is_read_however_it_is_written(
    tmp_path: Path, written: str, months: float | None
) -> None:
    film = read(tmp_path, with_bytes("PatientAge", written.encode()))
    assert film.metadata.age_months == months
    assert any("age is not one" in note for note in film.notes) is (months is None)


@pytest.mark.parametrize(
    ("position", "said", "view"),
    [
        *(("HFS", "Abdomen supine", View.SUPINE), ("HFS", "Abdomen erect", View.ERECT)),
        *(("HFP", "Abdomen supine", None), ("FFP", "Abdomen supine", None), ("HFDR", "Abd LLD", None)),
        *(
            ("HFDL", "Abd LLD", View.LEFT_LATERAL_DECUBITUS),
            ("HFDL", "Abdomen", None),
            ("", "supine", View.SUPINE),
        ),
    ],
)
def test_a_position_that_contradicts_the_description_leaves_no_view(
    tmp_path: Path, position: str, said: str, view: View | None
) -> None:
    film = read(tmp_path, dicom(PatientPosition=position, SeriesDescription=said))
    assert film.metadata.view is view


@pytest.mark.filterwarnings("ignore:Invalid value for VR AS")  # of pydicom, which writes it anyway
@pytest.mark.parametrize(("stated", "months"), [("3/12", 3), ("1/52", 7 / 30.436875), ("0312", None)])
def test_an_age_in_twelfths_of_a_year_is_months_in_a_header_too(
    tmp_path: Path, stated: str, months: float | None
) -> None:
    film = read(tmp_path, dicom(PatientBirthDate="", StudyDate="20240101", PatientAge=stated))
    assert film.metadata.age_months == (None if months is None else pytest.approx(months))


def test_days_of_other_calendars_in_a_header_are_ours_and_uncertain_ones_are_told(tmp_path: Path) -> None:
    thai = read(tmp_path, dicom(PatientBirthDate="25620401", StudyDate="25640401"))
    assert (thai.metadata.patient_birth_date, thai.metadata.age_months) == ("2019-04-01", 24)
    persian = read(tmp_path, dicom(PatientBirthDate="13980112", StudyDate="20210401"))
    assert (persian.metadata.patient_birth_date, persian.metadata.age_months) == ("2019-04-01", 24)
    islamic = read(tmp_path, dicom(PatientBirthDate="14410807", StudyDate="20210401", PatientAge="001Y"))
    assert (islamic.metadata.patient_birth_date, islamic.metadata.age_months) == (None, 12)
    assert any("of another calendar" in note for note in islamic.notes)
    assert not any("of another calendar" in note for film in (thai, persian) for note in film.notes)
