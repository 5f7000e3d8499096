"""A true and a rebuilt radio map -> scores: grey, dB, outage.

A score that is not defined (no such pixels, a division by zero, an unknown dB scale) is None, never NaN.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem.scale import Scale
from radiosem.types import DEFAULT_POWER_DBM, DEFAULT_THRESHOLD_DBM, BuildingMap, RadioMap


@dataclass(frozen=True)
class OutageScores:
    """How well the pixels below a power threshold are found.

    outage_iou        intersection over union of the true and the predicted outage
    coverage_iou      the same of the pixels in coverage
    all_outage_iou    the outage_iou of calling every pixel an outage, which is the share in outage
                      (its coverage_iou is 0)
    """

    outage_iou: float | None
    coverage_iou: float | None
    all_outage_iou: float | None


@dataclass(frozen=True)
class MapScores(OutageScores):
    """Scores of one map, or `pooled` over several; None where undefined.

    mse, nmse, rmse, ssim, psnr             grey in [0, 1], all pixels, buildings 0; psnr in dB. All but ssim, which
                                            needs whole windows, leave out the pixels of samples
    mse_outdoor                             grey, uncensored pixels outside the true buildings
    rmse_db, rmse_db_los, rmse_db_nlos      dB, the same pixels: all, in sight of the transmitter, and not
    censored_share                          share of the outdoor pixels whose truth is censored
    pixels, energy                          pixels of mse, and the mean square of the truth over them
    outdoor_pixels                          pixels of mse_outdoor and rmse_db
    los_pixels, nlos_pixels                 pixels of rmse_db_los and rmse_db_nlos
    """

    mse: float
    nmse: float | None
    rmse: float
    ssim: float
    psnr: float | None
    mse_outdoor: float | None
    rmse_db: float | None
    rmse_db_los: float | None
    rmse_db_nlos: float | None
    censored_share: float | None
    pixels: int
    energy: float
    outdoor_pixels: int
    los_pixels: int | None
    nlos_pixels: int | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """The scores that a row holds by their names, beside other things."""
        return cls(**{field.name: row[field.name] for field in fields(cls)})


def ssim(truth: NDArray[Any], prediction: NDArray[Any]) -> float:
    """Mean structural similarity of two grey images in [0, 1] (Wang et al., IEEE Trans. Image Process. 13(4), 2004).

    Gaussian window 11 x 11 of sigma 1.5, K1 = 0.01, K2 = 0.03, data range 1, only windows wholly inside the image.

    truth, prediction  [H, W], sides at least 11
    """
    taps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    taps /= taps.sum()

    def window_mean(image: NDArray[Any]) -> NDArray[np.float64]:
        down = sliding_window_view(image, 11, axis=0) @ taps
        return np.asarray(sliding_window_view(down, 11, axis=1) @ taps, np.float64)

    x, y = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    check_shapes(x.shape, prediction=y)
    if min(x.shape) < 11:
        raise InputError(f"truth has shape {x.shape}; ssim needs sides of at least 11 pixels")
    mu_x, mu_y = window_mean(x), window_mean(y)
    var_x = window_mean(x * x) - mu_x**2
    var_y = window_mean(y * y) - mu_y**2
    covariance = window_mean(x * y) - mu_x * mu_y
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mu_x * mu_y + c1) * (2 * covariance + c2) / ((mu_x**2 + mu_y**2 + c1) * (var_x + var_y + c2))
    return float(similarity.mean())


def score_outage(
    truth_power_dbm: NDArray[Any],
    censored: NDArray[np.bool_],
    prediction_dbm: NDArray[Any],
    buildings: BuildingMap,
    threshold_dbm: float = DEFAULT_THRESHOLD_DBM,
) -> OutageScores:
    """Compare where the power is below the threshold, over the pixels outside buildings.

    truth_power_dbm  [H, W]; a censored pixel is in outage whatever stands here
    censored         bool [H, W], truth known only to be at most the floor
    prediction_dbm   [H, W]; NaN (the prediction has a building there, so no power) is in outage
    buildings        bool [H, W], true buildings and any other pixels to leave out
    """
    check_shapes(buildings.shape, truth_power_dbm=truth_power_dbm, censored=censored, prediction_dbm=prediction_dbm)
    truth = ((truth_power_dbm < threshold_dbm) | censored)[~buildings]
    prediction = ~(prediction_dbm >= threshold_dbm)[~buildings]
    return OutageScores(
        outage_iou=_iou(truth, prediction),
        coverage_iou=_iou(~truth, ~prediction),
        all_outage_iou=float(truth.mean()) if truth.size else None,
    )


def score_grey(
    truth_grey: NDArray[Any],
    prediction_grey: NDArray[Any],
    true_buildings: BuildingMap,
    received_buildings: BuildingMap,
    exclude: NDArray[np.bool_] | None = None,
) -> MapScores:
    """Score a map whose dB scale is unknown: the fields in dB and of outage are None.

    truth_grey          [H, W] in [0, 1]; 0 outdoors means censored
    prediction_grey     [H, W], clipped to [0, 1]; ignored where `received_buildings`, where it counts as 0
    true_buildings      bool [H, W]
    received_buildings  bool [H, W], the mask the prediction was made from
    exclude             bool [H, W] or None: pixels of the samples that the prediction knew, left out of all but ssim
    raises              InputError on shapes that differ, truth outside [0, 1], a prediction that is not a number
                        outside the received buildings, or nothing left to score
    """
    check_shapes(
        np.shape(truth_grey),
        prediction=prediction_grey,
        true_buildings=true_buildings,
        received_buildings=received_buildings,
        exclude=exclude,
    )
    truth_grey = np.asarray(truth_grey, np.float64)
    if not ((truth_grey >= 0) & (truth_grey <= 1)).all():
        raise InputError(f"truth_grey has values {truth_grey.min()}..{truth_grey.max()}; they must lie in 0..1")
    unknown = int((np.isnan(prediction_grey) & ~received_buildings).sum())
    if unknown:
        raise InputError(f"prediction has {unknown} NaN outside received_buildings; it must be a number there")

    truth = np.where(true_buildings, 0, truth_grey)
    prediction = np.where(received_buildings, 0, np.clip(prediction_grey, 0, 1)).astype(np.float64)
    squared = (prediction - truth) ** 2
    kept = np.ones(truth.shape, np.bool_) if exclude is None else ~exclude
    if not kept.any():
        raise InputError("exclude covers the whole map; there is no pixel left to score")
    mse, energy = float(squared[kept].mean()), float((truth[kept] ** 2).mean())
    scored = _outdoor(true_buildings, exclude)
    uncensored = scored & (truth > 0)
    return MapScores(
        **of_error(mse, energy),
        ssim=ssim(truth, prediction),
        mse_outdoor=_mean(squared[uncensored]),
        rmse_db=None,
        rmse_db_los=None,
        rmse_db_nlos=None,
        censored_share=_mean((truth == 0)[scored]),
        outage_iou=None,
        coverage_iou=None,
        all_outage_iou=None,
        pixels=int(kept.sum()),
        outdoor_pixels=int(uncensored.sum()),
        los_pixels=None,
        nlos_pixels=None,
    )


def score_map(
    truth_grey: NDArray[Any],
    prediction_gain_db: NDArray[Any],
    true_buildings: BuildingMap,
    received_buildings: BuildingMap,
    scale: Scale,
    line_of_sight: NDArray[np.bool_] | None = None,
    exclude: NDArray[np.bool_] | None = None,
    power_dbm: float = DEFAULT_POWER_DBM,
    threshold_dbm: float = DEFAULT_THRESHOLD_DBM,
) -> MapScores:
    """Every score of one rebuilt map.

    truth_grey          [H, W] in [0, 1] on `scale`; 0 outdoors means censored
    prediction_gain_db  [H, W] path gain in dB, clamped to the floor; NaN where `received_buildings`. An outdoor pixel
                        inside a received building has no power: the floor, an outage
    true_buildings      bool [H, W]
    received_buildings  bool [H, W], the mask the prediction was made from
    line_of_sight       bool [H, W] or None: where the transmitter is in sight
    exclude             bool [H, W] or None: pixels of the samples that the prediction knew, left out of all but ssim
    power_dbm           transmit power that turns gain into received power, for outage
    threshold_dbm       outage is received power below this; its scores are None where that is below the floor
    raises              InputError as `score_grey`
    """
    check_shapes(np.shape(truth_grey), prediction=prediction_gain_db, line_of_sight=line_of_sight)
    grey = scale.grey(prediction_gain_db)
    scores = score_grey(truth_grey, grey, true_buildings, received_buildings, exclude)

    scored = _outdoor(true_buildings, exclude)
    censored = np.asarray(truth_grey) == 0
    truth_db = scale.floor_db + np.asarray(truth_grey, np.float64) * scale.span_db
    received_db = np.where(received_buildings, np.nan, np.asarray(prediction_gain_db, np.float64))
    squared_db = (np.fmax(received_db, scale.floor_db) - truth_db) ** 2
    uncensored = scored & ~censored

    in_sight = None if line_of_sight is None else uncensored & line_of_sight
    in_shadow = None if line_of_sight is None else uncensored & ~line_of_sight

    def rmse_db(pixels: NDArray[np.bool_] | None) -> float | None:
        return None if pixels is None else root(_mean(squared_db[pixels]))

    outage = OutageScores(None, None, None)
    if threshold_dbm >= power_dbm + scale.floor_db:
        outage = score_outage(truth_db + power_dbm, censored, received_db + power_dbm, ~scored, threshold_dbm)
    return replace(
        scores,
        rmse_db=rmse_db(uncensored),
        rmse_db_los=rmse_db(in_sight),
        rmse_db_nlos=rmse_db(in_shadow),
        los_pixels=None if in_sight is None else int(in_sight.sum()),
        nlos_pixels=None if in_shadow is None else int(in_shadow.sum()),
        outage_iou=outage.outage_iou,
        coverage_iou=outage.coverage_iou,
        all_outage_iou=outage.all_outage_iou,
    )


def sum_power_dbm(powers_dbm: Sequence[NDArray[Any]]) -> RadioMap:
    """Received power of several transmitters together: the sum of milliwatts, in dBm.

    powers_dbm  one map [H, W] a transmitter; NaN stays NaN, -inf is no power (as for a censored truth)
    returns     float32 [H, W]
    raises      InputError when there is no map, or their shapes differ
    """
    if not powers_dbm:
        raise InputError("powers_dbm is empty; it must hold one map a transmitter")
    check_shapes(np.shape(powers_dbm[0]), **{f"powers_dbm[{i}]": power for i, power in enumerate(powers_dbm)})
    total_mw = np.sum([10 ** (np.asarray(power, np.float64) / 10) for power in powers_dbm], axis=0)
    with np.errstate(divide="ignore"):  # no power from any transmitter is -inf dBm
        return np.asarray(10 * np.log10(total_mw), np.float32)


def of_error(mse: float, energy: float) -> dict[str, Any]:
    """What follows from the mean square of an error and of the truth."""
    return {
        "mse": mse,
        "energy": energy,
        "nmse": mse / energy if energy > 0 else None,
        "rmse": float(np.sqrt(mse)),
        "psnr": float(-10 * np.log10(mse)) if mse > 0 else None,
    }


def root(mean_square: float | None) -> float | None:
    return None if mean_square is None else float(np.sqrt(mean_square))


def _outdoor(buildings: BuildingMap, exclude: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    return ~buildings if exclude is None else ~buildings & ~exclude


def _mean(values: NDArray[Any]) -> float | None:
    return float(values.mean()) if values.size else None


def _iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float | None:
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else None


def check_shapes(shape: tuple[int, ...], **arrays: Any) -> None:
    for name, array in arrays.items():
        if array is not None and np.shape(array) != shape:
            raise InputError(f"{name} has shape {np.shape(array)}; it must be {shape} like the truth")
