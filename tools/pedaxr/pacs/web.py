"""DICOMweb: fetch one instance as it is stored (WADO-RS) and store objects (STOW-RS).

No address with a UID and no text of an answer gets into a log or a message. Proxies and certificates of the
environment are not used: what a connection is trusted by stands in the settings.
"""

import json
import logging
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx2
from pydicom import Dataset

from pedaxr.dicom_objects.files import encoded
from pedaxr.errors import PacsDown, PacsError
from pedaxr.pacs.node import PacsNode
from pedaxr.radiograph.raster import MAX_BYTES
from pedaxr.text import counted

if TYPE_CHECKING:
    from ssl import SSLContext

for _name in ("httpx2", "httpcore2", "httpx", "httpcore"):  # they write addresses into the log
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

_TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
_ALL_S = 120.0  # of an answer that comes drop by drop
_MOST_ANSWER = 2**20
_FAILED = "00081198"  # Failed SOP Sequence
_TAKEN = (200, 202)


def get_instance(node: PacsNode, study_uid: str, series_uid: str, sop_uid: str) -> bytes:
    """One film or object: the DICOM file as the PACS keeps it.

    Raises:
        PacsDown: nobody answers.
        PacsError: it refuses, has no such instance, or its answer is broken off or too large.
    """
    path = f"studies/{study_uid}/series/{series_uid}/instances/{sop_uid}"
    accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    content_type, body = _ask(node, "GET", path, headers={"Accept": accept}, most=MAX_BYTES + 2**16)
    return first_part(content_type, body)


def get_instance_if_there(node: PacsNode, study_uid: str, series_uid: str, sop_uid: str) -> bytes | None:
    """The same; None where the PACS says that it has none."""
    try:
        return get_instance(node, study_uid, series_uid, sop_uid)
    except _Missing:
        return None


def store_objects(node: PacsNode, study_uid: str, objects: Sequence[Dataset]) -> None:
    """Store objects in their study. Raises PacsDown, PacsError when one of them is not taken."""
    boundary = uuid4().hex
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = b"".join(head + encoded(one) + b"\r\n" for one in objects) + f"--{boundary}--\r\n".encode()
    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
        "Accept": "application/dicom+json",
    }
    _, answer = _ask(node, "POST", f"studies/{study_uid}", headers=headers, content=body, most=_MOST_ANSWER)
    try:
        told: Any = json.loads(answer or b"{}")
        failed = told.get(_FAILED, {}).get("Value", [])
    except (ValueError, AttributeError, RecursionError) as err:
        raise PacsError("The PACS answers in a way that DICOMweb does not know. Nothing is sure.") from err
    if failed:
        raise PacsError(
            f"The PACS did not take {len(failed)} of {counted(len(objects), 'object')}. See its log."
        )


def post_transaction(
    url: str, bundle: dict[str, Any], *, token: str | None, context: "SSLContext | None"
) -> None:
    """Post a FHIR transaction, and see in the answer that each of its resources is there.

    Raises:
        PacsDown: nobody answers.
        PacsError: it refuses, or the answer is not that of a server that took everything.
    """
    headers = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    client = httpx2.Client(trust_env=False, verify=True if context is None else context, timeout=_TIMEOUT)
    content = json.dumps(bundle).encode()
    with client, _told(), client.stream("POST", url, headers=headers, content=content) as answer:
        if answer.status_code >= 300:
            raise PacsError(f"The FHIR server refuses the bundle (HTTP {answer.status_code}). See its log.")
        body = _body(answer, 16 * _MOST_ANSWER)
    _check_taken(body, len(bundle["entry"]))


def _check_taken(body: bytes, count: int) -> None:
    """Raises PacsError unless each of so many entries was taken (FHIR R4, http.html)."""
    try:
        told: Any = json.loads(body)
        taken = [str(entry["response"]["status"])[:1] == "2" for entry in told.get("entry", [])]
        is_whole = told["type"] == "transaction-response" and len(taken) == count and all(taken)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        is_whole = False
    if not is_whole:
        raise PacsError(
            "The FHIR server did not answer that it took every resource. Is this the address of its base? "
            "Posting again adds nothing twice."
        )


def is_there(node: PacsNode) -> None:
    """Ask for one study, whichever. Raises PacsDown, PacsError: what answers is no DICOMweb, too."""
    accept = {"Accept": "application/dicom+json"}
    _, body = _ask(node, "GET", "studies?limit=1", headers=accept, most=_MOST_ANSWER)
    try:
        is_list = not body.strip() or isinstance(json.loads(body), list)
    except (ValueError, RecursionError):
        is_list = False
    if not is_list:
        raise PacsError(
            "What answers is not DICOMweb: no list of studies came, perhaps the page of a login. Check "
            "pacs_web_url, which ends where /studies begins."
        )


def first_part(content_type: str, body: bytes) -> bytes:
    """The first part of a multipart answer (RFC 2046); a plain one whole. Raises PacsError."""
    if not content_type.lower().startswith("multipart/"):
        return body
    named = re.search(r'boundary="?([^";,\s]{1,70})"?', content_type, re.IGNORECASE)
    if named is None:
        raise PacsError(_UNUSABLE)
    mark = b"--" + named[1].encode("latin-1", "replace")
    start = body.find(mark)
    content = body.find(b"\r\n\r\n", start)
    end = body.find(b"\r\n" + mark, content + 4)
    if start < 0 or content < 0 or end < 0:  # without the closing mark the answer was broken off
        raise PacsError(_UNUSABLE)
    return body[content + 4 : end]


class _Missing(PacsError):
    """HTTP 404."""


_UNUSABLE = (
    "The PACS broke off in the middle of its answer, or it is not DICOMweb. Nothing was kept; try again."
)


def _ask(
    node: PacsNode,
    method: str,
    path: str,
    *,
    headers: dict[str, str],
    most: int,
    content: bytes | None = None,
) -> tuple[str, bytes]:
    """Type and body of the answer."""
    auth = (node.user, node.password or "") if node.user and not node.token else None
    if node.token:
        headers = {**headers, "Authorization": f"Bearer {node.token}"}
    verify = node.client_context() or True
    url = f"{str(node.web_url).rstrip('/')}/{path}"
    client = httpx2.Client(trust_env=False, verify=verify, timeout=_TIMEOUT, auth=auth)
    with client, _told(), client.stream(method, url, headers=headers, content=content) as answer:
        _check(answer.status_code)
        return answer.headers.get("content-type", ""), _body(answer, most)


def _body(answer: httpx2.Response, most: int) -> bytes:
    """All of an answer that comes in time and is not too long. Raises PacsDown, PacsError."""
    body = bytearray()
    until = time.monotonic() + _ALL_S
    for piece in answer.iter_bytes():
        body += piece
        if time.monotonic() > until:
            raise PacsDown("The web service did not answer in time. Try again later.")
        if len(body) > most:
            raise PacsError("The web service answers with more than it may. Nothing was kept.")
    return bytes(body)


def _check(status: int) -> None:
    if status in _TAKEN or status == 204:
        return
    told = {
        401: "The PACS does not accept the login. Check PEDAXR_PACS_USER, _PASSWORD or _TOKEN.",
        403: "The PACS does not allow this to pedaxr's login. Ask its administrator.",
        409: "The PACS refuses the objects (HTTP 409). See its log.",
    }
    if status == 404:
        raise _Missing("The PACS has no such film or study, or pacs_web_url is wrong.")
    raise PacsError(told.get(status, f"The PACS answers with HTTP {status}. See its log."))


@contextmanager
def _told() -> Iterator[None]:
    """The library's errors, which quote addresses, as ours."""
    try:
        yield
    except httpx2.TimeoutException as err:
        raise PacsDown("The web service did not answer in time. Try again later.") from err
    except httpx2.RemoteProtocolError as err:
        raise PacsError(_UNUSABLE) from err
    except httpx2.TransportError as err:
        raise PacsDown(
            "The web service cannot be reached, or its certificate is not believed. Check pacs_web_url, "
            "fhir_url and pacs_tls_ca."
        ) from err
    except httpx2.HTTPError as err:
        raise PacsError(_UNUSABLE) from err
