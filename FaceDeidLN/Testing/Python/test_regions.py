"""What each region hides and what it leaves: styles with a curve, lips, and the regions of other tools."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from FaceDeidLNLib.case.find import find_face
from FaceDeidLNLib.case.privacy import privacy_of
from FaceDeidLNLib.case.records import Anatomy, Request
from FaceDeidLNLib.core.errors import InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.segment import BoxMask, Segment, tight, united
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.effect.choices import require_fit
from FaceDeidLNLib.face.cells import cells_mask, in_cells
from FaceDeidLNLib.face.segment import depth_of
from FaceDeidLNLib.face.strategies import STRATEGIES
from FaceDeidLNLib.face.styles import REGIONS, STYLES, chosen_region, style_named
from FaceDeidLNLib.facts import certificate_facts
from FaceDeidLNLib.input.place import place_segments
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.verify.coverage import feature_share
from FaceDeidLNLib.verify.privacy import TESTED
from FaceDeidLNLib.verify.verdict import Verdict
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from test_face_geometry import ANGLES, fit_frame, mean_landmarks

FEATURES = ("pronasale", "sellion", "stomion", "pogonion", "eye_right", "eye_left")
#: Of FEATURES, those that must stay as they are (a phantom mask's border runs through the midline).
KEPT = {
    "eyes": ("pronasale", "stomion", "pogonion"),
    "venetian": ("pronasale", "stomion", "pogonion"),
    "phantom": ("eye_right",),
    "box": ("eye_right", "eye_left"),
    "below-eyes-kept": ("stomion", "pogonion"),
}


@pytest.fixture(scope="module")
def anatomy(phantom_anatomy) -> Anatomy:
    return phantom_anatomy


@pytest.fixture(scope="module")
def shares(phantom, anatomy):
    """Share of the skin at each feature that lies in the face segment, by region and whether lips were asked for."""
    known = {}

    def of(style: str, lips: bool = False) -> dict[str, float]:
        if (style, lips) not in known:
            face = find_face(Request(phantom.ct, parameters=Parameters(style=style, lips=lips, effect="mask", levels=())), anatomy, ())
            inside = face.segment.full(phantom.ct.array.shape)
            known[style, lips] = {name: feature_share(phantom.ct, inside, face, phantom.landmarks.points[name]) for name in FEATURES}
        return known[style, lips]

    return of


@pytest.mark.parametrize("style", REGIONS)
def test_a_region_holds_the_skin_of_all_that_it_is_to_hide(style, shares):
    assert {name: shares(style)[name] for name in REGIONS[style].covers if shares(style)[name] < 0.95} == {}


@pytest.mark.parametrize("style", KEPT)
def test_a_region_leaves_the_skin_of_what_it_does_not_hide(style, shares):
    assert {name: shares(style)[name] for name in KEPT[style] if shares(style)[name] > 0.05} == {}


@pytest.mark.parametrize("style", ["eyes", "venetian"])
def test_lips_are_added_to_a_style_that_leaves_them(style, shares):
    plain, lips = shares(style), shares(style, lips=True)
    assert lips["stomion"] >= 0.95
    assert {name: lips[name] for name in FEATURES if name != "stomion"} == {n: plain[n] for n in FEATURES if n != "stomion"}


def test_lips_take_the_front_teeth_that_the_full_face_leaves(phantom, anatomy):
    stomion = phantom.landmarks.position("stomion")
    teeth = phantom.ct.array > 1000
    points = phantom.ct.geometry.to_lps(np.argwhere(teeth))
    offset = points - stomion
    front = (np.abs(offset[:, 0]) < 12) & (offset[:, 1] > 0) & (offset[:, 1] < 18) & (np.abs(offset[:, 2]) < 12)
    at = tuple(np.argwhere(teeth)[front].T)
    hidden = {}
    for lips in (False, True):
        face = find_face(Request(phantom.ct, parameters=Parameters(lips=lips, levels=())), anatomy, ())
        hidden[lips] = face.segment.full(phantom.ct.array.shape)[at].mean()
    assert front.sum() > 5
    assert hidden[True] > 0.9
    assert hidden[False] < 0.5


@pytest.mark.parametrize("style", REGIONS)
def test_every_region_keeps_nodes_and_levels_to_the_bit_and_passes(style, phantom, finder):
    nodes = tuple(node for node in phantom.nodes if "cheek" not in node.name.casefold())
    more = {"effect": "drown", "seed": 1} if style == "outline" else {"effect": "mask", "levels": ()}  # levels once: they take long
    result = deface(Request(phantom.ct, nodes, phantom.landmarks, parameters=Parameters(style=style, **more)), finder=finder)
    assert result.reasons == ()
    assert result.verdict is Verdict.PASS
    assert all(check.changed == 0 for check in result.comparison.protected)
    assert result.comparison.changed_outside_face == 0


def test_the_whole_skin_is_much_more_than_a_face(phantom, anatomy):
    masks = {}
    for style in ("full", "outline"):
        face = find_face(Request(phantom.ct, parameters=Parameters(style=style, effect="mask", levels=())), anatomy, ())
        masks[style] = np.count_nonzero(phantom.ct.array[face.segment.box.slices][face.segment.array] > -500)
    assert masks["outline"] > 2 * masks["full"]  # of tissue: the new surface stands out from the face, so that its segment holds air too


@pytest.mark.parametrize(("style", "ears", "own"), [("outline", True, False), ("plane", False, False), ("full", False, True)])
def test_the_skins_depth_is_known_wherever_a_region_holds_tissue(style, ears, own, phantom, anatomy):
    whole = phantom.ct.array > -400
    drawn = Segment("Face", phantom.ct.with_array(whole)) if own else None
    parameters = Parameters(style=style, ears=ears, effect="scramble", levels=())
    face = find_face(Request(phantom.ct, face_segment=drawn, parameters=parameters), anatomy, ())
    tissue = phantom.ct.geometry.to_lps(np.argwhere(face.segment.full(whole.shape) & whole))
    assert np.count_nonzero(depth_of(face, tissue, np.nan) != depth_of(face, tissue, 0.0)) == 0


@pytest.mark.parametrize("effect", ["scramble", "drown"])
def test_with_the_ears_the_crown_gets_no_other_skin_than_without(effect, phantom, finder):
    tissue = phantom.ct.array > -400
    place = phantom.ct.geometry.to_lps(np.argwhere(tissue))
    crown = tuple(np.argwhere(tissue)[place[:, 2] > place[:, 2].max() - 12.0].T)
    after = {}
    for ears in (False, True):
        parameters = Parameters(style="outline", ears=ears, effect=effect, levels=())
        result = deface(Request(phantom.ct, landmarks=phantom.landmarks, parameters=parameters), finder=finder).result
        hu = result.array[crown]
        after[ears] = np.array([np.mean(hu != phantom.ct.array[crown]), np.mean(hu < -400)])
    assert np.abs(after[True] - after[False]).max() < 0.05
    assert after[True][0] > 0.5


@settings(max_examples=15, deadline=None)
@given(
    angles=ANGLES,
    scale=st.floats(0.7, 1.2),
    name=st.sampled_from([s for s in STRATEGIES if STRATEGIES[s].cells]),
    spacing=st.tuples(*[st.floats(0.6, 5.0)] * 3),
    turn=ANGLES,
)
def test_a_strategy_is_the_same_place_on_any_grid_and_any_head(angles, scale, name, spacing, turn):
    frame, strategy = fit_frame(mean_landmarks(angles, scale, (5, -8, 12))), STRATEGIES[name]
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() * spacing
    matrix[:3, 3] = frame.origin - matrix[:3, :3] @ (6.0, 7.0, 8.0)
    grid = Geometry((17, 15, 13), matrix)
    points = grid.to_lps(np.argwhere(np.ones(grid.shape, dtype=bool)))
    differs = cells_mask(strategy, frame, grid).ravel() != in_cells(strategy, frame, points)
    assert differs.mean() < 0.002  # rounding on the very planes


def test_unknown_regions_and_lips_on_boxes_are_refused():
    with pytest.raises(InputError, match="venetian"):
        style_named("domino")
    with pytest.raises(InputError, match="Lips"):
        chosen_region(Parameters(style="box", lips=True))


def test_reface_is_refused_where_no_curve_is_drawn(phantom):
    with pytest.raises(InputError, match="reface"):
        deface(Request(phantom.ct, parameters=Parameters(style="box", effect="reface")))
    for style in STYLES:
        require_fit(style, "reface")


def test_a_curve_for_a_region_without_one_is_refused(phantom, anatomy):
    with pytest.raises(InputError, match="give no curve"):
        find_face(Request(phantom.ct, curve=np.zeros((8, 3)), parameters=Parameters(style="plane", effect="mask")), anatomy, ())


def test_a_region_that_was_never_attacked_is_recognisable(phantom, monkeypatch):
    monkeypatch.setattr(
        "FaceDeidLNLib.case.privacy.privacy_class", lambda region, effect: TESTED if region == "full+ears" else "recognisable"
    )
    assert privacy_of(Request(phantom.ct, parameters=Parameters(ears=True))) == TESTED
    assert privacy_of(Request(phantom.ct, parameters=Parameters(ears=True, lips=True))) == "recognisable"
    assert privacy_of(Request(phantom.ct, parameters=Parameters(ears=True, watermark="X"))) == "recognisable"


#: A mask with a voxel in it.
SET = Volume(np.ones((1, 1, 1), dtype=bool), Geometry((1, 1, 1), np.eye(4)))


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": Parameters(levels=())},
        {"parameters": Parameters(levels=("Ia", "Ib", "VIII"))},
        {"parameters": Parameters(depth_mm=11.0)},
        {"curve": np.zeros((8, 3))},
        {"face_segment": "one"},
        {"guides": (Segment("mandible", SET),)},
        {"guides": (Segment("External", SET), Segment("hyoid", SET))},
        {"protected": (Segment("Submandibular gland left", SET),)},
        {"providers": ("a program",)},
    ],
)
def test_what_the_benchmark_never_ran_with_is_recognisable(change, phantom, monkeypatch):
    monkeypatch.setattr("FaceDeidLNLib.case.privacy.privacy_class", lambda region, effect: TESTED)
    assert privacy_of(Request(phantom.ct)) == TESTED
    assert privacy_of(Request(phantom.ct, **change)) == "recognisable"


@pytest.mark.parametrize(
    ("where", "attacked", "privacy"),
    [
        ("LN IIa left", (), TESTED),
        ("LN cheek left", (), "recognisable"),
        ("LN cheek left", ((50.0, 50.0),), TESTED),
        ("LN cheek left", ((0.01, 50.0), (0.0, 0.0)), "recognisable"),
    ],
)
def test_a_face_of_which_protected_segments_keep_more_than_was_attacked_is_recognisable(
    where, attacked, privacy, phantom, monkeypatch, finder
):
    monkeypatch.setattr("FaceDeidLNLib.case.privacy.privacy_class", lambda region, effect: TESTED)
    monkeypatch.setattr("FaceDeidLNLib.verify.privacy.tested_to_keep", lambda region, effect: attacked)
    node = next(node for node in phantom.nodes if node.name == where)
    result = deface(Request(phantom.ct, (node,)), finder=finder)
    assert (result.verdict, result.privacy) == (Verdict.PASS, privacy)
    assert bool(result.face.kept) == (where == "LN cheek left") == (result.face.kept_ml[0] > 0)
    assert certificate_facts(result)["named_in_face"].split()[0] == (
        "nothing" if not result.face.kept else "kept" if attacked == ((50.0, 50.0),) else "more"
    )


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=1, max_size=4))
def test_united_masks_are_their_union(corners):
    shape, masks = (9, 9, 9), []
    for corner in corners:
        array = np.zeros(shape, dtype=bool)
        array[tuple(slice(c, c + 2) for c in corner)] = True
        masks.append(tight("one", array))
    expected = np.logical_or.reduce([mask.full(shape) for mask in masks])
    assert np.array_equal(united("all", [*masks, BoxMask("", masks[0].box, np.zeros((0, 0, 0), dtype=bool))]).full(shape), expected)


@pytest.mark.parametrize("effect", ["scramble", "drown", "epidermis"])
def test_the_skin_of_boxes_around_the_ears_is_known_there(effect, phantom, finder):
    chosen = Parameters(style="box", effect=effect, seed=2)
    result = deface(Request(phantom.ct, landmarks=phantom.landmarks, parameters=chosen), finder=finder)
    at = np.argwhere((phantom.ct.array > -300) & (phantom.ct.array < 300))
    points = result.face.frame.to_face(phantom.ct.geometry.to_lps(at))
    auricle = at[(np.abs(points[:, 0]) > 72) & (points[:, 1] < -8) & (points[:, 1] > -35) & (np.abs(points[:, 2]) < 20)]
    new = result.result.array[tuple(auricle.T)]
    assert (new != phantom.ct.array[tuple(auricle.T)]).mean() > 0.9
    assert (new > -300).mean() > 0.2  # none of it is cut off, as air is put before a skin


def test_a_protected_node_in_a_box_stays(phantom, anatomy):
    nodes = tuple(place_segments(phantom.nodes, phantom.ct.geometry))
    face = find_face(Request(phantom.ct, parameters=Parameters(style="plane", effect="mask", levels=())), anatomy, nodes)
    inside = replace(face.segment).full(phantom.ct.array.shape)
    assert not any((inside & node.full(phantom.ct.array.shape)).any() for node in nodes)
