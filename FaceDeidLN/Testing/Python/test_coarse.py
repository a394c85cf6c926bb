"""A reason in a certificate: the head's figures to one digit, limits and names as they are."""

from __future__ import annotations

import re

import pytest
from FaceDeidLNLib.core.coarse import coarse
from hypothesis import given
from hypothesis import strategies as st

#: Every kind of sentence with a figure that a REVIEW is given for, and what its certificate says.
REASONS = {
    "1234 voxels changed outside the face segment": "1000 voxels changed outside the face segment",
    "37 of 8123 voxels changed in the protected segment 'LN 22'": "30 of 8000 voxels changed in the protected segment 'LN 22'",
    "61% of the body changed, which is far more than a face": "60% of the body changed, which is far more than a face",
    "only 87% of the skin changed (at least 90% must)": "only 80% of the skin changed (at least 90% must)",
    "the skin moved by 0.43 mm on average": "the skin moved by 0.4 mm on average",
    "pronasale is uncertain (47%): check it": "pronasale is uncertain (40%): check it",
    "12% of the skin around pronasale did not change": "10% of the skin around pronasale did not change",
    "15% of the left ear did not change: look at it from the side": "10% of the left ear did not change: look at it from the side",
    "the segment 'PTV 70' was not taken for one to keep, and 8123 of its voxels lie in the face segment: name it (--node-segments)": (
        "the segment 'PTV 70' was not taken for one to keep, and 8000 of its voxels lie in the face segment: name it (--node-segments)"
    ),
    "the head lies turned by 17 degrees against the patient axes in the header; the header's orientation may be wrong: 18 mm": (
        "the head lies turned by 10 degrees against the patient axes in the header; the header's orientation may be wrong: 10 mm"
    ),
    "pronasale lies 23 mm from where the other landmarks put it": "pronasale lies 20 mm from where the other landmarks put it",
    "gnathion lies 11 mm in front of the skin": "gnathion lies 10 mm in front of the skin",
    "gnathion was placed by hand, and 34% of the skin where it was found automatically (91% certain) did not change": (
        "gnathion was placed by hand, and 30% of the skin where it was found automatically (90% certain) did not change"
    ),
    "there is a second face, 23 cm to the left of the one": "there is a second face, 20 cm to the left of the one",
    "only 14 landmarks were found (none); at least 16 are needed": "only 10 landmarks were found (none); at least 16 are needed",
    "the outline 'Body 12' leaves out 17% of the patient": "the outline 'Body 12' leaves out 10% of the patient",
    "the outline 'External' holds 47 ml of tissue": "the outline 'External' holds 40 ml of tissue",
    "only 61% of the segment 'jaw 11' is bone in the CT": "only 60% of the segment 'jaw 11' is bone in the CT",
    "only 93% of it lies in the field of view": "only 90% of it lies in the field of view",
    "in 12 places slices of the face lie up to 7.5 mm apart": "in 10 places slices of the face lie up to 7 mm apart",
    "its new skin lies 2.9 mm (median) from that of the CT that decides (at most 2.3 mm)": (
        "its new skin lies more than 2.3 mm (median) from that of the CT that decides (at most 2.3 mm)"
    ),
    "its new skin lies 4.9 mm (median) from that of the CT that decides (at most 2.3 mm)": (
        "its new skin lies 4 mm (median) from that of the CT that decides (at most 2.3 mm)"
    ),
    "the head lies 13 mm from where the CT that decides shows it (at most 11 mm): register it first": (
        "the head lies more than 11 mm from where the CT that decides shows it (at most 11 mm): register it first"
    ),
    "27% of its skin lies more than 11 mm from where the CT that decides shows it": (
        "20% of its skin lies more than 11 mm from where the CT that decides shows it"
    ),
    "it shows 47% of the face region where the CT that decides ends": "it shows 40% of the face region where the CT that decides ends",
    "02-CT stack 12: its surface lies 1.3 mm (median) from it, 62% of it at one depth (the CT that decides: 5.6 mm, 12%)": (
        "02-CT stack 12: its surface lies 1 mm (median) from it, 60% of it at one depth (the CT that decides: 5 mm, 10%)"
    ),
    "the old skin is still found in it: 34% of its step is left": "the old skin is still found in it: 30% of its step is left",
    "the structure 'LN 25' lies 48 mm (median) from the skin": "the structure 'LN 25' lies 40 mm (median) from the skin",
    "12 structures still follow the old skin: 'LN 25', 'PTV 7,000'": "10 structures still follow the old skin: 'LN 25', 'PTV 7,000'",
    "it holds 2500 points in space, which may draw the face": "it holds 2000 points in space, which may draw the face",
    "a fragment of 13 slices": "a fragment of 10 slices",
    "protected segments keep more of the face than was attacked (3.25 ml, 0.14 ml of them near the skin)": (
        "protected segments keep more of the face than was attacked (3.25 ml, 0.14 ml of them near the skin)"
    ),
}
#: What a batch says of a case that is no REVIEW.
ELSE = (
    "the process ended with code 137 without a report",
    "ended by signal 11",
    "it took longer than 45 min (--timeout-min)",
    "[Errno 28] No space left on device",
    "1.2.840.10008.5.1.4.1.1.2 lacks its (0020,0013)",
    "choose one with --series 1.2.826.0.17#12 among 1.2.826.0.17#12, 1.2.826.0.17#13",
    "02-CT/IM0012.dcm of 2026-11-28 is no CT; get CT_1200.nrrd again",
    "stored values are no HU: replace them by -1000 HU (air)",
    "this program may have 1,536 MB of address space only: allow at least 1,024 MB",
    "node level IIa, LN 22, series 12 and level 12 are not judged",
)
COUNTS = st.integers(0, 10**12)
LENGTHS = st.floats(0, 1e9).map(lambda value: f"{value:.3g}")
UNITS = st.sampled_from([" voxels", " of its voxels", " mm", "mm", " cm", " ml", "%", " %", " degrees", " HU", " of them", ""])


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_tells_the_heads_figures_to_one_digit_and_limits_and_names_as_they_are(reason):
    assert coarse(reason) == REASONS[reason]


@pytest.mark.parametrize("sentence", ELSE)
def test_codes_identifiers_names_and_limits_stay(sentence):
    assert coarse(sentence) == sentence


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("only 9.96% of it", "only 9% of it"),
        ("2500000 voxels", "2000000 voxels"),
        ("1,234,567 voxels, 1,234 voxels and 12,5 mm", "1000000 voxels, 1000 voxels and 10 mm"),
        ("2.5e+06 voxels, 1.25e-05 mm", "2000000 voxels, 0.00001 mm"),
        ("0.04 mm, 0.00 mm, 0 voxels, 007 mm", "0.04 mm, 0 mm, 0 voxels, 7 mm"),
        ("It lies at 12.", "It lies at 10."),
        ("values from -1024 to 3071", "values from -1000 to 3000"),
        ("the patients' 12 mm and the header's 13 mm", "the patients' 10 mm and the header's 10 mm"),
        ("the segment 'patient's LN 22' lies 13 mm off", "the segment 'patient's LN 22' lies 10 mm off"),
        ("the segment 12 mm from it", "the segment 10 mm from it"),
        ("level Ib of 3 patients", "level Ib of 3 patients"),
    ],
)
def test_figures_are_cut_off_after_one_digit(sentence, said):
    assert coarse(sentence) == said


@given(COUNTS | COUNTS.map("{:,}".format) | LENGTHS, UNITS)
def test_a_figure_of_a_head_is_one_digit_and_no_more_than_it_was(figure, unit):
    told = re.fullmatch(r"it is ([\d.]+)(.*)", coarse(f"it is {figure}{unit}"))
    assert told[2] == unit
    assert len(told[1].replace(".", "").strip("0")) <= 1
    value = float(str(figure).replace(",", ""))
    assert value / 2 <= float(told[1]) <= value


@given(LENGTHS, LENGTHS, st.sampled_from(["at most", "at least"]))
def test_a_limit_is_told_whole_and_what_exceeds_it_is_not_told_to_be_within(figure, limit, word):
    told = re.fullmatch(r"it is (more than )?(.+) mm off \((at \w+) (.+) mm\)", coarse(f"it is {figure} mm off ({word} {limit} mm)"))
    assert told[4] == limit
    if word == "at most":
        assert (float(figure) > float(limit)) == (bool(told[1]) or float(told[2]) > float(limit))


@given(st.text("LN 0123456789,.-_I", min_size=1).filter(str.strip), COUNTS)
def test_a_name_in_quotes_stays_whatever_it_is(name, voxels):
    said = coarse(f"{voxels} voxels changed in the segment '{name}'")
    assert said.endswith(f"voxels changed in the segment '{name}'")


@given(st.sampled_from(sorted(REASONS)))
def test_what_was_made_coarse_is_not_made_coarser(reason):
    assert coarse(coarse(reason)) == coarse(reason)
