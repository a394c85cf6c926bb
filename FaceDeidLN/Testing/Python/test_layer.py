"""A layer that touches the face is no skin: said for every kind, thickness and place, and never of a head without one."""

from __future__ import annotations

import json

import numpy as np
import pytest
from FaceDeidLNLib.anatomy.face_frame import FaceFrame, fit_frame
from FaceDeidLNLib.anatomy.landmark.detect import detect_landmarks
from FaceDeidLNLib.case.find import find_anatomy
from FaceDeidLNLib.case.records import Anatomy
from FaceDeidLNLib.core.geometry import Box
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.phantom import PhantomOptions, make_phantom
from scipy import ndimage

#: Where a layer lies: least and most of (left, anterior, superior) in mm of the mean face.
PLACES = {
    "the whole face": ((-90, 20, -100), (90, 150, 85)),
    "the chin": ((-90, 60, -105), (90, 150, -45)),
    "the left half": ((0, 20, -100), (90, 150, 85)),
    "the nose": ((-40, 70, -10), (40, 150, 55)),
    "the left eye": ((5, 30, -15), (65, 150, 45)),
    "both eyes": ((-65, 30, -15), (65, 150, 45)),
}
#: HU, noise, thickness (mm) and place.
LAYERS = {
    "water": (5, 0, 10, "the whole face"),
    "noisy gel": (30, 18, 5, "the whole face"),
    "wax": (-80, 8, 10, "the whole face"),
    "helmet foam": (-250, 10, 15, "the whole face"),
    "plaster": (900, 10, 10, "the whole face"),
    "thin plastic": (120, 8, 3, "the whole face"),
    "thin wax on one side": (-80, 8, 5, "the left half"),
    "on the chin": (5, 8, 10, "the chin"),
    "on one side": (5, 8, 10, "the left half"),
    "on the nose": (5, 8, 10, "the nose"),
    "gauze on an eye": (-150, 120, 12, "the left eye"),
    "moist swabs on both eyes": (-20, 70, 10, "both eyes"),
}


@pytest.fixture(scope="module")
def cadaver(data_folder) -> tuple[Volume, FaceFrame, np.ndarray]:
    """A real head, its frame, and the distance (mm) of what is no patient from the patient."""
    ct = read_ct(data_folder / "heads" / "cthead_ct.nrrd").volume
    solid = ndimage.binary_opening(ct.array > -300)
    labels, _ = ndimage.label(solid)
    patient = labels == np.argmax(np.bincount(labels[solid]))
    patient = np.array([ndimage.binary_fill_holes(plane) for plane in patient])
    return ct, fit_frame(detect_landmarks(ct)), ndimage.distance_transform_edt(~patient, sampling=ct.geometry.sampling)


def layered(cadaver: tuple[Volume, FaceFrame, np.ndarray], hu: float, noise: float, thickness_mm: float, place: str) -> Volume:
    """The head under a layer."""
    ct, frame, away = cadaver
    where = np.flatnonzero((away > 0) & (away <= thickness_mm))
    face = frame.to_face(ct.geometry.to_lps(np.stack(np.unravel_index(where, away.shape), axis=1)))
    low, high = PLACES[place]
    where = where[np.all((face > low) & (face < high), axis=1)]
    array = ct.array.copy()
    array.ravel()[where] = hu + noise * np.random.default_rng(1).standard_normal(len(where))
    return ct.with_array(array)


def found(ct: Volume) -> Anatomy:
    """The anatomy by the landmarks that this very CT shows."""
    return find_anatomy(ct, detect_landmarks(ct))


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_on_the_face_is_no_skin(cadaver, kind):
    (said,) = found(layered(cadaver, *LAYERS[kind])).unhidden
    assert "is no skin but a layer" in said


def test_a_bare_real_face_is_skin(cadaver):
    assert found(cadaver[0]).unhidden == ()


@pytest.mark.parametrize("noise", [0.0, 12.0])
def test_a_bare_synthetic_face_is_skin(noise):
    head = make_phantom((2.0, 2.0, 2.5), seed=2, options=PhantomOptions(noise_hu=noise))
    assert find_anatomy(head.ct, head.landmarks).unhidden == ()


def test_a_sheet_off_the_skin_is_no_layer_on_it():
    head = make_phantom((2.0, 2.0, 2.5), seed=2, options=PhantomOptions(mask_sheet=True))
    assert find_anatomy(head.ct, head.landmarks).unhidden == ()


def test_a_chin_that_the_field_of_view_cuts_is_no_layer(data_folder):
    ct = read_ct(data_folder / "open-kbp" / "pt_31_ct.nrrd").volume
    landmarks = json.loads((data_folder / "open-kbp" / "landmarks.json").read_text())["patients"]["pt_31"]["landmarks"]
    lowest = int(ct.geometry.to_kji(np.array([landmarks["pogonion"]]))[0, 0])
    part = ct.crop(Box((lowest, 0, 0), ct.array.shape))
    assert found(part).unhidden == ()
