"""The plan: the same on every machine, cut into shards that share nothing."""

import dataclasses

import numpy as np
import pytest

from radiosem.errors import InputError
from radiosem_models.raytrace.cars import CLEARANCE_M, place_cars
from radiosem_models.raytrace.heights import OUTDOORS_M, SIDE, height_map
from radiosem_models.raytrace.tiles import MOST_COVER, _centres, plan_tiles, shard_of


def places(tiles):
    return [(tile.tile_id, tile.city, tile.cx, tile.cy) for tile in tiles]


@pytest.fixture(scope="module")
def plan(town):
    held_out = dataclasses.replace(town, name="other", split="test", stride_m=256)
    return plan_tiles([town, held_out], seed=3, first_id=100)


def test_held_out_tiles_come_first_and_training_ones_are_shuffled(town, plan):
    assert [tile.tile_id for tile in plan] == list(range(100, 100 + len(plan)))
    splits = [tile.split for tile in plan]
    assert splits == sorted(splits)  # test before train
    assert {"test", "train"} == set(splits)
    train = [(tile.cx, tile.cy) for tile in plan if tile.split == "train"]
    assert len(train) == 9
    assert train != sorted(train)
    again = plan_tiles([town, dataclasses.replace(town, name="other", split="test", stride_m=256)], 3, 100)
    assert places(again) == places(plan)


def test_a_tile_is_built_on_all_sides(town, plan):
    for tile in plan:
        inside = height_map(tile.buildings, tile.cx, tile.cy) > OUTDOORS_M
        assert town.least_cover <= inside.mean() <= MOST_COVER
        assert len(tile.buildings) < len(town.buildings)


@pytest.mark.parametrize("parts", [1, 3, 8, 40])
def test_shards_share_no_tile_and_leave_none_out(plan, parts):
    shards = [shard_of(plan, f"{k}/{parts}") for k in range(1, parts + 1)]
    assert sorted(places(tile for shard in shards for tile in shard)) == sorted(places(plan))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.parametrize("shard", ["0/2", "3/2", "2", "1/0", "a/b", "-1/2", "1/2/3"])
def test_a_shard_that_is_none_is_refused(plan, shard):
    with pytest.raises(InputError, match="shard is"):
        shard_of(plan, shard)


def test_draws_of_a_tile_hang_on_seed_and_place_alone(plan):
    def draw(tile, seed):
        return tile.random(seed).integers(1 << 60)

    one, two = plan[-1], plan[-2]
    assert draw(one, 0) == draw(dataclasses.replace(one, tile_id=7, buildings=()), 0)
    assert len({draw(one, 0), draw(one, 1), draw(two, 0)}) == 3


def test_one_building_far_away_costs_no_walk_over_empty_land(town, plan):
    low, high = (np.array([fold(mesh.vertices[:, :2], 0) for mesh in town.buildings]) for fold in (np.min, np.max))
    near = set(_centres(town, low, high))
    assert {(tile.cx, tile.cy) for tile in plan if tile.city == town.name} <= near
    far = 40 * 192 * town.stride_m  # so that the raster stays where it is
    centres = list(_centres(town, np.append(low, [[far, far]], 0), np.append(high, [[far + 9, far + 9]], 0)))
    assert near <= set(centres)
    assert len(centres) < len(near) + 50


def test_a_village_smaller_than_a_tile_has_none(town):
    village = dataclasses.replace(town, buildings=town.buildings[:3])
    with pytest.raises(InputError, match="town has no tile"):
        plan_tiles([village], 0)


def test_cars_stand_clear_of_walls_and_as_many_as_asked(plan):
    tile = plan[0]
    outdoor = height_map(tile.buildings, tile.cx, tile.cy) <= OUTDOORS_M
    cars, mask = place_cars(outdoor, tile.cx, tile.cy, 12, np.random.default_rng(1))
    again, same = place_cars(outdoor, tile.cx, tile.cy, 12, np.random.default_rng(1))
    assert len(cars) == len(again) == 12
    np.testing.assert_array_equal(mask, same)
    assert 12 * 4.2 * 1.8 * 0.6 < mask.sum() <= 12 * 4.2 * 1.8 * 1.4
    assert not (mask & ~outdoor).any()
    for car in cars:
        col, row = (car.vertices[:, :2].mean(0) - [tile.cx, tile.cy] + SIDE / 2).astype(int)
        assert mask[row, col]
        assert outdoor[row - CLEARANCE_M : row + CLEARANCE_M + 1, col].all()
        assert (car.vertices[:, 2].min(), car.vertices[:, 2].max()) == pytest.approx((0.2, 1.4))
