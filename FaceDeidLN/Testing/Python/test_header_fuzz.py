"""Headers of garbage: random representations, lengths that lie, sequences in sequences, cut anywhere. Nothing of them gets through."""

from __future__ import annotations

import contextlib
import io
import warnings

import pydicom
import pytest
from canaries import table_tags
from FaceDeidLNLib.core.errors import OutputError
from FaceDeidLNLib.header.base import HeaderError, KeepHeader
from FaceDeidLNLib.header.known import Known
from FaceDeidLNLib.header.options import options_named
from FaceDeidLNLib.header.profile import Profile
from FaceDeidLNLib.output.dicom_plain import PlainHeaders
from header_objects import bytes_of, small
from hypothesis import event, given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword

CANARY = b"ZQXFUZZCANARY"
REPRESENTATIONS = [b"LO", b"PN", b"DA", b"TM", b"DT", b"DS", b"IS", b"CS", b"UI", b"UT", b"AS", b"AT", b"FD", b"US", b"OB", b"UN", b"XX"]
LONG = {b"SQ", b"UN", b"OB", b"UT"}
#: Of the table, of geometry, private, overlays, group lengths, and of no dictionary.
TAGS = [*table_tags()[::7], 0x00081030, 0x00280030, 0x00291010, 0x00290010, 0x60003000, 0x00080000, 0x0018AAAA, 0x0040A730]
#: Eight letters under an attribute of binary numbers are a number, which nobody can tell from another: those are left out here.
NUMBERS = {"FD", "FL", "US", "SS", "UL", "SL", "AT", "US or SS"}
TAGS = [tag for tag in TAGS if not dictionary_has_tag(tag) or dictionary_VR(tag) not in NUMBERS]
#: Not of the table, and read of every instance.
ALWAYS_READ = ["SOPClassUID", "Modality", "InstanceNumber", "SeriesNumber", "AcquisitionNumber", "DeidentificationMethod"]
ALWAYS_READ += ["ContentSequence", "DeidentificationMethodCodeSequence", "ValueType", "ConceptNameCodeSequence", "BurnedInAnnotation"]
UNDEFINED = 0xFFFFFFFF


def encoded(tag, vr, value, length):
    """An element in explicit VR little endian with whatever length it claims."""
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr
    return head + (b"\0\0" + length.to_bytes(4, "little") if vr in LONG else min(length, 0xFFFF).to_bytes(2, "little")) + value


@st.composite
def leaf(draw):
    value = CANARY + draw(st.binary(max_size=12))
    value += b" " * (len(value) % 2)
    lie = draw(st.sampled_from([0] * 8 + [2, -2, 1]))
    return encoded(draw(st.sampled_from(TAGS)), draw(st.sampled_from(REPRESENTATIONS)), value, len(value) + lie)


@st.composite
def sequence(draw, inside):
    body = b"".join(draw(st.lists(inside, max_size=3)))
    length = draw(st.sampled_from([len(body), UNDEFINED]))
    item = b"\xfe\xff\x00\xe0" + length.to_bytes(4, "little") + body + (b"\xfe\xff\x0d\xe0" + bytes(4) if length == UNDEFINED else b"")
    closed = draw(st.booleans())
    tag = draw(st.sampled_from([0x00081140, 0x00400275, 0x00081115, 0x00291020, 0x0040A730, 0x52009230]))
    return encoded(tag, b"SQ", item + (b"" if closed else b"\xfe\xff\xdd\xe0" + bytes(4)), len(item) if closed else UNDEFINED)


GARBAGE = st.lists(st.recursive(leaf(), sequence, max_leaves=8), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(elements=GARBAGE, cut=st.integers(0, 3), plain=st.booleans())
def test_a_garbage_header_gives_no_traceback_and_lets_no_canary_through(elements, cut, plain):
    body = b"".join(elements)
    raw = bytes_of(small()) + body[: len(body) - cut]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(io.BytesIO(raw), force=True)
        except Exception:  # what nobody can read is refused before any header is cleaned
            event("unreadable")
            return
        Known().take(dataset)
        policy = Profile(bytes(range(32)), options_named("research,clean-structured-content"))
        try:
            source = PlainHeaders().plain(dataset) if plain else dataset
            policy.learn(source)
            cleaned = policy.clean(source)
            cleaned.file_meta = dataset.file_meta
            out = bytes_of(cleaned)
        except (HeaderError, OutputError):
            event("withheld")
            return
    event("cleaned")
    assert CANARY not in out


@pytest.mark.parametrize("policy", [KeepHeader, lambda: Profile(bytes(range(32)), options_named("research,clean-structured-content"))])
def test_any_attribute_of_no_representation_is_taken_for_missing(policy):
    for tag in sorted({*table_tags(), *map(tag_for_keyword, ALWAYS_READ)}):
        dataset = pydicom.dcmread(io.BytesIO(bytes_of(small()) + encoded(tag, b"XX", CANARY + b" ", len(CANARY) + 1)), force=True)
        Known().take(dataset)
        policy().learn(dataset)
        with contextlib.suppress(HeaderError):
            assert policy().clean(dataset) is not None


def test_no_attribute_of_no_representation_lets_a_canary_through():
    withheld = []
    tags = sorted({tag for tag in table_tags() if tag >= 0x00080000} | set(map(tag_for_keyword, ALWAYS_READ)))
    for tag in tags:
        dataset = pydicom.dcmread(io.BytesIO(bytes_of(small()) + encoded(tag, b"XX", CANARY + b" ", len(CANARY) + 1)), force=True)
        try:
            assert CANARY not in bytes_of(Profile(bytes(range(32)), options_named("research,clean-structured-content")).clean(dataset))
        except HeaderError:
            withheld.append(tag)
    assert len(withheld) < len(tags) / 10
