"""A report as a FHIR transaction: valid by two judges, idempotent, and silent where nothing was assessed."""

import base64
import copy
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from pedaxr.clinic import Clinic
from pedaxr.fhir.transaction import transaction_of
from pedaxr.reading.operating_points import operating_points, using
from pedaxr.reports.sign_off import amend, finalise
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS

from ..dicom_objects.conftest import SHOWN, VARIANTS, clinic_of, film_of, seeing

SCHEMA = json.loads((Path(__file__).parent / "r4_schema.json").read_text(encoding="utf-8"))


@pytest.fixture(params=list(SHOWN))
def shown(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def bundle_of(folder: Path, shown: str) -> tuple[Clinic, dict[str, Any]]:
    clinic = clinic_of(folder / "home", film_of(shown), shown=shown)
    with seeing(shown):
        return clinic, transaction_of(clinic, "S-1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """The transaction of each kind of film, made once; a copy for who asks."""
    once = cache(lambda shown: bundle_of(tmp_path_factory.mktemp("made"), shown)[1])
    return lambda shown: copy.deepcopy(once(shown))


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


def judged(bundle: dict[str, Any]) -> None:
    """Raises where the JSON schema of R4 or fhir.resources objects."""
    jsonschema.Draft6Validator(SCHEMA).validate(bundle)
    Bundle.model_validate(bundle)


def test_both_judges_accept_it(made: Callable[[str], dict[str, Any]], shown: str) -> None:
    bundle = made(shown)
    judged(bundle)
    assert json.loads(json.dumps(bundle)) == bundle


@pytest.mark.parametrize(
    "spoil",
    [
        lambda b: resources(b, "DiagnosticReport")[0].update(status="draft"),
        lambda b: resources(b, "Observation")[0].pop("code"),
        lambda b: resources(b, "Observation")[0].update(valueString=3),
        lambda b: resources(b, "ImagingStudy")[0].update(series=[{"instance": []}]),
        lambda b: b.update(type="message queue"),
        lambda b: resources(b, "Device")[0].update(colour="green"),
    ],
    ids=["status", "no code", "value of another type", "series without uid", "type of bundle", "unknown"],
)
def test_the_judges_object_to_what_is_wrong(made: Callable[[str], dict[str, Any]], spoil: Any) -> None:
    spoilt = made("free air")
    spoil(spoilt)
    with pytest.raises((jsonschema.ValidationError, ValidationError)):
        judged(spoilt)


def test_every_reference_leads_to_an_entry_of_the_bundle(made: Callable[[str], dict[str, Any]]) -> None:
    bundle = made("distension")
    names = [entry["fullUrl"] for entry in bundle["entry"]]
    found = {part for part in json.dumps(bundle).split('"') if part.startswith("urn:uuid:")}
    assert found == set(names) and len(set(names)) == len(names)
    assert all(entry["request"]["ifNoneExist"] for entry in bundle["entry"])


def test_the_same_report_gives_the_same_transaction(tmp_path: Path) -> None:
    clinic, first = bundle_of(tmp_path, "free air")
    with seeing("free air"):
        assert transaction_of(clinic, "S-1") == first


def test_what_was_not_assessed_has_a_reason_and_no_value(tmp_path: Path, shown: str) -> None:
    clinic, bundle = bundle_of(tmp_path, shown)
    (report,) = clinic.registry.reports("S-1")
    said = {one["identifier"][0]["value"].split("/")[-1]: one for one in resources(bundle, "Observation")}
    assert set(FINDINGS) <= set(said)
    for one in said.values():
        has_value = any(key.startswith("value") for key in one)
        assert has_value != ("dataAbsentReason" in one)
    for finding in report.findings:
        is_open = finding.presence is Presence.NOT_ASSESSED and finding.certainty is None
        assert ("dataAbsentReason" in said[finding.finding]) == is_open
    assert {one.what for one in report.not_assessed} <= set(said)


def test_free_air_is_critical_and_asserted_by_a_machine(made: Callable[[str], dict[str, Any]]) -> None:
    bundle = made("free air")
    (air,) = [
        one for one in resources(bundle, "Observation") if one["code"].get("text", "").startswith("Free")
    ]
    assert air["interpretation"][0]["coding"][0]["code"] == "AA"
    assert air["valueCodeableConcept"]["coding"][0]["display"] == "Present"
    assert air["meta"]["security"][0]["code"] == "AIAST" and air["status"] == "preliminary"
    (report,) = resources(bundle, "DiagnosticReport")
    assert report["conclusion"].startswith("AI draft, preliminary, not verified.")
    form = base64.b64decode(report["presentedForm"][0]["data"]).decode()
    assert "not a medical device" in form and "AI draft" in form
    assert form.splitlines()[2].startswith("CRITICAL: free intraperitoneal air")


def test_a_signature_makes_it_final_and_the_humans(tmp_path: Path) -> None:
    clinic, draft = bundle_of(tmp_path, "free air")
    (stored,) = clinic.registry.reports("S-1")
    final = finalise(stored.report_id, by="김민지", impression="No free air.", told="ward", clinic=clinic)
    with seeing("free air"):
        signed = transaction_of(clinic, "S-1")
    judged(signed)
    (report,) = resources(signed, "DiagnosticReport")
    assert (report["status"], report["meta"]["security"][0]["code"]) == ("final", "CLINAST")
    assert report["resultsInterpreter"] == [{"display": "김민지"}]
    (air,) = [one for one in resources(signed, "Observation") if one["code"].get("text", "")[:4] == "Free"]
    assert air["valueCodeableConcept"]["coding"][0]["display"] == "Absent" and "interpretation" not in air
    assert air["meta"]["security"][0]["code"] == "CLINAST"
    assert {e["fullUrl"] for e in draft["entry"]}.isdisjoint(e["fullUrl"] for e in signed["entry"])
    amend(final.report_id, by="김민지", text="Seen again.", clinic=clinic)
    with seeing("free air"):
        amended = transaction_of(clinic, "S-1")
    judged(amended)
    assert {one["status"] for one in resources(amended, "Observation")} == {"amended"}


def test_a_film_that_is_no_dicom_file_has_a_transaction_too(tmp_path: Path) -> None:
    from PIL import Image

    from ..dicom_objects.conftest import phantom

    path = tmp_path / "film.png"
    Image.fromarray(phantom("free air").pixels).save(path)
    clinic = clinic_of(tmp_path / "home", path.read_bytes(), shown="free air", name="film.png")
    with seeing("free air"):
        bundle = transaction_of(clinic, "S-1")
    judged(bundle)
    (images,) = resources(bundle, "ImagingStudy")
    assert images["identifier"] == [{"system": "urn:pedaxr:study", "value": "S-1"}] and "series" not in images


def test_a_film_in_doubt_has_a_transaction_without_a_single_value(tmp_path: Path) -> None:
    clinic = clinic_of(tmp_path / "home", film_of("free air"), shown="free air")
    with seeing("free air"), using(replace(operating_points(), largest_oddness=-1.0)):
        bundle = transaction_of(clinic, "S-1")
    judged(bundle)
    said = resources(bundle, "Observation")
    assert said and all("dataAbsentReason" in one for one in said)
    assert not [key for one in said for key in one if key.startswith(("value", "interpretation"))]


def test_a_bare_film_and_an_odd_patient_id_have_a_valid_transaction(tmp_path: Path) -> None:
    """No dates, no sex, no spacing; an id with what parts a query, and Hangul."""
    shown, edit = VARIANTS["bare header"]
    clinic = clinic_of(tmp_path / "home", film_of(shown, edit), shown=shown)
    odd = "P|1&x=가 나"
    with closing(sqlite3.connect(clinic.registry.path)) as connection, connection:
        connection.execute("UPDATE studies SET study_date = NULL, patient_id = ?", [odd])
        connection.execute("UPDATE patients SET patient_id = ?, patient_birth_date = NULL", [odd])
    with seeing(shown):
        bundle = transaction_of(clinic, "S-1")
    judged(bundle)
    (images,) = resources(bundle, "ImagingStudy")
    assert "started" not in images and images["subject"]["identifier"]["value"] == odd
    assert all(entry["request"]["ifNoneExist"].isascii() for entry in bundle["entry"])


def test_the_film_is_named_as_its_own_header_does(tmp_path: Path) -> None:
    shown, edit = VARIANTS["MONOCHROME1 DX"]
    clinic = clinic_of(tmp_path / "home", film_of(shown, edit), shown=shown)
    with seeing(shown):
        bundle = transaction_of(clinic, "S-1")
    judged(bundle)
    (series,) = resources(bundle, "ImagingStudy")[0]["series"]
    assert series["modality"]["code"] == "DX"
    assert series["instance"][0]["sopClass"]["code"] == "urn:oid:1.2.840.10008.5.1.4.1.1.1.1"


def test_the_patient_is_named_by_the_id_alone(made: Callable[[str], dict[str, Any]]) -> None:
    bundle = made("free air")
    written = json.dumps(bundle, ensure_ascii=False)
    assert "이서연" not in written and "2020-01-05" not in written and '"P-1"' in written
