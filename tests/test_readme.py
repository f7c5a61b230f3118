"""README.md does what it says: its Python runs, its commands and files exist."""

import re
from pathlib import Path

import pytest

from pedaxr.demo.clinic import create_demo_clinic
from pedaxr.demo.patients import FEWEST_PATIENTS
from pedaxr_server.cli.app import main

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_example_runs_on_a_demo_clinic_and_the_shipped_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PEDAXR_HOME", str(tmp_path / "clinic"))
    create_demo_clinic(patients=FEWEST_PATIENTS, processes=1)
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    shown = capsys.readouterr().out
    assert "preliminary" in shown and "not a medical device" in shown


def test_every_command_and_option_named_exists() -> None:
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
    used = re.findall(r"^(?:PEDAXR_WEIGHTS=\S+ )?pedaxr ([a-z]+)(.*)$", shell, re.MULTILINE)
    assert {name for name, _ in used} >= {"demo", "find", "segment", "report", "import", "serve", "train"}
    for name, rest in used:
        command = main.commands[name]
        if name in ("train", "evaluate"):
            command = command.commands[rest.split()[0]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest.split("#")[0])) <= known, (name, rest)


def test_every_file_and_make_target_named_exists() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT):
        assert (ROOT / link).exists(), link
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"make ([a-z-]+)", TEXT)) <= set(targets)


@pytest.mark.parametrize(
    "path",
    ["README.md", *(f"models/pedaxr_models/weights/{n}/README.md" for n in ("segmentation", "captioner"))],
)
def test_what_a_clinician_reads_says_synthetic_and_not_for_clinical_use(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8").lower()
    assert "synthetic" in text and "not a medical device" in text
