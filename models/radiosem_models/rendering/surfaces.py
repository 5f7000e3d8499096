"""Building heights -> the surfaces an aerial camera sees: the ground between the buildings, and their roofs.

The colours of roofs and ground overlap on purpose (grey roofs and asphalt, tiles and soil, green roofs and lawns):
what tells them apart is shape, texture and shadow, as in a photograph.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array  # type: ignore[import-untyped]
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

from radiosem_models.rendering.parts import PIXEL_M, Floats, Rng, Scene, blend, box, fill, floats, noise, pick

ROOF_COLOURS = {
    "terracotta": floats([[176, 98, 70], [160, 86, 64], [190, 122, 92], [150, 92, 76], [172, 118, 96]]),
    "grey": floats([[130, 130, 132], [110, 112, 115], [150, 150, 150], [122, 118, 112]]),
    "dark": floats([[66, 66, 70], [78, 74, 72], [54, 56, 62], [86, 88, 90]]),
    "light": floats([[200, 198, 192], [222, 220, 216], [186, 180, 170], [236, 236, 236]]),
    "metal": floats(
        [[150, 165, 178], [110, 132, 155], [158, 84, 82], [104, 128, 112], [186, 184, 178], [150, 110, 88]]
    ),
    "brown": floats([[120, 96, 80], [102, 82, 70], [142, 116, 96], [128, 112, 98]]),
    "green": floats([[96, 112, 66], [116, 122, 80], [130, 128, 92]]),
}
GROUND_COLOURS = {
    "asphalt": floats([[108, 108, 110], [88, 88, 92], [126, 123, 118], [98, 95, 92]]),
    "paving": floats([[165, 160, 150], [184, 175, 160], [150, 146, 140], [166, 132, 116]]),
    "concrete": floats([[200, 195, 188], [214, 210, 200], [176, 172, 166]]),
    "grass": floats([[95, 114, 60], [112, 126, 70], [82, 100, 56], [132, 130, 82]]),
    "soil": floats([[170, 126, 92], [150, 116, 88], [186, 150, 116], [168, 98, 68], [134, 104, 82]]),
}
WATER = floats([[62, 80, 76], [72, 88, 92], [88, 96, 72], [52, 66, 78]])
_LOOKS = 4096  # roofs are told apart by a hash into tables of this many random looks


@dataclass(frozen=True)
class Layout:
    """What the buildings of a block say of its plan.

    height_m   float32 [H, W], 0 outside          inside   bool [H, W]
    angle      main direction of the walls (rad)   u, v     float32 [H, W], metres along and across it
    outside_m  float32 [H, W], distance to the nearest building, 0 inside
    """

    height_m: Floats
    inside: NDArray[np.bool_]
    outside_m: Floats
    angle: float
    u: Floats
    v: Floats


def layout(heights_m: NDArray[np.uint8]) -> Layout:
    """Heights at the landscape's resolution -> the plan of the block."""
    inside = heights_m > 0
    dx, dy = cv2.spatialGradient(cv2.GaussianBlur(inside.astype(np.uint8) * 255, (0, 0), 2))
    wall = dx.astype(np.complex64) + 1j * dy
    fourfold = np.sum(wall**4 / (np.abs(wall) ** 3 + 1))  # walls at right angles to one another agree in this sum
    angle = float(np.angle(fourfold) / 4) if abs(fourfold) > 0 else 0.0
    y, x = (np.indices(inside.shape).astype(np.float32) - inside.shape[0] / 2) * PIXEL_M
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    outside_m = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5) * PIXEL_M
    return Layout(heights_m.astype(np.float32), inside, outside_m, angle, u.astype(np.float32), v.astype(np.float32))


def _bodies(plan: Layout) -> NDArray[np.int64]:
    """A number for each body of nearly equal height: int64 [H, W]."""
    height, inside = plan.height_m, plan.inside
    index = np.arange(height.size).reshape(height.shape)
    links = []
    for a, b in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        joined = inside[a] & inside[b] & (np.abs(height[a] - height[b]) <= 1)
        links.append((index[a][joined], index[b][joined]))
    rows, cols = (np.concatenate(part) for part in zip(*links, strict=True))
    graph = coo_array((np.ones(len(rows), np.uint8), (rows, cols)), (height.size, height.size))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64).reshape(height.shape)


def _edges(labels: NDArray[Any], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """1 inside a roof, 0 on its rim and outside: what a distance transform wants."""
    rim = ~inside
    rim[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    rim[1:] |= labels[1:] != labels[:-1]
    return (~rim).astype(np.uint8)


def roofs(rng: Rng, plan: Layout, scene: Scene) -> Floats:
    """Draw every roof into the scene; returns its rise above the eaves, float32 [H, W] m, for shading."""
    inside = plan.inside
    body = _bodies(plan)
    cell_u, cell_v = rng.uniform(8, 26), rng.uniform(9, 30)
    cell = np.floor(plan.u / cell_u).astype(np.int64) * 31 + np.floor(plan.v / cell_v).astype(np.int64) * 57
    cut = rng.random(_LOOKS) < rng.uniform(0.0, 0.6)  # bodies that are several houses wall to wall
    look = (body * 7919 + np.where(cut[body % _LOOKS], cell * 104729, 0)) % _LOOKS

    to_body = cv2.distanceTransform(_edges(body, inside), cv2.DIST_L2, 5) * PIXEL_M
    to_rim = cv2.distanceTransform(_edges(look, inside), cv2.DIST_L2, 5) * PIXEL_M
    kinds = rng.choice(4, _LOOKS, p=rng.dirichlet([1.2, 1.6, 1.0, 0.4]))  # flat, hip, ridge along the body, saw
    kind = kinds[look]
    slope = rng.uniform(0.25, 0.8, _LOOKS).astype(np.float32)[look]
    reach = rng.choice(floats([3, 5, 8, 14]), _LOOKS)[look]
    period = rng.uniform(6, 14)
    along = rng.random(_LOOKS)[look] < 0.5
    saw = period / 2 - np.abs((np.where(along, plan.u, plan.v) % period) - period / 2)
    rise = np.where(kind == 1, to_rim, np.where(kind == 2, to_body, saw))
    rise = np.where((kind == 0) | ~inside, 0, np.minimum(rise, reach) * slope).astype(np.float32)
    rise = floats(cv2.GaussianBlur(rise, (0, 0), 1.0))

    albedo = _roof_colours(rng, body, look)
    _weather(rng, plan, albedo, look, kind, rise)
    rim = np.clip(1.3 - to_rim, 0, 1) * rng.choice(floats([0, 0.12, 0.25, -0.2]), _LOOKS)[look]
    albedo *= (1 + rim)[..., None]
    parapet = (kind == 0) & (to_rim < 0.8) & (rng.random(_LOOKS)[look] < 0.7)

    scene.albedo[inside] = np.clip(albedo, 8, 252)[inside]
    scene.height_m[inside] = (plan.height_m + 0.8 * rise + 0.8 * parapet)[inside]
    _clutter(rng, plan, kind, to_rim, scene)
    return np.where(inside, rise, 0).astype(np.float32)


def _roof_colours(rng: Rng, body: NDArray[Any], look: NDArray[Any]) -> Floats:
    """Each body takes one or two families of colour, each roof on it a shade of its own: float32 [H, W, 3]."""
    shares = rng.dirichlet([1.4, 0.8, 0.35, 0.7, 0.5, 0.6, 0.06])
    family = rng.choice(len(ROOF_COLOURS), _LOOKS, p=shares)
    other = np.where(rng.random(_LOOKS) < 0.25, rng.choice(len(ROOF_COLOURS), _LOOKS, p=shares), -1)
    of_body = family[(body * 31) % _LOOKS]
    of_roof = np.where(other[look] >= 0, other[look], of_body)
    sizes = np.array([len(colours) for colours in ROOF_COLOURS.values()])
    table = np.concatenate(list(ROOF_COLOURS.values()))
    shade = (rng.random(_LOOKS)[look] * sizes[of_roof]).astype(np.int64) + (np.cumsum(sizes) - sizes)[of_roof]
    tint = rng.normal(0, 10, (_LOOKS, 1)) + rng.normal(0, 3, (_LOOKS, 3))
    return floats(np.clip(table[shade] + floats(tint)[look], 12, 250))


def _weather(rng: Rng, plan: Layout, albedo: Floats, look: NDArray[Any], kind: NDArray[Any], rise: Floats) -> None:
    """Courses of tiles or sheets down the slope, bright ridges, stains and rust, in place."""
    shape = look.shape
    dy, dx = np.gradient(rise)
    down_u = np.abs(dx * np.cos(plan.angle) + dy * np.sin(plan.angle)) > np.abs(
        dy * np.cos(plan.angle) - dx * np.sin(plan.angle)
    )
    across = np.where((kind == 0) & (rng.random(_LOOKS)[look] < 0.5), plan.u, np.where(down_u, plan.v, plan.u))
    width = rng.choice(floats([1.05, 1.4, 2.1, 3.3]), _LOOKS)[look]
    depth = (rng.random(_LOOKS) ** 2 * 0.11).astype(np.float32)[look]
    seams = np.sin(across * (2 * np.pi) / width) * depth * np.clip(0.7 + 0.5 * noise(rng, shape, 7), 0, 1.5)
    ridge = np.clip((rise - cv2.blur(rise, (5, 5))) * 1.2, 0, 0.25) * rng.uniform(-0.6, 1.0)
    stains = noise(rng, shape, 9) * 0.05 + noise(rng, shape, 2.5) * 0.05 + noise(rng, shape, 0.5) * 0.05
    rough = rng.uniform(0.4, 1.8, _LOOKS).astype(np.float32)[look]
    albedo *= (1 + seams + ridge + stains * rough)[..., None]
    rusty = np.clip(noise(rng, shape, 5) + 0.6 * noise(rng, shape, 1.2) - 0.9, 0, 1) * (rng.random(_LOOKS)[look] < 0.12)
    blend(albedo, (0.5 * rusty).astype(np.float32), floats([128, 84, 60]))


def _clutter(rng: Rng, plan: Layout, kind: NDArray[Any], to_rim: Floats, scene: Scene) -> None:
    """Chimneys, dormers and skylights on slopes; plant, hatches and solar panels on flat roofs."""
    rows, cols = kind.shape
    for _ in range(int(rng.integers(60, 420))):
        row, col = int(rng.integers(rows)), int(rng.integers(cols))
        if to_rim[row, col] < 1.5:
            continue
        room = min(float(to_rim[row, col]) * 1.2, 6.0)
        turn = plan.angle + (np.pi / 2) * rng.integers(2)
        if kind[row, col] == 0 and rng.random() < 0.12 and room > 3:
            for k in range(int(rng.integers(2, 5))):
                at = (col + 3.2 * k * np.sin(-turn), row + 3.2 * k * np.cos(turn))
                fill(scene.albedo, box(at, (room * 2, 2.0), turn), (38.0, 46.0, 70.0))
            continue
        flat = kind[row, col] == 0
        size = rng.uniform(0.7, 0.5 * room + 0.8, 2) if flat else rng.uniform(0.6, 1.5, 2)
        shade = float(rng.choice([55, 80, 120, 160, 200, 235])) + rng.normal(0, 6)
        corners = box((col, row), (float(size[0]) / PIXEL_M, float(size[1]) / PIXEL_M), turn)
        fill(scene.albedo, corners, [shade + float(t) for t in rng.normal(0, 4, 3)])
        if rng.random() < 0.75:
            fill(scene.height_m, corners, float(scene.height_m[row, col]) + float(rng.uniform(0.4, 2.2)))


def ground(rng: Rng, plan: Layout, scene: Scene) -> Floats:
    """Draw streets, yards, lawns and water into the scene; returns the density of trees a square metre, [H, W]."""
    shape, out = plan.inside.shape, plan.outside_m
    dense = float(np.clip((plan.inside.mean() - 0.15) / 0.25, 0, 1))
    names = list(GROUND_COLOURS)
    town, garden = np.array([3, 2.2, 0.7, 1.4, 0.25]), np.array([0.3, 0.4, 0.3, 4, 1.6])
    shares = rng.dirichlet(1.6 * (dense * town + (1 - dense) * garden))

    def material(wild: bool = False) -> tuple[Floats, float]:
        name = (
            str(rng.choice(["grass", "soil"], p=[0.4 + 0.4 * dense, 0.6 - 0.4 * dense]))
            if wild
            else names[rng.choice(len(names), p=shares)]
        )
        return pick(rng, GROUND_COLOURS[name], 10), {"grass": 0.012, "soil": 0.005}.get(name, 0.001)

    colour, trees_here = material()
    scene.albedo[:] = colour
    trees = np.full(shape, trees_here, np.float32)

    def lay(weight: Floats, colour: Floats, density: float) -> None:
        blend(scene.albedo, weight, colour)
        trees[:] += weight * (density - trees)

    side = rng.uniform(9, 32)  # plots and yards with straight edges, then patches with soft ones
    plot = (
        np.floor(plan.u / side).astype(np.int64) * 211
        + np.floor(plan.v / (side * rng.uniform(0.6, 1.6))).astype(np.int64) * 577
    ) % 97
    for _ in range(3):
        lay((rng.random(97) < 0.3)[plot].astype(np.float32), *material())
    for _ in range(3):
        patch = noise(rng, shape, rng.uniform(8, 45)) + 0.35 * noise(rng, shape, 3)
        lay(np.clip((patch - rng.uniform(0.3, 1.2)) * 6, 0, 1), *material(wild=rng.random() < 0.85))

    _open_space(rng, plan, scene, lay)
    road = _streets(rng, plan, dense, scene)
    trees *= 1 - 0.97 * road
    grain = (
        noise(rng, shape, 14) * 0.05 + noise(rng, shape, 3) * 0.05 + noise(rng, shape, 0.5) * rng.uniform(0.02, 0.07)
    )
    lawn = 1 + (trees > 0.006) * (noise(rng, shape, 1.2) * 0.08 + noise(rng, shape, 6) * 0.08)
    scene.albedo[:] = np.clip(scene.albedo * ((1 + grain) * lawn)[..., None], 8, 250)
    row = (np.abs(out - rng.uniform(1.8, 4.0)) < 0.7) * rng.choice([0, 0, 0.01, 0.03])  # trees along the fronts
    thick = np.clip(noise(rng, shape, 25) + 1.0, 0, 2.5) * rng.choice([0.3, 1.0, 2.2])
    return np.where(out > 0.5, trees * thick + row, 0).astype(np.float32)


def _open_space(rng: Rng, plan: Layout, scene: Scene, lay: Any) -> None:
    """Make the widest empty places a park, a river, a square or a field."""
    wide_m = rng.uniform(11, 20)
    core = (plan.outside_m < wide_m).astype(np.uint8)
    if core.all():
        return
    to_core = cv2.distanceTransform(core, cv2.DIST_L2, 5) * PIXEL_M
    weight = np.clip((wide_m - rng.uniform(3, 7) - to_core) * 1.5, 0, 1).astype(np.float32)
    water = 0.2 if plan.inside.mean() > 0.3 else 0.03
    use = rng.choice(["park", "water", "square", "field", "none"], p=[0.4, water, 0.15, 0.05, 0.4 - water])
    if use == "park":
        lay(weight, pick(rng, GROUND_COLOURS["grass"]), 0.02)
        winding = np.abs(noise(rng, weight.shape, 30) + 0.02 * plan.u) < 0.06
        lay(weight * winding, pick(rng, GROUND_COLOURS["soil"]), 0.0)
    elif use == "water":
        lay(weight, pick(rng, WATER, 5), 0.0)
        scene.height_m[weight > 0.5] = -2.0
    elif use == "square":
        lay(weight, pick(rng, GROUND_COLOURS["paving"]), 0.001)
    elif use == "field":
        lay(weight, pick(rng, GROUND_COLOURS["soil"]), 0.001)


def _streets(rng: Rng, plan: Layout, dense: float, scene: Scene) -> Floats:
    """Streets with kerbs and marks; returns where they run, float32 [H, W] in [0, 1]."""
    out, inside = plan.outside_m, plan.inside
    walk_m = rng.uniform(1.2, 4.0)
    road = np.zeros(out.shape, np.float32)
    if dense > 0 and rng.random() < 0.3 + 0.6 * dense:
        _, parts, stats, _ = cv2.connectedComponentsWithStats((~inside).astype(np.uint8))
        yard = stats[:, cv2.CC_STAT_AREA] * PIXEL_M**2 < 4000
        road = np.clip((out - walk_m) * 2, 0, 1) * ~yard[parts] * np.clip((16 - out) / 2, 0, 1)
    else:
        for axis in (plan.u, plan.v):  # the emptiest straight strips through the block
            for _ in range(int(rng.integers(1, 3))):
                width, tries = rng.uniform(3.5, 9), rng.uniform(-120, 120, 8)
                bend = noise(rng, out.shape, 90) * rng.uniform(0, 4)
                spots = [np.clip(width / 2 - np.abs(axis + bend - at), 0, 1) for at in tries]
                best = min(spots, key=lambda s: float((s * inside).sum() / (s.sum() + 1)))
                road = np.maximum(road, best)
        road = road * np.clip((out - 0.8) * 2, 0, 1)
    road = floats(road)
    paved = rng.random() < 0.55 + 0.45 * dense
    near = np.clip(cv2.blur(road, (9, 9)) * 3, 0, 1) * (1 - road)
    blend(scene.albedo, near * float(rng.choice([0, 0.5, 0.9])), pick(rng, GROUND_COLOURS["paving"]))
    blend(scene.albedo, road, pick(rng, GROUND_COLOURS["asphalt" if paved else "soil"]))
    if paved:
        wear = np.clip(noise(rng, out.shape, 12) + 0.4, 0, 1) * road * 0.25
        blend(scene.albedo, wear.astype(np.float32), floats([75, 75, 78]))
        to_edge = cv2.distanceTransform((road > 0.5).astype(np.uint8), cv2.DIST_L2, 5) * PIXEL_M
        middle = (to_edge > cv2.blur(to_edge, (7, 7)) + 0.22) & (to_edge > 2.5) & (to_edge < 9)
        dashes = middle & (((plan.u + plan.v) % 7) < rng.choice([0, 3.0, 3.0, 7.0]))
        kerb = (np.abs(to_edge - 0.5) < 0.3) & (rng.random() < 0.5)
        marks = rng.uniform(0.1, 0.4) * dashes + rng.uniform(0.1, 0.35) * kerb
        blend(scene.albedo, marks.astype(np.float32), floats([226, 224, 214]))
    return road
