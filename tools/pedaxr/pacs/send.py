"""Send a report's objects to the PACS that the film came from, and read them back from there.

Nothing leaves before three sources name one child by id and birth date: the registry, the film's own header
and the PACS's own record of the study. Ids follow from content, so that the same report sent again changes
nothing; what the PACS holds under such an id is compared with ours and never replaced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pedaxr.audit.trail import accessing
from pedaxr.clinic import Clinic
from pedaxr.clinic.complete_rows import complete_older_rows
from pedaxr.clinic.identity import same_id
from pedaxr.errors import InvalidRequest, PacsError
from pedaxr.pacs.fetch import is_same_patient
from pedaxr.pacs.node import PacsNode, check_url
from pedaxr.records import Study
from pedaxr.registry.sent_rows import SentObject
from pedaxr.registry.standing import standing_version
from pedaxr.text import counted

if TYPE_CHECKING:
    from pydicom import Dataset

_NO_DICOM = (
    "This film is no DICOM image of a PACS: there is no study that results could be put into. "
    "`pedaxr send --to FOLDER` or --fhir may serve."
)
_MISMATCH = (
    "Nothing was sent: patient id and birth date are not the same in {where}, or one of them is missing. "
    "Have a human find out whose film this is; correct the registry or the PACS first."
)


@dataclass(frozen=True)
class SentReport:
    """What sending a report came to.

    Attributes:
        stored: kinds of objects that are new in the PACS; all were read back.
        already_there: kinds that it had before, with the same content.
    """

    study_id: str
    report_id: str
    stored: tuple[str, ...]
    already_there: tuple[str, ...]


def node_name(node: PacsNode) -> str:
    """How a PACS is written down."""
    return f"{node.called_aet}@{node.host}:{node.port}"


def send_report(
    study_id: str, *, clinic: Clinic, node: PacsNode, kinds: Sequence[str] | None = None
) -> SentReport:
    """Send the report of a study, as it stands, to the film's own study in the PACS.

    Args:
        study_id: of a film that came as DICOM.
        clinic: that it is registered in.
        node: the PACS.
        kinds: of objects; those of the settings when None.

    Raises:
        InvalidRequest: the film is no DICOM, the PACS has no such study, or it is not certain whose it is.
        PacsDown, PacsError: it cannot be reached, refuses, or holds something else.
        StudyNotFound, StorageError, UnreadableImage, ModelUnavailable.
    """
    study = clinic.registry.study(study_id)
    with accessing(clinic.home, "send", study_id=study.study_id):
        if study.sop_instance_uid is None and complete_older_rows(clinic):
            study = clinic.registry.study(study_id)
        if study.study_instance_uid is None or study.sop_instance_uid is None:
            raise InvalidRequest(_NO_DICOM)
        check_same_child(study, node)
        objects = _objects(clinic, study, kinds or node.kinds, node)
        _check_objects(objects, study)
        return _sent(clinic, study, node, objects)


def post_transaction(study_id: str, url: str, *, clinic: Clinic, node: PacsNode | None) -> None:
    """Post a study's report to a FHIR server as one transaction; the same report again adds nothing there.

    Args:
        study_id: of any film.
        url: the server's base address; https, or http on this machine.
        clinic: that the film is registered in.
        node: whose settings say how the server is believed, and hold the token of `fhir_url`; it is shown to
            no other address.

    Raises:
        InvalidRequest: the address is not one, or is not encrypted.
        PacsDown, PacsError: the server cannot be reached, or refuses.
        StudyNotFound, StorageError, UnreadableImage, ModelUnavailable.
    """
    from pedaxr.fhir.transaction import transaction_of
    from pedaxr.pacs import web

    check_url("--fhir", url, insecure=node is not None and node.insecure)
    study = clinic.registry.study(study_id)
    with accessing(clinic.home, "send", study_id=study.study_id):
        is_ours = node is not None and url == node.fhir_url
        bundle = transaction_of(clinic, study.study_id)
        token = node.fhir_token if node and is_ours else None
        web.post_transaction(url, bundle, token=token, context=node.client_context() if node else None)


def check_same_child(study: Study, node: PacsNode) -> None:
    """Raises InvalidRequest unless registry, film and PACS name one child by id and birth date."""
    from pedaxr.pacs.find import study_in_pacs
    from pedaxr.radiograph.read import read_radiograph

    header = read_radiograph(study.image_path).metadata
    born = date.fromisoformat(header.patient_birth_date) if header.patient_birth_date else None
    ours = (study.patient_id, study.patient_birth_date)
    if header.sop_instance_uid != study.sop_instance_uid or not is_same_patient(
        *ours, header.patient_id, born
    ):
        raise InvalidRequest(_MISMATCH.format(where="the registry and the film's own header"))
    found = study_in_pacs(node, str(study.study_instance_uid))
    if found is None:
        raise InvalidRequest("Nothing was sent: the PACS has no study that this film belongs to.")
    if not is_same_patient(*ours, found.patient.patient_id, found.patient.birth_date):
        raise InvalidRequest(_MISMATCH.format(where="the registry and the PACS"))


def _objects(clinic: Clinic, study: Study, kinds: Sequence[str], node: PacsNode) -> "list[Dataset]":
    from pedaxr.dicom_objects.objects import objects_of

    return objects_of(clinic, study.study_id, kinds, organisation=node.organisation or "")


def _check_objects(objects: "Sequence[Dataset]", study: Study) -> None:
    """An object of another child or study never leaves, whoever made it."""
    for one in objects:
        is_of_study = one.StudyInstanceUID == study.study_instance_uid
        if not (is_of_study and same_id(str(one.PatientID), study.patient_id)):
            raise InvalidRequest(_MISMATCH.format(where="the registry and the objects"))


def _sent(clinic: Clinic, study: Study, node: PacsNode, objects: "list[Dataset]") -> SentReport:
    from pedaxr.dicom_objects.kinds import kind_of

    report = standing_version(clinic.registry.reports(study.study_id))
    missing = [one for one in objects if not _is_there(clinic, node, one)]
    if missing:
        _store(node, missing)
    if lost := [one for one in missing if not _is_there(clinic, node, one)]:
        raise PacsError(
            f"The PACS took {counted(len(missing), 'object')}, of which {len(lost)} cannot be read back. "
            "Send again."
        )
    clinic.registry.save_sent(
        [SentObject(kind_of(one), str(one.SOPInstanceUID), node_name(node)) for one in objects],
        study_id=study.study_id,
        report_id=report.report_id,
        version=report.version,
    )
    new = {str(one.SOPInstanceUID) for one in missing}
    return SentReport(
        study.study_id,
        report.report_id,
        tuple(kind_of(one) for one in objects if str(one.SOPInstanceUID) in new),
        tuple(kind_of(one) for one in objects if str(one.SOPInstanceUID) not in new),
    )


def _is_there(clinic: Clinic, node: PacsNode, ours: "Dataset") -> bool:
    """Whether the PACS holds that very object. Raises PacsError where it holds another one under the id."""
    from pedaxr.pacs.kept import differences, read_back

    theirs = read_back(node, ours, home=clinic.home)
    if theirs is None:
        return False
    if told := differences(ours, theirs):
        raise PacsError(
            f"The PACS holds something else under the id of one of our objects ({', '.join(told[:3])}). "
            "Nothing was replaced. Tell its administrator."
        )
    return True


def _store(node: PacsNode, objects: "Sequence[Dataset]") -> None:
    """By DICOMweb where there is such a service, else by C-STORE."""
    if node.web_url:
        from pedaxr.pacs import web

        web.store_objects(node, str(objects[0].StudyInstanceUID), objects)
    else:
        from pedaxr.pacs import dimse

        dimse.store_objects(node, objects)
