"""The learned attack: it finds what tells of a skin, and nothing where nothing does; the maps it learns from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.attack.depth_maps import jittered, maps_of, skin_map
from FaceDeidLNLib.attack.learned import Sightings, learned_attack, permuted, ridge
from FaceDeidLNLib.attack.window import face_window
from FaceDeidLNLib.case.find import find_anatomy
from FaceDeidLNLib.verify.privacy import ATTACKERS, NEEDED, RECOGNISABLE, TESTED, class_of, is_tested

PERSONS, DRAWS, COLUMNS = 30, 2, 25


def told(share: float, seed: int = 0) -> Sightings:
    """Skins of few hidden numbers, and views that are ``share`` the same numbers and else noise."""
    random = np.random.default_rng(seed)
    hidden = random.standard_normal((PERSONS, 6))
    to_skin, to_seen = random.standard_normal((6, COLUMNS)), random.standard_normal((6, COLUMNS))
    whose = np.repeat(np.arange(PERSONS), DRAWS)

    def view(rows: np.ndarray, into: np.ndarray, part: float) -> np.ndarray:
        return part * rows @ into + (1.05 - part) * random.standard_normal((len(rows), COLUMNS))

    return Sightings(
        view(hidden[whose], to_seen, share),
        view(hidden[whose], to_skin, 1.0),
        whose,
        view(hidden, to_seen, share),
        view(hidden, to_skin, 1.0),
    )


def test_a_person_is_found_by_what_tells_of_his_skin():
    found = learned_attack(told(0.9))
    assert found.rank1.value > 0.6
    assert found.auc.value > 0.9


def test_nobody_is_found_by_noise():
    assert learned_attack(told(0.0)).auc.high > 0.45
    assert learned_attack(told(0.0)).auc.low < 0.6


def test_with_permuted_skins_nothing_is_learned():
    assert learned_attack(permuted(told(0.9))).auc.value < 0.65


def test_gaps_in_what_is_seen_do_not_stop_the_attack():
    sightings = told(0.9)
    seen, probes = sightings.seen.copy(), sightings.probes.copy()
    seen[::3, :5], probes[::2, -3:], seen[:, 7] = np.nan, np.nan, np.nan
    assert learned_attack(replace(sightings, seen=seen, probes=probes)).auc.value > 0.8


def test_what_is_predicted_for_a_person_in_training_never_saw_him():
    sightings = told(0.5)
    fitted, _ = ridge(sightings.seen, sightings.skin, sightings.probes, 0.1, sightings.whose)
    away = sightings.whose != 3
    kernel = sightings.seen @ sightings.seen.T
    strength = 0.1 * np.trace(kernel) / len(kernel)
    rows = sightings.seen[away]
    weights = np.linalg.solve(rows @ rows.T + strength * np.eye(away.sum()), sightings.skin[away])
    assert np.allclose(fitted[~away], sightings.seen[~away] @ rows.T @ weights, atol=1e-8)


def test_maps_of_a_head_hold_its_skin(phantom):
    window = jittered(face_window(phantom.landmarks), np.random.default_rng(1))
    skin = skin_map(find_anatomy(phantom.ct, phantom.landmarks).depth, window)
    seen = maps_of(phantom.ct, window).of
    assert np.nanmedian(np.abs(seen["skin"][: len(skin)] - skin)) < 2.0
    assert all(np.isfinite(columns).mean() > 0.3 for name, columns in seen.items() if name != "second")  # a head may have none


@pytest.mark.parametrize(
    ("resisted", "tested"), [((), False), (("surface",), False), (("learned", "bone"), False), (NEEDED, True), (ATTACKERS, True)]
)
def test_only_what_resists_surface_and_learned_attack_is_tested(resisted, tested):
    assert is_tested(class_of(frozenset(resisted))) is tested


@pytest.mark.parametrize("word", ["", "tested", "tested: surface", "Tested: surface, learned", RECOGNISABLE, f"not {TESTED}"])
def test_what_is_no_class_of_the_table_is_not_tested(word):
    assert not is_tested(word)
