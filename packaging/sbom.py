"""The software bill of materials of a release, CycloneDX 1.6: the wheel, what it needs, and its weights.

    python packaging/sbom.py dist/pedaxr-0.2.0-py3-none-any.whl --out dist/pedaxr-0.2.0.cdx.json

Versions and licences are those installed beside this program, which `constraints.txt` pins; each network's
file of weights is a component of its own, with its digest, out of the wheel itself. The same wheel in the
same environment gives the same document; SOURCE_DATE_EPOCH sets its time.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import time
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from packaging.requirements import Requirement

SPEC = "1.6"
ROOT = "pedaxr"
_WEIGHTS = (".safetensors", ".graph")


def main() -> None:
    """Write the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    document = bill_of(given.wheel)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(document['components'])} components in {given.out}\n")


def bill_of(wheel: Path) -> dict[str, Any]:
    """The document of one wheel."""
    needed = dict(sorted(closure(ROOT).items()))
    weights = list(_weights(wheel))
    root = {**_library(distribution(ROOT)), "type": "application", "hashes": [_sha256(wheel.read_bytes())]}
    parts = [_library(found) for name, found in needed.items() if name != ROOT]
    below = {name: sorted(_ref(needed[one]) for one in _needs(found)) for name, found in needed.items()}
    below[ROOT] = sorted([*below[ROOT], *(one["bom-ref"] for one in weights)])
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, root['hashes'][0]['content'])}",
        "version": 1,
        "metadata": {"timestamp": _now(), "component": root},
        "components": parts + weights,
        "dependencies": [{"ref": _ref(needed[name]), "dependsOn": refs} for name, refs in below.items()],
    }


def closure(root: str) -> dict[str, Distribution]:
    """What is installed for a package without extras, by normal name. Raises PackageNotFoundError."""
    found: dict[str, Distribution] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = distribution(name)
            waiting += _needs(found[name])
    return found


def _needs(found: Distribution) -> list[str]:
    """Names of what it requires here: markers decide, extras count where they are asked for by nobody."""
    needs = []
    for text in found.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            needs.append(_normal(requirement.name))
    return [name for name in needs if _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _library(found: Distribution) -> dict[str, Any]:
    described = found.metadata
    made = {
        "type": "library",
        "bom-ref": _ref(found),
        "name": _normal(described["Name"]),
        "version": found.version,
        "purl": _ref(found),
    }
    licence = described.get("License-Expression")
    classified = next(_licences(described.get_all("Classifier") or []), None)
    named = licence or classified or described.get("License")
    if named and "\n" not in named.strip():
        kind = {"expression": named} if licence else {"license": {"name": named.strip()[:200]}}
        made["licenses"] = [kind]
    return made


def _licences(classifiers: list[str]) -> Iterator[str]:
    for classifier in classifiers:
        if classifier.startswith("License ::"):
            yield classifier.rsplit("::", 1)[-1].strip()


def _weights(wheel: Path) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(_WEIGHTS):
                content = archive.read(name)
                digest = hashlib.sha256(content).hexdigest()
                yield {
                    "type": "machine-learning-model",
                    "bom-ref": f"{name}@{digest[:16]}",
                    "name": name,
                    "version": digest[:16],
                    "hashes": [_sha256(content)],
                }


def _sha256(content: bytes) -> dict[str, str]:
    return {"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}


def _ref(found: Distribution) -> str:
    return f"pkg:pypi/{_normal(found.metadata['Name'])}@{found.version}"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _now() -> str:
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


if __name__ == "__main__":
    main()
