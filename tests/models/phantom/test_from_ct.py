"""Films from CT: the volume's axes, the projection's geometry, and what is written of it."""

import gzip
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pedaxr_models.labels import Structure
from pedaxr_models.phantom.from_ct.anatomy import CLASSES, l2_body, read_labels
from pedaxr_models.phantom.from_ct.film import film_from_ct
from pedaxr_models.phantom.from_ct.project import Beam, Projection, project
from pedaxr_models.phantom.from_ct.volume import Volume, read_nifti
from pedaxr_models.phantom.from_ct.write import find_cases, write_films
from pedaxr_models.phantom.onto.write import write_pairs

MM = 6.0
NUMBER = {name: number for number, name in CLASSES.items()}


def small_trunk() -> tuple[Volume, Volume]:
    """A trunk of ellipses: liver on the right, a stomach with gas on the left."""
    x, y, z = np.mgrid[-30:30, -20:20, -36:36] * MM
    hu = np.full(x.shape, -1000.0, np.float32)
    label = np.zeros(x.shape, np.int16)

    def put(inside: np.ndarray, value: float, name: str = "") -> None:
        hu[inside] = value
        if name:
            label[inside] = NUMBER[name]

    put((x / 150) ** 2 + (y / 100) ** 2 < 1, -90)
    put((x / 138) ** 2 + (y / 88) ** 2 < 1, 45)
    for side, name in ((-1, "lung_lower_lobe_right"), (1, "lung_lower_lobe_left")):
        dome = 100 - ((x - 65 * side) / 55) ** 2 * 45
        put((((x - 65 * side) / 55) ** 2 + (y / 70) ** 2 < 1) & (z > dome), -800, name)
    put(((x + 65) / 60) ** 2 + ((y - 10) / 60) ** 2 + ((z - 40) / 50) ** 2 < 1, 60, "liver")
    put(((x - 60) / 45) ** 2 + ((y - 15) / 40) ** 2 + ((z - 50) / 40) ** 2 < 1, 20, "stomach")
    put(((x - 60) / 28) ** 2 + ((y - 30) / 20) ** 2 + ((z - 50) / 25) ** 2 < 1, -1000, "stomach")
    put((x / 60) ** 2 + ((y - 20) / 45) ** 2 + ((z + 50) / 50) ** 2 < 1, 30, "small_bowel")
    put((np.hypot(x, y + 55) < 22) & (np.abs(z) < 36), 350, "vertebrae_L2")
    put((np.hypot(x, y + 70) < 9), 30, "spinal_cord")
    for side, name in ((-1, "hip_right"), (1, "hip_left")):
        put(((x - 85 * side) / 40) ** 2 + ((y + 20) / 30) ** 2 + ((z + 140) / 60) ** 2 < 1, 500, name)
    return Volume(hu, (MM, MM, MM)), Volume(label, (MM, MM, MM))


@pytest.fixture(scope="module", autouse=True)
def _whole_slices() -> Iterator[None]:
    """The trunk's slices, 6 mm thick, are not cut finer: a quarter of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pedaxr_models.phantom.from_ct.project._STEP_MM", MM)
        yield


@pytest.fixture(scope="module")
def trunk() -> tuple[Volume, Volume]:
    return small_trunk()


@pytest.fixture(scope="module")
def straight(trunk: tuple[Volume, Volume]) -> Projection:
    return project(*trunk, Beam(mm_per_px=1.0))


def nifti(voxels: np.ndarray, affine: np.ndarray, *, order: str = "<", quaternion: bool = False) -> bytes:
    """A NIfTI-1 file as its standard lays it out."""
    header = bytearray(352)
    codes = {"u1": 2, "i2": 4, "f4": 16, "i4": 8}
    kind = voxels.dtype.str[1:]
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, 3, *voxels.shape, 1, 1, 1, 1)
    struct.pack_into(f"{order}2h", header, 70, codes[kind], voxels.dtype.itemsize * 8)
    struct.pack_into(f"{order}8f", header, 76, 1, *np.linalg.norm(affine, axis=0), 0, 0, 0, 0)
    struct.pack_into(f"{order}f", header, 108, 352)
    struct.pack_into(f"{order}2f", header, 112, 1, 0)
    struct.pack_into(f"{order}2h", header, 252, int(quaternion), int(not quaternion))
    rows = np.column_stack([affine, [0, 0, 0]]).astype(float)
    struct.pack_into(f"{order}12f", header, 280, *rows.ravel())
    header[344:348] = b"n+1\0"
    return bytes(header) + voxels.astype(voxels.dtype.newbyteorder(order)).tobytes(order="F")


def stored(volume: Volume, flips: tuple[int, ...], axes: tuple[int, int, int]) -> bytes:
    """The volume with axes mirrored and exchanged, and the affine that says so."""
    affine = np.diag(volume.spacing_mm) * [
        -1,
        1,
        1,
    ]  # its first axis leads to the left, NIfTI counts to the right
    voxels = volume.voxels
    for axis in flips:
        voxels, affine[:, axis] = np.flip(voxels, axis), -affine[:, axis]
    return nifti(voxels.transpose(axes), affine[:, axes])


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_every_orientation_gives_the_same_volume(tmp_path, flips, axes):
    rng = np.random.default_rng(0)
    volume = Volume(rng.integers(-1000, 2000, (5, 6, 7)).astype(np.int16), (1.0, 2.0, 3.0))
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(stored(volume, flips, axes)))
    read = read_nifti(tmp_path / "a.nii.gz")
    assert (read.voxels == volume.voxels).all()
    assert read.spacing_mm == pytest.approx(volume.spacing_mm)


def test_big_endian_floats_and_quaternions_are_read(tmp_path):
    voxels = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    data = bytearray(nifti(voxels, np.diag([2.0, 2.0, 4.0]), order=">", quaternion=True))
    struct.pack_into(
        ">3f", data, 256, 0, 0, 1
    )  # half a turn about the long axis: left for right, back for front
    (tmp_path / "a.nii").write_bytes(bytes(data))
    read = read_nifti(tmp_path / "a.nii")
    assert (read.voxels == voxels[:, ::-1]).all()
    assert read.spacing_mm == (2.0, 2.0, 4.0)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: d[:200], "not a NIfTI"),
        (lambda d: d[:-40], "cut short"),
        (lambda d: gzip.compress(d)[:-30], "unpacked"),
        (lambda d: d[:40] + struct.pack("<8h", 4, 3, 4, 5, 9, 1, 1, 1) + d[56:], "one volume"),
        (lambda d: d[:70] + struct.pack("<h", 128) + d[72:], "unusual type"),
        (lambda d: b"hello" * 100, "NIfTI-1"),
        (lambda d: d[:280] + struct.pack("<12f", *[0] * 12) + d[328:], "how large"),
    ],
    ids=["header", "voxels", "gzip", "four axes", "colour", "text", "no size"],
)
def test_a_damaged_file_says_what_is_wrong(tmp_path, damage, message):
    whole = nifti(np.zeros((3, 4, 5), np.int16), np.eye(3))
    (tmp_path / "a.nii").write_bytes(damage(whole))
    with pytest.raises(ValueError, match=message):
        read_nifti(tmp_path / "a.nii")


def test_the_head_is_up_and_the_liver_on_the_left_of_the_picture(straight):
    def place(mask):
        return np.argwhere(mask).mean(0)

    liver, stomach, pelvis = (
        place(straight.masks[s]) for s in (Structure.LIVER, Structure.STOMACH, Structure.PELVIS)
    )
    assert liver[1] < 256 < stomach[1]
    assert liver[0] < 256 < pelvis[0]
    assert place(straight.masks[Structure.LUNGS])[0] < liver[0]


def test_path_lengths_are_those_of_the_ellipses(straight):
    middle = straight.materials.body[240:270, 250:262].mean()
    assert middle == pytest.approx(200, rel=0.06)  # of 200 mm at 1 mm a pixel, enlarged a little
    gas = straight.materials.gas[straight.regions["bowel_gas"]].max()
    assert gas == pytest.approx(40, rel=0.2)
    assert straight.materials.lung_air.max() == pytest.approx(140 * 0.78, rel=0.2)


def test_what_lies_nearer_the_tube_is_larger(trunk):
    ct, labels = trunk
    front, back = (np.zeros_like(labels.voxels) for _ in range(2))
    front[25:35, 36, 30:40] = back[25:35, 4, 30:40] = NUMBER["liver"]
    areas = [
        project(ct, Volume(v, labels.spacing_mm), Beam(0.25)).masks[Structure.LIVER].sum()
        for v in (front, back)
    ]
    expected = ((1150 - 50 - 4 * MM) / (1150 - 50 - 36 * MM)) ** 2
    assert areas[0] / areas[1] == pytest.approx(expected, rel=0.05)


def test_free_gas_in_the_volume_leaves_free_air_uncertain(trunk):
    ct, labels = trunk
    free = ct.voxels.copy()
    free[20:40, 32:35, 25:40] = -1000
    said = [
        film_from_ct(Volume(v, ct.spacing_mm), labels, np.random.default_rng(0)).findings
        for v in (ct.voxels, free)
    ]
    assert [s["pneumoperitoneum"] for s in said] == ["absent", "uncertain"]


def test_the_film_shows_bone_bright_and_gas_dark(trunk):
    film = film_from_ct(*trunk, np.random.default_rng(1))
    grey = film.pixels.astype(float)
    soft = np.median(grey[film.regions["abdominal_cavity"]])
    assert np.median(grey[film.masks[Structure.L2_BODY]]) > soft + 15
    assert np.median(grey[film.regions["bowel_gas"]]) < soft - 15
    assert np.median(grey[film.masks[Structure.LUNGS]]) < soft - 15


def test_a_childs_size_is_its_own(trunk):
    adult = film_from_ct(*trunk, np.random.default_rng(1))
    for age in (0.5, 30.0, 150.0):
        child = film_from_ct(*trunk, np.random.default_rng(1), age_months=age)
        assert child.pixel_spacing_mm[0] < adult.pixel_spacing_mm[0]
        width = child.regions["body"].sum(1).max() * child.pixel_spacing_mm[0]
        assert 80 < width < 300


def test_only_the_body_of_l2_is_its_body(trunk):
    _, labels = trunk
    body = l2_body(labels)
    assert body.any()
    assert np.argwhere(body)[:, 1].min() > np.argwhere(labels.voxels == NUMBER["spinal_cord"])[:, 1].max()


def test_masks_of_another_size_are_refused(trunk):
    ct, labels = trunk
    with pytest.raises(ValueError, match="differ in size"):
        project(ct, Volume(labels.voxels[1:], labels.spacing_mm), Beam(1.0))


@pytest.fixture
def case(trunk: tuple[Volume, Volume], tmp_path: Path) -> Path:
    """One case as TotalSegmentator leaves it, a mask a class."""
    folder = tmp_path / "cts" / "s0001"
    (folder / "segmentations").mkdir(parents=True)
    ct, labels = trunk
    whole = Volume(ct.voxels.astype(np.int16), ct.spacing_mm)
    (folder / "ct.nii.gz").write_bytes(gzip.compress(stored(whole, (), (0, 1, 2))))
    for number in np.unique(labels.voxels[labels.voxels > 0]):
        mask = Volume((labels.voxels == number).astype(np.uint8), labels.spacing_mm)
        name = f"{CLASSES[int(number)]}.nii.gz"
        (folder / "segmentations" / name).write_bytes(gzip.compress(stored(mask, (0,), (0, 1, 2))))
    return tmp_path / "cts"


def test_a_mask_a_class_makes_the_label_map(trunk, case):
    read = read_labels(case / "s0001" / "segmentations")
    assert (read.voxels == trunk[1].voxels).all()


def test_films_from_ct_are_backgrounds_for_findings(case, tmp_path):
    assert write_films(case, tmp_path / "films", per_case=2, seed=2) == 2
    said = [json.loads(p.read_text()) for p in sorted((tmp_path / "films").glob("*.json"))]
    assert {s["child"] for s in said} == {"s0001"}
    assert all({"liver", "abdominal_cavity", "body", "lungs"} <= set(s["polygons"]) for s in said)
    made = write_pairs(tmp_path / "films", tmp_path / "pairs", per_film=2)
    assert made.pairs >= 2
    assert {json.loads(p.read_text())["child"] for p in (tmp_path / "pairs").glob("*.json")} == {"s0001"}


def test_films_already_there_are_kept_and_others_are_equal(case, tmp_path):
    write_films(case, tmp_path / "one", per_case=2)
    write_films(case, tmp_path / "two", per_case=1)
    before = (tmp_path / "two" / "s0001_0.png").stat().st_mtime_ns
    write_films(case, tmp_path / "two", per_case=2)
    assert (tmp_path / "two" / "s0001_0.png").stat().st_mtime_ns == before
    for name in ("s0001_0.png", "s0001_1.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_folder_without_cts_says_what_it_needs(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(ValueError, match="no CT with masks"):
        find_cases(tmp_path)
