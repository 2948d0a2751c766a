"""Every planted leak is caught by the checks that must catch it; no clean world is accused; no check is idle."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from pages import leaks

from alpha.lab.battery import World, clean, plant, worlds
from alpha.lab.battery.matrix import ORDER, tried
from alpha.leaks import check

LEAKS = [world for world in worlds() if world.caught_by]
CLEAN = [world for world in worlds() if not world.caught_by]


def name(world: World) -> str:
    return world.name


@pytest.mark.parametrize("world", LEAKS, ids=name)
def test_a_leak_is_caught(world):
    result = tried(world, seed=0)
    assert not result.wrong, f"not found by {set(world.caught_by) - set(result.found)}"
    assert all("\n" not in said for said in result.found.values())


@pytest.mark.parametrize("world", CLEAN, ids=name)
def test_a_clean_world_is_not_accused(world):
    result = tried(world, seed=0)
    assert dict(result.found) == {}


def test_there_are_as_many_as_promised():
    assert len(LEAKS) >= 25
    assert len(CLEAN) >= 8


@pytest.mark.parametrize("checked", list(check))
def test_without_a_check_a_leak_would_be_missed(checked):
    """So each check is proved by the leaks above: taken out, or made to find nothing, it turns one of them red."""
    assert any(checked in world.caught_by for world in LEAKS)


def test_the_matrix_shows_every_check():
    assert set(ORDER) == set(check)


@pytest.mark.parametrize("world", worlds(), ids=name)
def test_a_world_says_what_is_done_in_it(world):
    text = inspect.getdoc(world.make) or ""
    assert text.endswith(".")
    assert world.mistake
    if world.caught_by:
        assert len(text.split("\n\n")) == 2, "what the mistake is, and how it fools people"


@pytest.mark.parametrize("register", [clean, plant("cut")])
def test_a_name_is_taken_once(register):
    with pytest.raises(Exception, match="registered_twice"):
        register(LEAKS[0].make)


def test_the_page_of_leaks_is_the_newest():
    path = Path(__file__).resolve().parents[2] / "docs/leaks.md"
    assert path.read_text(encoding="utf-8") == leaks.page(), "run make docs"
