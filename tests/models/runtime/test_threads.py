"""How many threads a call takes, and what is begun beside it."""

import json
import os
import subprocess
import sys
import threading

import pytest

from pedaxr_models.runtime.threads import PRODUCT_THREADS, THREADS_VARIABLE, begin


def product_threads(**environment: str) -> tuple[list[int], list[int]]:
    """Of NumPy's products, before and after a process shares its cores."""
    program = (
        "import json, numpy\n"
        "from threadpoolctl import ThreadpoolController\n"
        "from pedaxr_models.runtime.threads import share_cores\n"
        "told = lambda: [one.num_threads for one in ThreadpoolController().select(internal_api='openblas')"
        ".lib_controllers if 'numpy' in one.filepath]\n"
        "before = told()\n"
        "share_cores()\n"
        "print(json.dumps([before, told()]))\n"
    )
    kept = {name: value for name, value in os.environ.items() if name not in PRODUCT_THREADS}
    done = subprocess.run(
        [sys.executable, "-c", program], env=kept | environment, capture_output=True, check=True
    )
    before, after = json.loads(done.stdout)
    return before, after


def test_opencv_gets_one_thread() -> None:
    program = (
        "import cv2\n"
        "from pedaxr_models.runtime.threads import share_cores\n"
        "cv2.setNumThreads(2)\n"
        "share_cores()\n"
        "print(cv2.getNumThreads())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert int(done.stdout) == 1


def test_products_get_one_thread_where_nobody_says_how_many() -> None:
    before, after = product_threads()
    assert before[0] > 1 or os.cpu_count() == 1, "control: NumPy takes all"
    assert after == [1]


@pytest.mark.parametrize("name", PRODUCT_THREADS)
def test_products_keep_the_threads_that_the_environment_gives_them(name: str) -> None:
    before, after = product_threads(**{name: "2"})
    assert before == after


@pytest.mark.parametrize(("threads", "is_beside"), [("1", False), ("2", True)])
def test_work_is_begun_beside_the_caller_where_a_call_has_two_cores(
    threads: str, is_beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(THREADS_VARIABLE, threads)
    has_two = is_beside and (os.cpu_count() or 1) > 1
    assert (begin(threading.get_ident).result(10) != threading.get_ident()) == has_two


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_went_wrong_beside_the_caller_is_raised_when_they_ask(
    threads: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(THREADS_VARIABLE, threads)

    def fail() -> None:
        raise error

    begun = begin(fail)
    with pytest.raises(error):
        begun.result(10)
