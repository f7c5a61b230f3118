"""Outlines corrected in the page: by brush, eraser and polygon, by mouse and finger, and never lost."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import Annotation, NewAnnotation, annotate, annotations_of, merged
from pedaxr.clinic.export_annotations import mask_of, pixels_of
from pedaxr_models.labels import Finding

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[browser]'")
from playwright.sync_api import Page, expect

from ..http_service import running
from .browser import canned, chromium_path, front_page, newest_study, read

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="needs Chromium: apt-get install chromium"),
]
AIR, STOOL = "pneumoperitoneum", "constipation"


def stored(clinic: Clinic) -> list[Annotation]:
    return annotations_of(newest_study(clinic.home), clinic=clinic)


def pixels(annotation: Annotation, name: str) -> NDArray[np.bool_]:
    mask = annotation.findings[Finding(name)].mask
    assert mask is not None
    return pixels_of(mask)


def begin(page: Page) -> None:
    read(page)
    page.get_by_role("button", name="Correct outlines").click()
    expect(page.locator("#annotate")).to_be_visible()


def row(page: Page, name: str) -> Any:
    return page.locator(f'[data-decide="{name}"]')


def film_to_page(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a point of the film lies on the page."""
    at = page.evaluate(
        """([x, y]) => {
            const g = document.querySelector('.pane svg > g'), point = g.ownerSVGElement.createSVGPoint();
            Object.assign(point, { x, y });
            const seen = point.matrixTransform(g.getScreenCTM());
            return [seen.x, seen.y];
        }""",
        [x, y],
    )
    return float(at[0]), float(at[1])


def drag_on_film(page: Page, *points: tuple[int, int]) -> None:
    page.mouse.move(*film_to_page(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*film_to_page(page, *point), steps=5)
    page.mouse.up()


def save(page: Page, by: str = "Dr Kim") -> None:
    page.locator("#annotate-author").fill(by)
    page.locator("#annotate").get_by_role("button", name="Save").click()
    expect(page.locator("#annotate-told")).to_contain_text("Saved as version")


def test_a_finding_that_the_network_missed_is_drawn_where_the_brush_went(
    viewer: Page, clinic: Clinic
) -> None:
    begin(viewer)
    row(viewer, STOOL).get_by_role("button", name="Draw").click()
    drag_on_film(viewer, (100, 400), (220, 400))
    expect(row(viewer, STOOL)).to_contain_text("added")
    save(viewer)
    (saved,) = stored(clinic)
    assert (saved.author, saved.based_on, saved.model) == ("Dr Kim", 0, "canned")
    assert saved.findings.keys() == {STOOL}
    drawn = pixels(saved, STOOL)
    assert drawn.shape == (512, 512)
    assert drawn[400, 110:210].all()
    assert not drawn[430:].any() and not drawn[:370].any()
    # The network's own outline is what it was.
    assert viewer.locator(f'.pane path[data-region="{AIR}"]').count() == 1


def test_an_outline_is_corrected_by_eraser_and_undo_takes_strokes_back(viewer: Page, clinic: Clinic) -> None:
    begin(viewer)
    row(viewer, AIR).get_by_role("button", name="Draw").click()
    viewer.keyboard.press("e")
    drag_on_film(viewer, (300, 160), (300, 340))  # through the middle of the ellipse
    expect(row(viewer, AIR)).to_contain_text("corrected")
    drag_on_film(viewer, (160, 250), (440, 250))
    viewer.keyboard.press("u")
    save(viewer)
    drawn = pixels(stored(clinic)[0], AIR)
    assert not drawn[170:330, 300].any()
    assert drawn[250, 200] and drawn[250, 400]  # the second stroke was taken back
    viewer.get_by_role("button", name="Undo").click()
    expect(row(viewer, AIR)).to_contain_text("outlined by the network")


def test_a_polygon_is_drawn_point_by_point(viewer: Page, clinic: Clinic) -> None:
    begin(viewer)
    row(viewer, STOOL).get_by_role("button", name="Draw").click()
    viewer.keyboard.press("g")
    for corner in ((50, 350), (150, 350), (150, 450), (50, 450), (20, 500)):
        viewer.mouse.click(*film_to_page(viewer, *corner))
    viewer.keyboard.press("u")  # the last point was a slip
    viewer.keyboard.press("Enter")
    save(viewer)
    drawn = pixels(stored(clinic)[0], STOOL)
    assert drawn[352:448, 52:148].all()
    assert 9_900 < drawn.sum() < 10_700  # a square of 100


def test_findings_are_accepted_rejected_and_left_open(viewer: Page, clinic: Clinic) -> None:
    begin(viewer)
    row(viewer, AIR).get_by_role("button", name="Accept").click()
    row(viewer, STOOL).get_by_role("button", name="Not there").click()
    row(viewer, "air_fluid_level").get_by_role("button", name="Cannot say").click()
    row(viewer, "pyloric_stenosis").get_by_role("button", name="Not there").click()
    row(viewer, "pyloric_stenosis").get_by_role("button", name="Not there").click()  # and back again
    viewer.locator("#annotate-comment").fill("read with the ward")
    save(viewer)
    (saved,) = stored(clinic)
    decisions = {name.value: one.decision for name, one in saved.findings.items()}
    assert decisions == {AIR: "accepted", STOOL: "rejected", "air_fluid_level": "uncertain"}
    assert saved.comment == "read with the ward"
    accepted = pixels(saved, AIR)
    assert 0.97 < accepted.sum() / (np.pi * 150 * 90) < 1.03  # the network's ellipse


def test_a_film_is_marked_unsuitable(viewer: Page, clinic: Clinic) -> None:
    begin(viewer)
    save_button = viewer.locator("#annotate").get_by_role("button", name="Save")
    expect(save_button).to_be_disabled()
    viewer.locator("#annotate-unsuitable").check()
    save(viewer)
    assert stored(clinic)[0].is_unsuitable


def test_saving_needs_a_name(viewer: Page, clinic: Clinic) -> None:
    begin(viewer)
    row(viewer, STOOL).get_by_role("button", name="Not there").click()
    viewer.locator("#annotate").get_by_role("button", name="Save").click()
    expect(viewer.locator("#annotate-told")).to_contain_text("name of the human")
    assert stored(clinic) == []


def test_what_was_saved_is_where_the_next_one_begins(viewer: Page, clinic: Clinic) -> None:
    begin(viewer)
    row(viewer, STOOL).get_by_role("button", name="Draw").click()
    drag_on_film(viewer, (100, 400), (220, 400))
    save(viewer)
    before = pixels(stored(clinic)[0], STOOL)
    viewer.reload()
    viewer.get_by_role("button", name="Correct outlines").click()
    expect(row(viewer, STOOL)).to_contain_text("added")
    row(viewer, AIR).get_by_role("button", name="Reject").click()
    save(viewer, by="Dr Lee")
    first, second = stored(clinic)
    assert (second.based_on, second.author) == (1, "Dr Lee")
    assert np.array_equal(pixels(second, STOOL), before)
    assert np.array_equal(pixels(first, STOOL), before)


def test_two_people_at_once_lose_nothing(viewer: Page, clinic: Clinic) -> None:
    begin(viewer)
    row(viewer, STOOL).get_by_role("button", name="Draw").click()
    drag_on_film(viewer, (100, 400), (220, 400))
    other = viewer.context.new_page()
    other.goto(viewer.url)
    other.get_by_role("button", name="Correct outlines").click()
    row(other, AIR).get_by_role("button", name="Reject").click()
    save(other, by="Dr Lee")
    save(viewer, by="Dr Kim")
    expect(viewer.locator("#annotate-told")).to_contain_text("Dr Lee saved as well")
    both = stored(clinic)
    assert [(one.version, one.based_on, one.author) for one in both] == [(1, 0, "Dr Lee"), (2, 0, "Dr Kim")]
    current = merged(both)
    assert current is not None
    assert {name.value: one.decision for name, one in current.findings.items()} == {
        STOOL: "added",
        AIR: "rejected",
    }


def test_the_annotation_goes_when_the_film_goes(viewer: Page, clinic: Clinic) -> None:
    begin(viewer)
    row(viewer, STOOL).get_by_role("button", name="Draw").click()
    drag_on_film(viewer, (100, 400), (220, 400))
    viewer.locator("#studies button").nth(1).click()
    expect(viewer.locator(".pane .top-left").first).to_contain_text("2024-09-03")
    expect(viewer.locator("#annotate-box")).to_be_hidden()
    expect(viewer.get_by_role("button", name="Correct outlines")).to_be_visible()
    viewer.get_by_role("button", name="Correct outlines").click()
    expect(row(viewer, STOOL)).to_contain_text("not outlined")
    assert stored(clinic) == []


def test_an_annotation_is_exported(viewer: Page, clinic: Clinic, tmp_path: Path) -> None:
    begin(viewer)
    row(viewer, AIR).get_by_role("button", name="Accept").click()
    save(viewer)
    for name in ("COCO", "LabelMe", "CVAT", "Masks (PNG)", "CSV"):
        with viewer.expect_download() as download:
            viewer.locator("#annotate").get_by_role("button", name=name).click()
        download.value.save_as(tmp_path / download.value.suggested_filename)
    study = newest_study(clinic.home)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{study}-{kind}.zip" for kind in ("coco", "labelme", "cvat", "masks", "csv")
    }


@pytest.mark.usefixtures("clinic")
def test_the_keyboard_stays_where_it_decided_and_each_decision_names_its_finding(viewer: Page) -> None:
    begin(viewer)
    levels = viewer.get_by_role("group", name="Air-fluid levels")
    for name in ("Cannot say", "Draw"):
        levels.get_by_role("button", name=name).press("Enter")
        expect(levels.get_by_role("button", name=name)).to_be_focused()
        expect(levels.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")
    viewer.get_by_role("button", name="Eraser").press("Enter")
    expect(viewer.get_by_role("button", name="Eraser")).to_be_focused()


@pytest.mark.usefixtures("clinic")
def test_a_banner_of_two_lines_hides_nothing_of_the_film_on_a_phone(phone: Page) -> None:
    begin(phone)
    phone.locator("#annotate-author").scroll_into_view_if_needed()
    film, banner = phone.locator("#middle").bounding_box(), phone.locator("#critical").bounding_box()
    assert film and banner
    assert banner["y"] == 0 and banner["height"] > 40, "control: it stays in sight and has two lines"
    assert film["y"] >= banner["height"] - 1


@pytest.mark.usefixtures("clinic")
def test_a_finger_draws_and_two_fingers_zoom_without_a_stroke(phone: Page) -> None:
    begin(phone)
    row(phone, STOOL).get_by_role("button", name="Draw").click()
    phone.locator(".pane").first.scroll_into_view_if_needed()
    touch = phone.context.new_cdp_session(phone)

    def send(kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    start, end = film_to_page(phone, 100, 300), film_to_page(phone, 400, 300)
    send("touchStart", start)
    send("touchMove", start, end)  # a second finger
    send("touchEnd")
    expect(row(phone, STOOL)).to_contain_text("not outlined")
    start, end = film_to_page(phone, 200, 300), film_to_page(phone, 260, 300)
    send("touchStart", start)
    send("touchMove", end)
    send("touchEnd")
    expect(row(phone, STOOL)).to_contain_text("added")
    small = "button, input, summary, label"
    sizes = phone.locator(f"#annotate :is({small})").evaluate_all(
        "nodes => nodes.map(n => (n.closest('label') ?? n).getBoundingClientRect().height)"
    )
    assert min(sizes) >= 44


def test_an_annotation_of_the_api_is_seen_in_the_page(
    page: Page, home: Path, clinic: Clinic, canned_networks: None
) -> None:
    """A mask with a hole, not the same both ways round, comes back as it was."""
    study_id = newest_study(home)
    drawn = np.zeros((512, 512), np.bool_)
    drawn[100:200, 50:300] = True
    drawn[140:150, 60:90] = False
    given = {"based_on": 0, "model": "m", "findings": {STOOL: {"decision": "added", "mask": mask_of(drawn)}}}
    annotate(study_id, NewAnnotation.model_validate(given), by="Dr Api", clinic=clinic)
    with running(canned(home)) as settings:
        page.goto(f"{front_page(settings)}#{study_id}")
        page.get_by_role("button", name="Correct outlines").click()
        row(page, AIR).get_by_role("button", name="Reject").click()
        save(page)
    assert np.array_equal(pixels(stored(clinic)[1], STOOL), drawn)
