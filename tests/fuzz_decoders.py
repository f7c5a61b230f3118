"""Coverage-guided fuzzing of one decoder: `python tests/fuzz_decoders.py png --seconds 60` (needs atheris).

Ends with an error when a file raises anything but a refusal, takes more than 20 s, or needs more than 2 GB;
the file is then left in the folder given by --keep. With --planted a decoder with a bug of our own is fuzzed:
the control, which must end with an error.
"""

import argparse
import importlib
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import atheris
import pydicom

for name in [name for name in sys.modules if name.split(".")[0] == pydicom.__name__]:
    if not name.endswith("_dict"):  # the large tables stay as they are: instrumenting them takes minutes
        del sys.modules[name]
with atheris.instrument_imports(include=["PIL", "pydicom", "pedaxr"]):
    from PIL import JpegImagePlugin, PngImagePlugin  # noqa: F401

    from pedaxr.errors import UnreadableImage
    from pedaxr.radiograph import dicom  # noqa: F401
    from pedaxr.radiograph.decoding import decode

sys.path.insert(0, str(Path(__file__).parent / "tools"))
film_files = importlib.import_module("film_files")


def one_file(data: bytes) -> None:
    with suppress(UnreadableImage):
        decode(data)


def with_planted_bug(data: bytes) -> None:
    """A file that is read whole and has an odd length is too much for this one."""
    with suppress(UnreadableImage):
        decode(data)
        if len(data) % 2:
            raise AssertionError("the planted bug")


def with_right_checksums(data: bytes, max_size: int, seed: int) -> bytes:
    """A mutation of a PNG that is not refused for its checksums alone, three times out of four."""
    changed = atheris.Mutate(data, max_size)
    return film_files.mended(changed)[:max_size] if seed % 4 else changed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("decoder", choices=["png", "jpeg", "dicom"])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("--keep", type=Path, default=Path("out/fuzz"))
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, data in film_files.samples().items():
            if name.startswith(given.decoder):
                (Path(folder) / name.replace(" ", "_").replace("/", "_")).write_bytes(data)
        options = (
            f"-max_total_time={given.seconds}",
            f"-seed={given.seed}",
            f"-artifact_prefix={given.keep}/{given.decoder}-",
            "-timeout=20",
            "-rss_limit_mb=2048",
            "-max_len=20000",
            "-print_final_stats=1",
            "-verbosity=0",
        )
        mutator = {"custom_mutator": with_right_checksums} if given.decoder == "png" else {}
        test = with_planted_bug if given.planted else one_file
        atheris.Setup([sys.argv[0], *options, folder], test, **mutator)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
