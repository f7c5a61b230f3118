"""One film of an archive as one row, whatever is wrong with it."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pedaxr.archive.together import look_ahead
from pedaxr.errors import ModelUnavailable, NotAnAbdominalFilm, PedaxrError

if TYPE_CHECKING:
    import pyarrow

    from pedaxr.radiograph.read import Radiograph
    from pedaxr.types import Report, SegmentationResult

_log = logging.getLogger(__name__)
READ, IN_DOUBT, REFUSED, FAILED = "read", "in_doubt", "refused", "failed"
BUG = "bug"
# Copied from the header's free text, where a patient's name may stand.
_LEFT_OUT = ("Indication", "Comparison")


@dataclass(frozen=True)
class Shard:
    """Some films that are read together and become one file.

    Attributes:
        number: from 0, in the order of the archive.
        files: as given, relative to `root`.
    """

    number: int
    root: Path
    files: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of its file."""
        return f"part-{self.number:06d}.parquet"


def rows_of(shard: Shard, *, batch: int = 1) -> Iterator[dict[str, Any]]:
    """A row per film, in order; the segmentation looks at `batch` films at once.

    Raises:
        ModelUnavailable: no film can be read.
    """
    for begin in range(0, len(shard.files), batch):
        files = shard.files[begin : begin + batch]
        decoded = look_ahead(shard.root, files) if batch > 1 else {}
        for file in files:
            yield read_row(shard.root, file, decoded.get(file))


def read_row(root: Path, file: str, decoded: "Radiograph | None" = None) -> dict[str, Any]:
    """Outline a film and report on it; an error becomes a row with its code.

    Args:
        root: of the archive.
        file: below it.
        decoded: the film, where it was decoded beforehand.

    Raises:
        ModelUnavailable: no film can be read.
    """
    begin = time.perf_counter()
    row: dict[str, Any] = {"file": file, "status": READ}
    try:
        row |= _read(decoded or root / file)
    except ModelUnavailable:
        raise
    except PedaxrError as err:
        status = REFUSED if isinstance(err, NotAnAbdominalFilm) else FAILED
        row |= {"status": status, "code": err.code, "message": str(err)}
    except Exception as err:  # noqa: BLE001 - the entry point of this film: the next ones are to be read
        _log.exception("A film of the archive could not be read because of a bug")
        row |= {"status": FAILED, "code": BUG, "message": type(err).__name__}
    return row | {"seconds": round(time.perf_counter() - begin, 4)}


def schema() -> "pyarrow.Schema":
    """Columns of the files. Areas are in pixels of the film and square millimetres."""
    import pyarrow as pa

    finding = pa.struct(
        [
            ("name", pa.string()),
            ("confidence", pa.float32()),
            ("area_px", pa.int64()),
            ("area_mm2", pa.float32()),
            ("share_of_body", pa.float32()),
            ("quadrants", pa.list_(pa.string())),
        ]
    )
    return pa.schema(
        [
            ("file", pa.string()),
            ("sha256", pa.string()),
            ("status", pa.string()),
            ("code", pa.string()),
            ("message", pa.string()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("label", pa.string()),
            ("critical", pa.list_(pa.string())),
            ("findings", pa.list_(finding)),
            ("report", pa.string()),
            ("measures", pa.map_(pa.string(), pa.float64())),
            ("flags", pa.list_(pa.string())),
            ("image_dependence", pa.float32()),
            ("model", pa.string()),
            ("seconds", pa.float32()),
        ]
    )


def _read(path: "Path | Radiograph") -> dict[str, Any]:
    from pedaxr.reading.segment_xray import segment_xray
    from pedaxr.reports.generate_report import generate_report

    seen = segment_xray(file=path, overlay=False)
    return _columns(seen, generate_report(file=path))  # the second finds the film decoded and outlined


def _columns(seen: "SegmentationResult", report: "Report") -> dict[str, Any]:
    doubted = {"status": IN_DOUBT, "message": report.in_doubt} if report.in_doubt else {}
    findings = () if report.in_doubt else seen.findings
    kept = ("name", "confidence", "area_px", "area_mm2", "share_of_body", "quadrants")
    return doubted | {
        "sha256": seen.image_sha256,
        "width": seen.width,
        "height": seen.height,
        "label": report.label,
        "critical": report.critical,
        "findings": [region.model_dump(include=set(kept)) for region in findings],
        "report": report_text(report),
        "measures": list(report.measures.items()),
        "flags": report.flags,
        "image_dependence": report.image_dependence,
        "model": report.model,
    }


def report_text(report: "Report") -> str:
    """The sections one below the other, without those that quote the film's header."""
    sections = {name: text for name, text in report.sections.items() if name not in _LEFT_OUT}
    return "\n".join(f"{name}: {text}" for name, text in sections.items())
