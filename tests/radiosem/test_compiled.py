"""Compiled loops run wherever they are installed."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from radiosem.compiled import compiled


def test_a_loop_compiles_where_its_machine_code_can_be_kept_nowhere() -> None:
    scope: dict[str, object] = {}
    exec(compile("def twice(x): return 2 * x", "/no/such/folder/loop.py", "exec"), scope)
    assert compiled(scope["twice"])(21) == 42  # type: ignore[arg-type]


def test_numba_is_loaded_by_the_first_call_and_not_by_an_import() -> None:
    script = "import sys, radiosem.physics.depth\nassert 'numba' not in sys.modules"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_an_error_of_the_loop_is_not_taken_for_a_missing_cache() -> None:
    @compiled
    def fail() -> None:
        raise RuntimeError("of the loop")

    with pytest.raises(RuntimeError, match="of the loop"):
        fail()


def test_threads_may_make_the_first_call_at_once() -> None:
    @compiled
    def total(values):  # type: ignore[no-untyped-def]
        result = 0
        for value in values:
            result += value
        return result

    values, results = np.arange(1000), []
    threads = [threading.Thread(target=lambda: results.append(total(values))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [499500] * 4
