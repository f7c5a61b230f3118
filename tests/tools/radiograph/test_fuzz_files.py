"""Files damaged at random: read, or refused with an error of ours that repeats nothing of the file."""

import os
import random
import zlib
from contextlib import suppress
from struct import pack

import numpy as np
import pytest

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph import decoding
from pedaxr.radiograph.decode_pool import DecodePool
from pedaxr.radiograph.decoding import decode
from pedaxr.radiograph.raster import Raster

from ..film_files import PATIENT, mended, png_chunk, samples

QUICK, LONG = 150, 4500
SAMPLES = samples()
_TOKENS = (
    b"\xff\xd8\xff",
    b"\xff\xda",
    b"IDAT",
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\xfe\xff\x00\xe0",
)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """One to eight faults; a PNG's checksums are mended at times."""
    body = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(body) if rng.random() < 0.5 else min(len(body), 400))
        match rng.randrange(6):
            case 0:
                body[at] ^= 1 << rng.randrange(8)
            case 1:
                body[at] = rng.randrange(256)
            case 2:
                del body[at : at + rng.randint(1, 40)]
            case 3:
                body[at:at] = body[at : at + rng.randint(1, 60)] * rng.randint(1, 4)
            case 4:
                body[at : at + 4] = rng.choice(_TOKENS)
            case 5:
                body[at : at + 4] = pack(rng.choice((">I", "<I")), rng.getrandbits(32))
        if not body:
            break
    return mended(bytes(body)) if rng.random() < 0.5 else bytes(body)


def is_sound(raster: Raster) -> bool:
    pixels = raster.pixels
    return bool(
        pixels.dtype == np.float32 and np.isfinite(pixels).all() and 0 <= pixels.min() <= pixels.max() <= 1
    )


def met(count: int, seed: int) -> dict[str, int]:
    """Decode as many damaged files: how many were read and how many refused. Anything else is raised."""
    rng = random.Random(seed)
    counted = {"read": 0, "refused": 0}
    for number in range(count):
        kind = list(SAMPLES)[number % len(SAMPLES)]
        data = mutated(SAMPLES[kind], rng)
        try:
            assert is_sound(decode(data)), (kind, number)
            counted["read"] += 1
        except UnreadableImage as err:
            assert not any(part in str(err) for part in PATIENT.split())
            counted["refused"] += 1
    return counted


@pytest.mark.parametrize("count", [QUICK, pytest.param(LONG, marks=pytest.mark.slow)])
def test_mutated_files_are_read_or_refused(count: int) -> None:
    counted = met(count, seed=int(os.environ.get("PEDAXR_FUZZ_SEED", "9")))
    print(counted)  # noqa: T201
    assert min(counted.values()) > count // 20, "control: both happen"


def test_an_exception_that_is_no_refusal_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a decoder that lets a library's error through."""
    monkeypatch.setattr(decoding, "UnreadableImage", KeyError)
    with pytest.raises(KeyError):
        met(QUICK, seed=9)


@pytest.mark.parametrize("count", [QUICK // 3, pytest.param(LONG // 3, marks=pytest.mark.slow)])
def test_mutated_files_end_no_decoder_process(count: int) -> None:
    pool = DecodePool()
    rng = random.Random(3)
    try:
        pool.warm()
        first = pool.process_ids
        for number in range(min(count, 400)):  # then it retires of age
            with suppress(UnreadableImage):
                pool.decode(mutated(list(SAMPLES.values())[number % len(SAMPLES)], rng))
        assert pool.process_ids == first
    finally:
        pool.close()


@pytest.mark.parametrize("kind", SAMPLES, ids=str)
def test_every_kind_is_read_whole_and_refused_when_cut(kind: str) -> None:
    """The control of the damage above."""
    assert is_sound(decode(SAMPLES[kind]))
    with pytest.raises(UnreadableImage):
        decode(SAMPLES[kind][: len(SAMPLES[kind]) // 2])


def test_bombs_are_refused_by_their_headers() -> None:
    head = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0))
    scans = SAMPLES["jpeg"][:-2] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x01" * 5000 + b"\xff\xd9"
    text = png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(80 * 2**20), 9))
    for bomb, why in (
        (head, "million"),
        (head + png_chunk(b"IDAT", zlib.compress(bytes(10**6))), "million"),
        (scans, "scans"),
        (SAMPLES["png"][:33] + text + SAMPLES["png"][33:], "damaged"),
    ):
        with pytest.raises(UnreadableImage, match=why):
            decode(bomb)
