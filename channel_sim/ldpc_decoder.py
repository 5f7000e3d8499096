"""Log-likelihood ratios of a code word -> the code word, by layered normalised min-sum.

Kept apart from the encoder because it needs numba, which an edge device that only sends never loads.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from channel_sim.ldpc import Code

MAX_ITERATIONS = 40
# Min-sum overestimates the sum-product messages; this factor takes most of the loss back (Chen and Fossorier, 2002).
SCALE = 0.75


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
def _layered_min_sum(posterior, starts, variables, scale, max_iterations):  # type: ignore[no-untyped-def]
    messages = np.zeros(len(variables), dtype=np.float32)
    for _ in range(max_iterations):
        if _satisfied(posterior, starts, variables):
            return True
        for check in range(len(starts) - 1):
            begin, end = starts[check], starts[check + 1]
            least, second = np.float32(np.inf), np.float32(np.inf)
            least_edge = begin
            odd = False
            for edge in range(begin, end):
                extrinsic = posterior[variables[edge]] - messages[edge]
                posterior[variables[edge]] = extrinsic
                odd ^= extrinsic < 0.0
                magnitude = abs(extrinsic)
                if magnitude < least:
                    second = least
                    least = magnitude
                    least_edge = edge
                elif magnitude < second:
                    second = magnitude
            for edge in range(begin, end):
                extrinsic = posterior[variables[edge]]
                message = scale * (second if edge == least_edge else least)
                if odd != (extrinsic < 0.0):
                    message = -message
                messages[edge] = message
                posterior[variables[edge]] = extrinsic + message
    return _satisfied(posterior, starts, variables)


def decode(code: Code, llrs: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """The code word nearest in belief, or None when no zero syndrome is found in 40 iterations.

    llrs     float32 [n], finite, positive for 0 (layered schedule: Hocevar, 2004)
    returns  uint8 [n], each 0 or 1, satisfying every check; or None
    """
    starts, variables = code.checks
    posterior = llrs.astype(np.float32)
    if not _layered_min_sum(posterior, starts, variables, np.float32(SCALE), MAX_ITERATIONS):
        return None
    return (posterior < 0.0).astype(np.uint8)
