"""What both ends mean by a block, a transmitter, a sample, a path-loss law and the semantics of a radio map.

Rows run south (row 0 is the north edge), columns run east. Pixels are cells of `Grid.cell_size_m` metres.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError

BuildingMap: TypeAlias = NDArray[np.bool_]  # [H, W], True inside buildings
CarMap: TypeAlias = NDArray[np.bool_]  # [H, W], True on cars
DepthMap: TypeAlias = NDArray[np.float32]  # [H, W] in [0, 1]
RadioMap: TypeAlias = NDArray[np.float32]  # [H, W] received power in dBm, NaN inside buildings
Section: TypeAlias = Literal["buildings", "cars", "readings"]  # of a frame's weak part, which the air may take

DEFAULT_POWER_DBM, DEFAULT_THRESHOLD_DBM = 23.0, -90.0  # radiated; received, below which there is an outage
RECEIVER_HEIGHT_M = 1.5  # the height every map is drawn for
SPEED_OF_LIGHT_M_S = 299_792_458.0
MAX_TRANSMITTERS = 16
MIN_SIDE, MAX_SIDE = 32, 1024  # pixels
CELL_SIZES_M = (0.1, 25.5)


@dataclass(frozen=True)
class Grid:
    """The block a map covers: `rows` x `cols` square cells of `cell_size_m` metres, rounded to whole millimetres.

    raises InputError when a side is outside 32..1024 pixels or the cell outside 0.1..25.5 m
    """

    rows: int = 256
    cols: int = 256
    cell_size_m: float = 1.0

    def __post_init__(self) -> None:
        for name in ("rows", "cols"):
            side = getattr(self, name)
            if not MIN_SIDE <= side <= MAX_SIDE:
                raise InputError(f"grid {name} is {side}; it must lie in {MIN_SIDE}..{MAX_SIDE} pixels")
        low_m, high_m = CELL_SIZES_M
        if not low_m <= self.cell_size_m <= high_m:  # neither does NaN
            raise InputError(f"grid cell_size_m is {self.cell_size_m}; it must lie in {low_m}..{high_m} metres")
        # As a frame carries it: what hangs on it must come out alike at both ends.
        object.__setattr__(self, "cell_size_m", round(self.cell_size_m * 1000) / 1000)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.rows, self.cols


@dataclass(frozen=True)
class Place:
    """Where on Earth a block lies: its north-west corner, in a projected coordinate system, axes east and north.

    epsg             number of the system in the EPSG registry, such as 32631 for UTM zone 31N
    west_m, north_m  easting and northing of the corner, metres, rounded to whole centimetres
    raises           InputError when the number is outside 1024..32767, the range of GeoTIFF, or a coordinate beyond
                     20,000 km
    """

    epsg: int
    west_m: float
    north_m: float

    def __post_init__(self) -> None:
        if not 1024 <= self.epsg <= 32767:
            raise InputError(f"place epsg is {self.epsg}; it must lie in 1024..32767")
        for name in ("west_m", "north_m"):
            value = getattr(self, name)
            if not abs(value) <= 2e7:
                raise InputError(f"place {name} is {value}; it must lie in -20000000..20000000 metres")
            object.__setattr__(self, name, round(value * 100) / 100)  # as a frame carries it


@dataclass(frozen=True)
class Transmitter:
    """A transmitter: pixel column and row, antenna height above ground, radiated power and carrier.

    raises InputError on a value that is not finite or not physical
    """

    col: int
    row: int
    height_m: float = 10.0
    power_dbm: float = DEFAULT_POWER_DBM
    frequency_hz: float = 5.9e9

    def __post_init__(self) -> None:
        for name, low, high, unit in (
            ("height_m", 0.0, 255.5, "metres"),
            ("power_dbm", -64.0, 63.5, "dBm"),
            ("frequency_hz", 1e6, 65.535e9, "Hz"),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"transmitter {name} is {value}; it must lie in {low:g}..{high:g} {unit}")

    def check_inside(self, grid: Grid, index: int = 0) -> None:
        """Raise InputError unless the transmitter stands on the grid."""
        if not (0 <= self.col < grid.cols and 0 <= self.row < grid.rows):
            raise InputError(
                f"transmitter {index} at col {self.col}, row {self.row} is outside the grid; "
                f"col must lie in 0..{grid.cols - 1} and row in 0..{grid.rows - 1}"
            )


@dataclass(frozen=True)
class Samples:
    """Power samples: S readings, each of one identified transmitter.

    transmitter int64 [S] index of the transmitter; col, row int64 [S] pixels; power_dbm float64 [S]
    """

    transmitter: NDArray[np.int64]
    col: NDArray[np.int64]
    row: NDArray[np.int64]
    power_dbm: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.power_dbm)

    def cells(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Where something was read, bool [H, W]."""
        read = np.zeros(shape, np.bool_)
        read[self.row, self.col] = True
        return read


@dataclass(frozen=True)
class Readings:
    """Power samples as a frame carries them: few, each the mean over a coarse cell, on steps of 4 dB.

    transmitter  int64 [S] index of the transmitter
    row, col     int64 [S] of the coarse cell, see `radiosem.readings.section.coarse`
    gain_db      float64 [S] path gain
    heard        bool [S], False where there was nothing to hear: the gain is at most `gain_db`
    """

    transmitter: NDArray[np.int64]
    row: NDArray[np.int64]
    col: NDArray[np.int64]
    gain_db: NDArray[np.float64]
    heard: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.gain_db)

    def of(self, transmitter: int) -> "Readings":
        """Those of one transmitter."""
        return self.where(self.transmitter == transmitter)

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Readings":
        """Those that a mask or indices choose."""
        return Readings(
            self.transmitter[chosen], self.row[chosen], self.col[chosen], self.gain_db[chosen], self.heard[chosen]
        )


@dataclass(frozen=True)
class PathLoss:
    """The log-distance law of one transmitter: loss in dB = pl0_db + slope_db * log10(d / 1 m), d >= 1 m.

    pl0_db, slope_db          loss at 1 m (dB) and its growth per decade of metres (dB)
    pl0_se_db, slope_se_db    standard errors, 0 where unknown (as at the receiver)
    samples                   readings the fit used
    from_prior                True when the readings could not tell the slope and the prior stands in
    """

    pl0_db: float
    slope_db: float
    pl0_se_db: float = 0.0
    slope_se_db: float = 0.0
    samples: int = 0
    from_prior: bool = False


@dataclass(frozen=True)
class Semantics:
    """The causes of a radio map: what a frame carries.

    buildings      None when the mask was lost on the air: the map is then a path-loss map, `degraded`
    readings       what the causes alone would not tell; None when none were sent, or they were lost
    cars_lost      cars were sent and did not arrive
    readings_lost  readings were sent and did not arrive
    place          where on Earth; None where it was not said
    """

    grid: Grid
    transmitters: tuple[Transmitter, ...]
    path_losses: tuple[PathLoss, ...]
    buildings: BuildingMap | None
    cars: CarMap | None = None
    readings: Readings | None = None
    cars_lost: bool = False
    readings_lost: bool = False
    place: Place | None = None

    @property
    def degraded(self) -> bool:
        """True when the building mask is missing."""
        return self.buildings is None

    @property
    def lost(self) -> tuple[Section, ...]:
        """What was sent and did not arrive, the worst first."""
        lost: dict[Section, bool] = {
            "buildings": self.degraded,
            "cars": self.cars_lost,
            "readings": self.readings_lost,
        }
        return tuple(name for name, missing in lost.items() if missing)
