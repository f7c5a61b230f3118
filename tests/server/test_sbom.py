"""The bill of materials of a release: CycloneDX, complete, and with the digests of what is shipped."""

import hashlib
import json
import re
import runpy
import subprocess
import sys
import zipfile
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SBOM = ROOT / "packaging" / "sbom.py"
WEIGHTS = "pedaxr_models/weights/segmentation/weights-00001-of-00001.safetensors"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As far as the bill looks into one."""
    path = tmp_path_factory.mktemp("dist") / "pedaxr-0.0.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(WEIGHTS, b"weights")
        archive.writestr("pedaxr/__init__.py", b"")
    return path


@pytest.fixture(scope="module")
def bill(wheel: Path) -> dict[str, Any]:
    out = wheel.with_suffix(".cdx.json")
    made = [sys.executable, str(SBOM), str(wheel), "--out", str(out)]
    subprocess.run(made, check=True, capture_output=True, env={"SOURCE_DATE_EPOCH": "0"})
    document: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return document


def test_it_is_cyclonedx_and_refers_to_what_is_in_it(bill: dict[str, Any]) -> None:
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", bill["serialNumber"])
    assert bill["metadata"]["timestamp"] == "1970-01-01T00:00:00Z"
    everything = [bill["metadata"]["component"], *bill["components"]]
    refs = [component["bom-ref"] for component in everything]
    assert len(set(refs)) == len(refs)
    assert {"application", "library", "machine-learning-model"} == {one["type"] for one in everything}
    for one in everything:
        assert one["name"] and one["version"]
        is_network = one["type"] == "machine-learning-model"
        assert is_network or re.fullmatch(r"pkg:pypi/[a-z0-9-]+@\S+", one["purl"])
    for row in bill["dependencies"]:
        assert {row["ref"], *row["dependsOn"]} <= set(refs)


def test_all_that_serving_needs_is_in_it_and_no_training(bill: dict[str, Any]) -> None:
    purls = {component.get("purl") for component in bill["components"]}
    for text in requires("pedaxr") or []:
        if "extra ==" not in text:
            (name,) = re.findall(r"^[A-Za-z0-9._-]+", text)
            assert f"pkg:pypi/{name.lower().replace('_', '-')}@{version(name)}" in purls, name
    assert len(purls) > 20, "and what those need"
    assert not any(str(purl).startswith(("pkg:pypi/torch@", "pkg:pypi/pytest@")) for purl in purls)


def test_digests_are_of_the_wheel_and_of_its_weights(bill: dict[str, Any], wheel: Path) -> None:
    (own,) = bill["metadata"]["component"]["hashes"]
    assert own == {"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    (weights,) = [one for one in bill["components"] if one["type"] == "machine-learning-model"]
    assert weights["name"] == WEIGHTS
    assert weights["hashes"][0]["content"] == hashlib.sha256(b"weights").hexdigest()


def test_another_wheel_has_another_number(bill: dict[str, Any], tmp_path: Path) -> None:
    """Control: the document is of this very file."""
    other = tmp_path / "pedaxr-0.0.0-py3-none-any.whl"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr(WEIGHTS, b"other weights")
    made = runpy.run_path(str(SBOM))["bill_of"](other)
    assert made["serialNumber"] != bill["serialNumber"]
