"""What is said of a process is that process's own."""

import os
import subprocess
import sys

import numpy as np

from testbed.environment import peak_mb


def test_the_memory_of_a_process_is_not_that_of_the_one_that_started_it() -> None:
    held = np.ones(400 * 2**17)  # 400 MB, each page touched
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    code = "from testbed.environment import peak_mb; print(peak_mb())"
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env, timeout=60
    )
    assert 5 < float(child.stdout) < 300
    assert peak_mb() > 400
    del held
