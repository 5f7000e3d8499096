"""Log-likelihood ratios of a code word -> the code word, by layered belief propagation.

Kept apart from the encoder because it needs numba, which an edge device that only sends never loads.
"""

import numpy as np
from numpy.typing import NDArray

from channel_sim.ldpc.code import Code
from radiosem.compiled import jit

MAX_ITERATIONS = 40
_MAX_CHECK_DEGREE = 32


@jit
def _satisfied(posterior, starts, variables):  # type: ignore[no-untyped-def]
    for llr in posterior:
        # An undecided bit satisfies no check: an erased block must not pass for the all-zero word.
        if llr == 0.0:
            return False
    for check in range(len(starts) - 1):
        odd = False
        for edge in range(starts[check], starts[check + 1]):
            odd ^= posterior[variables[edge]] < 0.0
        if odd:
            return False
    return True


@jit
def _box_plus(a, b):  # type: ignore[no-untyped-def]
    # LLR of the sum of two bits (Hu et al., IEEE Globecom 2001). Without the two corrections this is min-sum, which
    # loses one to two decibels on shortened, repeated blocks; ln(1 + exp(-x)) is taken as a straight line, then 0.
    total, difference = abs(a + b), abs(a - b)
    smaller = np.float32(0.5) * (total - difference)
    over = max(np.float32(0.0), np.float32(0.65) - np.float32(0.25) * total)
    under = max(np.float32(0.0), np.float32(0.65) - np.float32(0.25) * difference)
    return smaller + over - under


@jit
def _propagate(posterior, starts, variables, max_iterations):  # type: ignore[no-untyped-def]
    messages = np.zeros(len(variables), dtype=np.float32)
    beliefs = np.empty(_MAX_CHECK_DEGREE, dtype=np.float32)
    before = np.empty(_MAX_CHECK_DEGREE, dtype=np.float32)
    for _ in range(max_iterations):
        if _satisfied(posterior, starts, variables):
            return True
        for check in range(len(starts) - 1):
            begin, end = starts[check], starts[check + 1]
            last = end - begin - 1
            for i in range(last + 1):
                beliefs[i] = posterior[variables[begin + i]] - messages[begin + i]
            # before[i] joins the beliefs left of i, after those right of it: together all but bit i's own.
            before[1] = beliefs[0]
            for i in range(2, last + 1):
                before[i] = _box_plus(before[i - 1], beliefs[i - 1])
            after = beliefs[last]
            messages[begin + last] = before[last]
            for i in range(last - 1, 0, -1):
                messages[begin + i] = _box_plus(before[i], after)
                after = _box_plus(after, beliefs[i])
            messages[begin] = after
            for i in range(last + 1):
                posterior[variables[begin + i]] = beliefs[i] + messages[begin + i]
    return _satisfied(posterior, starts, variables)


def decode(code: Code, llrs: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """The code word nearest in belief, or None when 40 iterations find no zero syndrome.

    llrs     float32 [n], finite, positive for 0 (layered schedule: Hocevar, IEEE SiPS 2004)
    returns  uint8 [n], each 0 or 1, satisfying every check; or None
    """
    starts, variables = code.checks
    posterior = llrs.astype(np.float32)
    if not _propagate(posterior, starts, variables, MAX_ITERATIONS):
        return None
    return (posterior < 0.0).astype(np.uint8)
