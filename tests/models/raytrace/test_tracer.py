"""The ray tracer: missed with a word on what to install, and true where it is there."""

import importlib.util

import numpy as np
import pytest

from radiosem.errors import RadiosemError
from radiosem_models.raytrace import tracer
from radiosem_models.raytrace.heights import OUTDOORS_M, height_map
from radiosem_models.raytrace.propagation import Rays
from radiosem_models.raytrace.tiles import plan_tiles
from radiosem_models.raytrace.tracing import TraceSettings, trace_tile

needs_tracer = pytest.mark.skipif(
    importlib.util.find_spec("sionna") is None or tracer.find_llvm() is None,
    reason="sionna-rt or libllvm19 is not installed (make install EXTRA=raytrace; apt-get install -y libllvm19)",
)


@pytest.fixture
def fresh():
    """Forget what was loaded, before and after."""
    tracer.ray_tracer.cache_clear()
    yield
    tracer.ray_tracer.cache_clear()


def test_without_sionna_the_error_names_the_extra(monkeypatch, fresh):
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *a: None if name == "sionna" else found(name, *a))
    with pytest.raises(RadiosemError, match="make install EXTRA=raytrace"):
        tracer.ray_tracer()


def test_without_llvm_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.delenv("DRJIT_LIBLLVM_PATH", raising=False)
    monkeypatch.setattr(tracer, "LLVM_FOLDERS", (str(tmp_path),))
    assert tracer.find_llvm() is None
    assert "apt-get install -y libllvm19" in tracer.missing_llvm()
    assert "DRJIT_LIBLLVM_PATH names the library" in tracer.missing_llvm()


def test_the_variable_names_the_library_and_a_wrong_one_is_said(monkeypatch, tmp_path):
    library = tmp_path / "libLLVM.so"
    monkeypatch.setenv("DRJIT_LIBLLVM_PATH", str(library))
    assert tracer.find_llvm() is None
    assert f"DRJIT_LIBLLVM_PATH is '{library}', which is not a file" in tracer.missing_llvm()
    library.touch()
    assert tracer.find_llvm() == library


def test_llvm_is_found_where_distributions_put_it(monkeypatch, tmp_path):
    monkeypatch.delenv("DRJIT_LIBLLVM_PATH", raising=False)
    (tmp_path / "x86_64-linux-gnu").mkdir()
    (tmp_path / "x86_64-linux-gnu" / tracer.LLVM).touch()
    monkeypatch.setattr(tracer, "LLVM_FOLDERS", (f"{tmp_path}/*-linux-gnu",))
    assert tracer.find_llvm() == tmp_path / "x86_64-linux-gnu" / tracer.LLVM


@pytest.fixture(scope="module")
def traced(town):
    """One tile with few rays, and the tile."""
    tile = plan_tiles([town], seed=0)[0]
    settings = TraceSettings(transmitters=1, cars=20, rays=Rays(60_000, 40_000))
    return tile, trace_tile(tile, settings)


@needs_tracer
@pytest.mark.filterwarnings("ignore")  # of the libraries
def test_a_traced_tile_is_friis_in_sight_and_weaker_in_shadow(traced):
    tile, result = traced
    ((col, row, height_m),) = result.antennas
    grey = result.images[f"gain/RT/{tile.tile_id}_0.png"].astype(float)
    buildings = result.images[f"png/buildings_complete/{tile.tile_id}.png"] > 0
    expected = np.flipud(height_map(tile.buildings, tile.cx, tile.cy) > OUTDOORS_M)
    np.testing.assert_array_equal(buildings, expected)
    assert not grey[buildings].any()
    assert not buildings[row, col]
    # Beside the transmitter nothing stands between: free space, and a few dB of what the ground and walls add.
    gain_db = -150 + grey[row, col] / 255 * (150 - 47.86)
    free_db = 20 * np.log10(299_792_458 / 5.9e9 / (4 * np.pi * (height_m - 1.5)))
    assert gain_db == pytest.approx(free_db, abs=4)
    assert np.median(grey[~buildings]) < grey[row, col] - 40


@needs_tracer
@pytest.mark.filterwarnings("ignore")
def test_a_tile_tells_its_noise_its_cars_and_its_heights(traced):
    tile, result = traced
    assert set(result.images) == {
        f"gain/RT/{tile.tile_id}_0.png",
        f"gain/carsRT/{tile.tile_id}_0.png",
        f"png/cars/{tile.tile_id}.png",
        f"png/heights/{tile.tile_id}.png",
        f"png/buildings_complete/{tile.tile_id}.png",
    }
    for model in ("RT", "carsRT"):
        (noise_db,) = result.entry["noise_db"][model]
        assert 0.05 < noise_db < 20  # few rays
    static, dynamic = (result.images[f"gain/{model}/{tile.tile_id}_0.png"] for model in ("RT", "carsRT"))
    assert (static != dynamic).any()
    assert 6 <= result.images[f"png/heights/{tile.tile_id}.png"].max() <= 15
