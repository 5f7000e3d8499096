"""Recipes: ours can be read, and what is wrong with one is named."""

from pathlib import Path

import pytest

from radiosem.errors import InputError
from radiosem_models.training.loop import train
from radiosem_models.training.recipe import Options, listed_as, parse_budget_s, read_recipe

RECIPES = Path(__file__).parents[3] / "models" / "recipes"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda p: p.stem)
def test_every_recipe_of_ours_is_readable(path):
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    assert recipe.options


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("task = 'cooking'", "cooking"),
        ("task =", "is not TOML"),
        ("task = " + "[" * 100_000, "is not TOML"),
        ("task = 'generator'", "has no ema; keys are"),
    ],
)
def test_an_unusable_recipe_is_refused_by_name(tmp_path, text, wrong):
    path = tmp_path / "bad.toml"
    rest = "\nseed = 1\nema = 0.9\nvalidate_every_s = 1\n[options]\n" if "cooking" in text else "\n"
    path.write_text(text + rest)
    with pytest.raises(InputError, match=wrong) as caught:
        read_recipe(path)
    assert "bad.toml" in str(caught.value)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("1.5h", 5400)])
def test_budgets_are_read(text, seconds):
    assert parse_budget_s(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "-5m", "nan h", "infh", "3d"])
def test_a_budget_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="budget is"):
        parse_budget_s(text)


def test_a_recipe_without_an_option_names_both(small_recipe, city, tmp_path):
    path = small_recipe("vqvae")
    path.write_text(path.read_text().replace("width = 8\n", ""))
    with pytest.raises(InputError, match="recipe small-vqvae has no option 'width'"):
        train(path, city, 1.0, runs_dir=tmp_path / "runs")
    assert Options(read_recipe(path)).get("width", 3) == 3


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("models/recipes/vqvae.toml", "models/recipes/vqvae.toml"),
        ("models/recipes/rivals/ae.toml", "models/recipes/rivals/ae.toml"),
        ("/elsewhere/mine.toml", "models/recipes/mine.toml"),
    ],
)
def test_a_manifest_names_a_recipe_by_its_place(path: str, named: str) -> None:
    assert listed_as(Path(path)) == named
