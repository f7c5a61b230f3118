"""A web service that answers, and is half of what DICOMweb asks for or something else altogether."""

import json

import pytest

from pedaxr.errors import PacsError
from pedaxr.pacs import web
from pedaxr.pacs.check import check_pacs
from pedaxr.pacs.node import PacsNode

from .test_hostile_pacs import web_that_answers


def answer(kind: str, body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    "said",
    [
        answer("text/html", b"<html><form>Login</form></html>"),
        answer("application/json", json.dumps({"error": "not found"}).encode()),
        answer("application/dicom+xml", b"<NativeDicomModel/>"),
    ],
    ids=["the page of a login", "an error", "XML"],
)
def test_what_is_no_list_of_studies_is_not_called_dicomweb(said: bytes) -> None:
    with web_that_answers(said) as url:
        node = PacsNode("127.0.0.1", 9, web_url=url)
        with pytest.raises(PacsError, match="not DICOMweb"):
            web.is_there(node)
    with web_that_answers(said) as url:
        tried = {one.what: one for one in check_pacs(PacsNode("127.0.0.1", 9, web_url=url))}
    assert not tried["DICOMweb"].is_ok and "pacs_web_url" in tried["DICOMweb"].said


@pytest.mark.parametrize(
    "said", [answer("application/dicom+json", b"[]"), b"HTTP/1.1 204 No Content\r\n\r\n"], ids=["[]", "204"]
)
def test_an_archive_without_studies_is_dicomweb(said: bytes) -> None:
    with web_that_answers(said) as url:
        web.is_there(PacsNode("127.0.0.1", 9, web_url=url))


@pytest.mark.parametrize("named", ["boundary=a1", 'BOUNDARY="a1"', "Boundary=a1; type=x"])
def test_the_boundary_is_found_however_it_is_written(named: str) -> None:
    body = b"--a1\r\nContent-Type: application/dicom\r\n\r\nFILM\r\n--a1--\r\n"
    assert web.first_part(f"multipart/related; {named}", body) == b"FILM"
