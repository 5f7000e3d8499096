"""Meshes -> a Sionna RT scene that is asked for the power its rays bring to every cell."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiosem.types import RECEIVER_HEIGHT_M, SPEED_OF_LIGHT_M_S
from radiosem_models.raytrace.heights import SIDE, cell_centres
from radiosem_models.raytrace.mesh import Mesh, joined
from radiosem_models.raytrace.tracer import ray_tracer

GROUND_HALF_M = 300.0
BOUNCES = 5

Point = tuple[float, float, float]  # metres east, north, up
Field = NDArray[np.float64]  # [SIDE, SIDE], row 0 = south


class Scene:
    """Concrete buildings and cars of metal on flat ground, and one transmitter at a time.

    buildings     meshes in metres
    cx, cy        centre of the map in metres
    frequency_hz  carrier
    """

    def __init__(self, buildings: Sequence[Mesh], cx: float, cy: float, frequency_hz: float) -> None:
        self._rt, self._mi, self._dr = ray_tracer()
        self.cx, self.cy, self.wavelength_m = cx, cy, SPEED_OF_LIGHT_M_S / frequency_hz
        self._scene = self._rt.load_scene(None)
        self._scene.frequency = frequency_hz
        half = GROUND_HALF_M
        corners = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]])
        ground = Mesh(corners + np.array([cx, cy, 0]), np.array([[0, 1, 2], [0, 2, 3]]))
        self._scene.edit(
            add=[
                self._object("buildings", joined(buildings), "walls", "concrete", 0.3),
                self._object("ground", ground, "soil", "concrete", 10.0),
            ]
        )
        self._scene.tx_array = self._scene.rx_array = self._rt.PlanarArray(
            num_rows=1, num_cols=1, vertical_spacing=0.5, horizontal_spacing=0.5, pattern="iso", polarization="V"
        )

    def add_cars(self, cars: Sequence[Mesh]) -> None:
        """Put the cars into the scene; they stay."""
        self._scene.edit(add=[self._object("cars", joined(cars), "car", "metal", 0.01)])

    def place(self, transmitter: Point) -> None:
        """Move the one transmitter."""
        for name in list(self._scene.transmitters):
            self._scene.remove(name)
        self._scene.add(self._rt.Transmitter("tx", position=self._mi.Point3f(*transmitter)))

    def reflected_gain(self, rays: int, seed: int) -> Field:
        """Linear gain by specular reflections up to five bounces, the sight line left out."""
        return self._solve(seed, samples_per_tx=rays, max_depth=BOUNCES, diffraction=False)

    def diffracted_gain(self, rays: int, seed: int) -> Field:
        """Linear gain by first-order diffraction."""
        return self._solve(seed, samples_per_tx=rays, max_depth=1, specular_reflection=False, diffraction=True)

    def sight_gain(self, transmitter: Point) -> Field:
        """Friis gain where the sight line is free, else 0. The solver's own sampled line of sight is noisy."""
        mi = self._mi
        x, y = cell_centres(self.cx, self.cy)
        cells = mi.Point3f(x.ravel().astype(np.float32), y.ravel().astype(np.float32), RECEIVER_HEIGHT_M)
        towards = mi.Point3f(*transmitter) - cells
        length = self._dr.norm(towards)
        rays = mi.Ray3f(cells, towards / length, length * 0.999, 0.0, [])
        free = ~np.array(self._scene.mi_scene.ray_test(rays)).reshape(SIDE, SIDE)
        tx, ty, tz = transmitter
        d = np.maximum(np.sqrt((x - tx) ** 2 + (y - ty) ** 2 + (tz - RECEIVER_HEIGHT_M) ** 2), 0.5)
        return np.asarray(free * (self.wavelength_m / (4 * np.pi * d)) ** 2, np.float64)

    def _solve(self, seed: int, **how: Any) -> Field:
        mi = self._mi
        found = self._rt.RadioMapSolver()(
            self._scene,
            center=mi.Point3f(self.cx, self.cy, RECEIVER_HEIGHT_M),
            orientation=mi.Point3f(0, 0, 0),
            size=mi.Point2f(SIDE, SIDE),
            cell_size=mi.Point2f(1, 1),
            los=False,
            refraction=False,
            seed=seed,
            **how,
        )
        return np.asarray(np.array(found.path_gain)[0], np.float64)

    def _object(self, name: str, mesh: Mesh, material: str, itu_type: str, thickness_m: float) -> Any:
        mi = self._mi
        shape = mi.Mesh(
            name,
            vertex_count=len(mesh.vertices),
            face_count=len(mesh.faces),
            has_vertex_normals=False,
            has_vertex_texcoords=False,
        )
        params = mi.traverse(shape)
        params["vertex_positions"] = np.ascontiguousarray(mesh.vertices, np.float32).ravel()
        params["faces"] = np.ascontiguousarray(mesh.faces, np.uint32).ravel()
        params.update()
        radio_material = self._rt.ITURadioMaterial(material, itu_type, thickness=thickness_m)
        return self._rt.SceneObject(mi_mesh=shape, name=name, radio_material=radio_material)
