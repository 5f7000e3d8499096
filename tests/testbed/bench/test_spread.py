"""Tasks spread over processes come back whole, and so does the reason why they cannot."""

import os

import pytest

from radiosem.errors import InputError
from testbed.bench.spread import spread


class Doubles:
    """Work that needs a positive start."""

    def __init__(self, start: int) -> None:
        if start < 0:
            raise InputError(f"start is {start}; it must be at least 0")
        self.start = start

    def __call__(self, task: int) -> tuple[int, int]:
        return self.start + 2 * task, os.getpid()


def test_every_task_is_done_once_in_other_processes() -> None:
    outcomes = list(spread(Doubles, (1,), range(6), workers=2))
    assert sorted(outcome for outcome, _ in outcomes) == [1, 3, 5, 7, 9, 11]
    assert os.getpid() not in {process for _, process in outcomes}


@pytest.mark.parametrize("workers", [1, 2])
def test_why_a_worker_cannot_begin_is_told(workers: int, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="start is -1; it must be at least 0"):
        list(spread(Doubles, (-1,), range(6), workers=workers))
    assert "Traceback" not in capfd.readouterr().err
