"""Presets and the options for regions: what they choose, and that it survives the way to a worker."""

from __future__ import annotations

import argparse

import pytest
from FaceDeidLNLib.commands.options import add_work, parameters_of_options, work_words
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.effect.choices import require_fit
from FaceDeidLNLib.effect.records import PRESETS
from FaceDeidLNLib.face.styles import REGIONS


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_work(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_region_and_an_effect_that_fit_with_protection_on(name):
    parameters = parameters_of_options(parsed("--preset", name))
    require_fit(parameters.style, parameters.effect)
    assert parameters == Parameters(style=PRESETS[name].style, effect=PRESETS[name].effect, ears=PRESETS[name].ears)
    assert PRESETS[name].after


def test_the_presets_are_the_systems_that_were_promised():
    assert set(PRESETS) == {"quickshear", "biometric-mask", "carina", "drown", "mideface", "mask-face", "reface", "mcgill-box"}


def test_without_words_the_parameters_are_the_default():
    assert parameters_of_options(parsed()) == Parameters()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--style", "eyes", "--lips"),
        ("--ears", "--effect", "reface"),
        ("--preset", "drown", "--ears"),
        ("--watermark=-NO FACE",),
        ("--effect", "mask", "--fill-hu", "-900"),
        ("--levels", "none"),
        ("--levels", "Ib,Ia,Ib", "--superficial-mm", "3"),
    ],
)
def test_the_words_for_a_worker_choose_the_same(words):
    options = parsed(*words)
    assert parameters_of_options(parsed(*work_words(options))) == parameters_of_options(options)


def test_a_node_level_that_is_named_twice_is_kept_once():
    assert parameters_of_options(parsed("--levels", "Ib,Ia, Ib")).levels == ("Ib", "Ia")


def test_the_help_names_every_region():
    parser = argparse.ArgumentParser()
    add_work(parser)
    assert all(name in " ".join(parser.format_help().split()) for name in REGIONS)


def test_the_table_has_one_name_per_region_and_what_was_added():
    assert Parameters(style="eyes", ears=True, lips=True).region_name == "eyes+ears+lips"
    assert Parameters().region_name == "full"
