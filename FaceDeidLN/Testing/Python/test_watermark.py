"""Raised letters: read on the new surface, inside the segment alone, and refused where nobody could read them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.parameters import Parameters, require_watermark
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.base import apply_effect
from FaceDeidLNLib.effect.registry import EFFECTS
from FaceDeidLNLib.effect.tools.watermark import RELIEF_MM, laid_on, text_picture
from FaceDeidLNLib.face.polar import skin_distance, unit_vectors
from FaceDeidLNLib.face.segment import Face
from FaceDeidLNLib.pipeline import Request, find_anatomy, find_face

TEXT = "TEST"


@pytest.fixture(scope="module")
def face(fine_phantom) -> Face:
    anatomy = find_anatomy(fine_phantom.ct, fine_phantom.landmarks)
    return find_face(Request(fine_phantom.ct, parameters=Parameters(levels=())), anatomy, ())


def surface(ct: Volume, face: Face, directions: np.ndarray) -> np.ndarray:
    """Distance (N,) in mm to the outermost tissue of a CT."""
    return skin_distance(ct.with_array(ct.array.astype(np.float32) + 400.0), face.frame, directions)


@pytest.mark.parametrize("effect", EFFECTS)
def test_letters_stay_inside_the_face_segment(effect, fine_phantom, face):
    marked = apply_effect(EFFECTS[effect], fine_phantom.ct, face, Parameters(effect=effect, seed=3, watermark=TEXT))
    changed = marked.array != fine_phantom.ct.array
    assert not (changed & ~face.segment.full(changed.shape)).any()


@pytest.mark.parametrize("effect", ["reface", "mask"])
def test_the_text_can_be_read_off_the_surface(effect, fine_phantom, face):
    plain, marked = (
        apply_effect(EFFECTS[effect], fine_phantom.ct, face, Parameters(effect=effect, seed=3, watermark=text)) for text in ("", TEXT)
    )
    lettering = laid_on(text_picture(TEXT), face, 1.5)
    steps = [np.linspace(low, high, 60) for low, high in zip(lettering.low, lettering.high, strict=True)]
    directions = np.stack(np.meshgrid(*steps), axis=-1).reshape(-1, 2)
    raised = surface(marked, face, directions) - surface(plain, face, directions)
    letter = lettering.at(directions)
    assert np.median(raised[letter > 0.9]) > 0.6 * RELIEF_MM
    assert np.median(np.abs(raised[letter < 0.1])) < 0.5
    assert np.corrcoef(raised > 0.5 * RELIEF_MM, letter > 0.5)[0, 1] > 0.6


def test_the_text_runs_from_the_patients_right_to_his_left_and_stands_upright(fine_phantom, face):
    lettering = laid_on(text_picture("L."), face, 1.5)
    low, high = lettering.low, lettering.high
    stem, over_foot = low + (high - low) * (0.08, 0.8), low + (high - low) * (0.45, 0.8)
    foot = low + (high - low) * (0.45, 0.1)
    assert lettering.at(np.array([stem, over_foot, foot])).round().tolist() == [1.0, 0.0, 1.0]
    points = face.frame.origin + 100.0 * unit_vectors(face.frame, np.array([low, high]))
    assert points[0, 0] < points[1, 0]  # LPS: the patient's left is larger, and is on the right of who looks at him


def test_without_room_for_letters_that_can_be_read_it_is_refused(face):
    small = replace(face, inside=face.inside & (np.abs(face.raster.directions()[..., 0]) < 6))
    with pytest.raises(InputError, match="no room"):
        laid_on(text_picture("DE-IDENTIFIED"), small, 1.5)
    with pytest.raises(InputError, match="no room"):
        laid_on(text_picture(TEXT), face, 12.0)


@pytest.mark.parametrize("text", ["x" * 25, "ÄÖ", " ", "a\nb"])
def test_a_text_that_cannot_be_drawn_is_refused(text):
    with pytest.raises(InputError, match="watermark"):
        require_watermark(text)
