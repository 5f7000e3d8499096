"""Radio maps, outage maps and masks -> small PNG pictures, transparent where nothing is, and GeoTIFF; row 0 = north."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin, TiffTags

from radiosem.types import BuildingMap, Place, RadioMap
from server_rx.outage import OutageMap

# Sixteen stops of viridis (matplotlib, CC0), evenly spaced: equal steps in dB look equally large, also in grey.
_VIRIDIS = (
    "440154 481a6c 472f7d 414487 39568c 31688e 2a788e 23888e 1f988b 22a884 35b779 54c568 7ad151 a5db36 d2e21b fde725"
)
_PIXEL_SCALE, _TIE_POINT, _GEO_KEYS, _NO_DATA = 33550, 33922, 34735, 42113  # tags of GeoTIFF, and GDAL's of no data
_CLEAR = 255  # palette index of the transparent pixels
_OUTAGE_RGB = (214, 69, 39)
_BUILDING_RGB = (70, 74, 82)


def viridis() -> NDArray[np.uint8]:
    """The colour map, uint8 [255, 3] RGB, dark is low."""
    stops = np.array([list(bytes.fromhex(stop)) for stop in _VIRIDIS.split()], float)
    at = np.linspace(0, len(stops) - 1, _CLEAR)
    channels = [np.interp(at, np.arange(len(stops)), channel) for channel in stops.T]
    return np.asarray(np.rint(np.stack(channels, axis=1)), np.uint8)


def map_png(map_dbm: RadioMap, min_dbm: float, max_dbm: float) -> bytes:
    """A radio map in viridis from min_dbm to max_dbm, values beyond clipped; buildings (NaN) are transparent."""
    indoors = np.isnan(map_dbm)
    share = (np.where(indoors, min_dbm, map_dbm) - min_dbm) / (max_dbm - min_dbm)
    index = np.rint(np.clip(share, 0, 1) * (_CLEAR - 1)).astype(np.uint8)
    index[indoors] = _CLEAR
    return _png(index, viridis())


def map_tif(map_dbm: RadioMap, cell_size_m: float, place: Place | None) -> bytes:
    """A radio map as GeoTIFF (OGC 19-008r4): float32 dBm, NaN inside buildings; without a place a plain TIFF."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[_NO_DATA] = "nan"
    if place is not None:
        tags.tagtype[_PIXEL_SCALE] = tags.tagtype[_TIE_POINT] = TiffTags.DOUBLE
        tags[_PIXEL_SCALE] = (cell_size_m, cell_size_m, 0.0)
        tags[_TIE_POINT] = (0.0, 0.0, 0.0, place.west_m, place.north_m, 0.0)
        tags.tagtype[_GEO_KEYS] = TiffTags.SHORT
        # Version 1.1.0, three keys: a projected model, a pixel is an area, the system's EPSG number.
        tags[_GEO_KEYS] = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, place.epsg)
    buffer = io.BytesIO()
    Image.fromarray(map_dbm).save(buffer, "TIFF", tiffinfo=tags, compression="tiff_adobe_deflate")
    return buffer.getvalue()


def outage_png(outage: OutageMap) -> bytes:
    """An outage map as an overlay: outage is orange, everything else transparent."""
    return _png(np.where(outage, 0, _CLEAR).astype(np.uint8), np.array([_OUTAGE_RGB], np.uint8))


def buildings_png(buildings: BuildingMap) -> bytes:
    """A building mask as a ground to draw on: buildings are dark grey, everything else transparent."""
    return _png(np.where(buildings, 0, _CLEAR).astype(np.uint8), np.array([_BUILDING_RGB], np.uint8))


def _png(index: NDArray[np.uint8], colours: NDArray[np.uint8]) -> bytes:
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(colours)] = colours
    image = Image.fromarray(index)
    image.putpalette(palette.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=_CLEAR)
    return buffer.getvalue()
