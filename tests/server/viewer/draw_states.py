"""Draw the states of a report that must not mislead: `python -m tests.server.viewer.draw_states docs`.

A synthetic clinic is made, read with the bundled networks, signed and amended; it is gone afterwards. Writes
viewer_signed.png, viewer_doubt.png, viewer_refused.png, viewer_korean.png and viewer_phone.png.
"""

import hashlib
import io
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from tests.server.http_service import running
from tests.server.viewer.browser import chromium, front_page
from tests.server.viewer.draw_pictures import write

from pedaxr import generate_report
from pedaxr.clinic import Clinic
from pedaxr.demo.clinic import create_demo_clinic
from pedaxr.demo.patients import FEWEST_PATIENTS
from pedaxr.registry import NewStudy, Patient
from pedaxr.reports.sign_off import amend, finalise
from pedaxr_models.labels import Finding, View
from pedaxr_models.phantom import FilmSpec, make_film
from pedaxr_server.settings import Settings

MIRRORED, TWO = "S-MIRRORED", "S-TWO"
AIR = FilmSpec(3, 8, View.ERECT, 70.0, ((Finding.PNEUMOPERITONEUM, 0.8),))
STATES = ("signed", "doubt", "refused", "korean", "phone")


def main(folder: Path) -> None:
    """Make the clinic, serve it, and draw each state."""
    with tempfile.TemporaryDirectory() as made:
        clinic = create_demo_clinic(Path(made) / "clinic", patients=FEWEST_PATIENTS, processes=1)
        add_film(clinic, MIRRORED, "최지우", np.fliplr(make_film(AIR).pixels))
        add_film(clinic, TWO, "한서준", np.hstack([make_film(AIR).pixels] * 2))
        signed = sign(clinic)
        studies = dict(zip(STATES, (signed, MIRRORED, TWO, signed, signed), strict=True))
        with running(Settings(home=clinic.home, worker=False)) as settings, chromium() as browser:
            for state, study_id in studies.items():
                page = opened(browser, state)
                page.goto(f"{front_page(settings)}#{study_id}")
                write(folder / f"viewer_{state}.png", shot(page, state))


def add_film(clinic: Clinic, study_id: str, name: str, pixels: np.ndarray) -> None:
    """One more child with a film, as an import would register it."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    path = clinic.home / "films" / f"{study_id}.png"
    path.write_bytes(buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    study = NewStudy(
        study_id, f"P-{study_id}", path, digest, study_date=date(2025, 6, 2), view_position=View.ERECT
    )
    clinic.registry.add([Patient(f"P-{study_id}", name, date(2020, 1, 1), "F")], [study])


def sign(clinic: Clinic) -> str:
    """The study of a film with free air, signed, amended, and drafted once more; its id."""
    for study_id in (study.study_id for study in clinic.registry.newest_studies(20)):
        draft = generate_report(study_id, clinic=clinic) if study_id not in (MIRRORED, TWO) else None
        if draft and draft.critical:
            final = finalise(draft.report_id, by="Dr Kim Jisu", told="Dr Lee, ward 3", clinic=clinic)
            amend(final.report_id, by="Dr Lee Jiho", text="No free air on review.", clinic=clinic)
            generate_report(study_id, indication="fever", clinic=clinic)
            return study_id
    raise SystemExit("No film of the demo clinic is critical: no signature can be shown.")


def opened(browser: Browser, state: str) -> Page:
    """A tab: a phone, or a screen in the language of the state."""
    if state == "phone":
        return browser.new_context(
            viewport={"width": 390, "height": 844},
            device_scale_factor=1.5,
            has_touch=True,
            is_mobile=True,
            locale="en-GB",
            color_scheme="dark",
        ).new_page()
    locale = "ko-KR" if state == "korean" else "en-GB"
    return browser.new_page(viewport={"width": 1360, "height": 850}, color_scheme="dark", locale=locale)


def shot(page: Page, state: str) -> bytes:
    """A picture once the report, or the refusal, is there; of a phone as much as two screens."""
    there = "#failure" if state == "refused" else "#report-box:not([hidden])"
    expect(page.locator(there)).to_be_visible(timeout=120_000)
    page.locator("#status").wait_for(state="hidden", timeout=120_000)
    page.wait_for_timeout(600)
    if state != "phone":
        return page.screenshot()
    top = {"x": 0, "y": 0, "width": 390, "height": 1700}
    return page.screenshot(full_page=True, clip=top)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
