"""Sampled pixels of a map -> the whole map, by methods that know neither buildings nor transmitters."""

from collections.abc import Callable

from radiosem.scale import Grey
from testbed.interpolation.knn import nearest_neighbours
from testbed.interpolation.kriging import ordinary_kriging
from testbed.interpolation.local_polynomial import local_polynomial
from testbed.interpolation.readings import Readings

# Name on the command line -> readings and the shape of the map to the map: a new method is one file and one line here.
INTERPOLATORS: dict[str, Callable[[Readings, tuple[int, int]], Grey]] = {
    "knn": nearest_neighbours,
    "local-polynomial": local_polynomial,
    "kriging": ordinary_kriging,
}
