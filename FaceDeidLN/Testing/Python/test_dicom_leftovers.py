"""What is not in a released header: whatever can hold a picture, and whatever leads to the images with the face."""

import base64

import numpy as np
import pydicom
import pytest
from dicom_series import Series, stored_head, write_series
from FaceDeidLNLib.header.base import KeepHeader
from FaceDeidLNLib.input.ct import read_ct
from FaceDeidLNLib.input.dicom_files import CONTOURS
from FaceDeidLNLib.output.dicom import write_dicom_series
from FaceDeidLNLib.output.dicom_clean import MAX_PRIVATE, MAX_PUBLIC
from FaceDeidLNLib.output.dicom_header import Marks, derived_header, require_headers, source_header
from FaceDeidLNLib.study.documents import judged
from FaceDeidLNLib.study.outcome import Outcome
from FaceDeidLNLib.study.pictures import remove_pictures as remove_pictures_of_study
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, generate_uid

PICTURE = np.random.default_rng(1).integers(0, 256, 64 * 64, dtype=np.uint8).tobytes()
OTHER = generate_uid()


def private(vr, value, count=1, group=0x0029):
    def add(ds):
        block = ds.private_block(group, "MAKER", create=True)
        for n in range(count):
            block.add_new(0x10 + n, vr, value)

    return add


def public(tag, vr, value):
    return lambda ds: ds.add_new(tag, vr, value)


def nested(add, levels=3):
    def add_nested(ds):
        inner = Dataset()
        add(inner)
        for _ in range(levels):
            outer = Dataset()
            outer.RequestAttributesSequence = Sequence([inner])
            inner = outer
        ds.RequestAttributesSequence = inner.RequestAttributesSequence

    return add_nested


def makers(ds):
    for n in range(80):
        ds.add_new((0x0031 + 2 * (n // 40) << 16) | 0x10 + n % 40, "LO", PICTURE[n * 30 : n * 30 + 30].hex())


def makers_of_empty_elements(ds):
    makers(ds)
    for n in range(80):
        ds.add_new((0x0031 + 2 * (n // 40) << 16) | (0x10 + n % 40) << 8, "LO", "")


def many_items(ds):
    items = []
    for n in range(100):
        inner = Dataset()
        inner.CodeMeaning = PICTURE[n * 40 : n * 40 + 20].hex()
        items.append(inner)
    ds.ProcedureCodeSequence = Sequence(items)


HOLDERS = {
    "private numbers": private("US", np.frombuffer(PICTURE, "<u2").tolist()),
    "private text": private("UT", base64.b64encode(PICTURE).decode() * 4),
    "private doubles": private("FD", [float(v) for v in PICTURE[:3000]]),
    "private bytes many times": private("OB", PICTURE[:1000], count=8),
    "private bytes in small pieces": private("OB", PICTURE[:60], count=100),
    "private unknown": private("UN", PICTURE),
    "document": public(0x00420011, "OB", PICTURE),
    "curve": public(0x50003000, "OB", PICTURE),
    "overlay": public(0x60023000, "OW", PICTURE),
    "comment": public(0x00204000, "LT", base64.b64encode(PICTURE).decode()),
    "names": public(0x00081060, "PN", [PICTURE[n : n + 20].hex() for n in range(0, 2000, 20)]),
    "public unknown": public(0x00189999, "UN", PICTURE),
    "many items": many_items,
    "names of makers": makers,
    "names of makers with empty elements": makers_of_empty_elements,
    "public unknown in small pieces": lambda ds: [ds.add_new(0x00189A00 + n, "LO", PICTURE[n * 30 : n * 30 + 30].hex()) for n in range(80)],
    "private decimals": private("DS", [str(v) for v in PICTURE]),
    "private integers": private("IS", [str(v) for v in PICTURE]),
    "private nested": lambda ds: nested(private("OB", PICTURE[:60], count=70))(ds),
}
SHORT = [name for name in HOLDERS if name != "many items"]


def released(tmp_path, add, tested=True, **series):
    """The header of a released slice whose source had something added."""
    for path in write_series(tmp_path / "in", Series(stored_head(), **series)):
        ds = pydicom.dcmread(path)
        add(ds)
        ds.save_as(path)
    ct = read_ct(tmp_path / "in")
    write_dicom_series(ct, ct.volume, tmp_path / "out", Marks("x", tested))
    return ct, pydicom.dcmread(min((tmp_path / "out").iterdir()))


def held(ds):
    """The bytes of all values but the pixels, at every depth."""
    return sum(len(str(e.value)) if e.VR != "OB" else len(e.value) for e in ds.iterall() if e.VR != "SQ" and e.keyword != "PixelData")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A slice on disk."""
    return write_series(tmp_path_factory.mktemp("source"), Series(stored_head(shape=(1, 8, 8))))[0]


def more(source, tmp_path, add):
    """How many bytes of what was added to a source's header are in the header made of it."""
    ds = pydicom.dcmread(source)
    add(ds)
    ds.save_as(tmp_path / "with.dcm")
    sources = [source_header(path) for path in (source, tmp_path / "with.dcm")]
    headers = [derived_header(found, Marks("x"), KeepHeader(), frozenset()) for found in sources]
    return held(headers[1]) - held(headers[0])


@pytest.mark.parametrize("name", HOLDERS)
def test_what_can_hold_a_picture_is_gone(source, tmp_path, name):
    assert more(source, tmp_path, HOLDERS[name]) <= 1100


@pytest.mark.parametrize("name", SHORT)
def test_what_can_hold_a_picture_is_gone_at_any_depth(source, tmp_path, name):
    assert more(source, tmp_path, nested(HOLDERS[name])) <= 1100


def test_short_private_values_and_texts_stay(tmp_path):
    def add(ds):
        private("LO", "kept")(ds)
        ds.ImageComments, ds.ProtocolName = "a comment " * 20, "Neck"

    _, ds = released(tmp_path, add)
    assert (ds[0x00291010].value, ds.ProtocolName) == ("kept", "Neck")
    assert ds.ImageComments.startswith("a comment")


def reference(uid, keyword="ReferencedSOPInstanceUID"):
    one = Dataset()
    one.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    setattr(one, keyword, uid)
    return one


def links(ds):
    """Ways back to the originals: to itself, its series, and images elsewhere."""
    own, series = ds.SOPInstanceUID, ds.SeriesInstanceUID
    ds.ReferencedImageSequence = Sequence([reference(own), reference(OTHER)])
    ds.ReferencedSeriesSequence = Sequence([reference(series, "SeriesInstanceUID")])
    before = Dataset()
    before.ModifiedAttributesSequence = Sequence([reference(own, "SOPInstanceUID")])
    ds.OriginalAttributesSequence = Sequence([before])
    ds.PixelDataProviderURL = f"http://archive.example/{own}"
    ds.ImageComments = f"made from {own}.1"
    block = ds.private_block(0x0029, "MAKER", create=True)
    block.add_new(0x10, "LO", f"series {series}")
    block.add_new(0x11, "UI", OTHER)
    block.add_new(0x12, "OB", b"\1\2" + own.encode() + b"\0\0")
    block.add_new(0x14, "OB", f"from {own}".encode("utf-16"))
    block.add_new(0x15, "UT", f"from {series}")
    block.add_new(0x13, "LO", "https://archive")
    ds.RequestAttributesSequence = Sequence([Dataset()])
    ds.RequestAttributesSequence[0].RequestedProcedureDescription = f"again {own}"


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", ImplicitVRLittleEndian])
def test_nothing_leads_to_the_originals(tmp_path, syntax):
    ct, _ = released(tmp_path, links, syntax=syntax)
    originals = [uid.encode(kind) for uid in (*ct.source_uids, OTHER) for kind in ("ascii", "utf-16-le")]
    assert len(originals) == 28
    for file in (tmp_path / "out").iterdir():
        content = file.read_bytes()
        assert not [uid for uid in originals if uid in content]
        assert b"://" not in content


def test_the_uids_of_other_series_in_the_folder_do_not_stay_either(tmp_path):
    scout = Series(stored_head()[:1], tags={"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]})
    write_series(tmp_path / "in" / "scout", scout)
    _, ds = released(tmp_path, lambda ds: setattr(ds, "ImageComments", f"planned on {scout.uid}"))
    assert "ImageComments" not in ds


def test_standard_codes_and_the_study_stay(tmp_path):
    study = generate_uid()

    def add(ds):
        ds.StudyInstanceUID = study
        one = Dataset()
        one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", study
        ds.ReferencedStudySequence = Sequence([one])

    _, ds = released(tmp_path, add)
    assert ds.ReferencedStudySequence[0].ReferencedSOPInstanceUID == ds.StudyInstanceUID == study


def spoil_words(paths):
    for path in paths:
        ds = pydicom.dcmread(path)
        ds.private_block(0x01F1, "ELSCINT1", create=True).add_new(0x26, "DS", "0.688")  # the dictionary says FD
        ds.add_new(0x00189345, "DS", "12.5  ")  # CTDIvol: FD
        ds.save_as(path)


def test_elements_of_the_wrong_encoding_are_left_out_and_told_before_the_work(tmp_path):
    spoil_words(write_series(tmp_path / "in", Series(stored_head(), syntax=ImplicitVRLittleEndian)))
    ct = read_ct(tmp_path / "in")
    assert require_headers(ct) == ("2 header elements cannot be decoded and will be left out: (0018,9345), (01F1,1026)",)
    write_dicom_series(ct, ct.volume, tmp_path / "out", Marks("x"))
    assert np.array_equal(read_ct(tmp_path / "out").volume.array, ct.volume.array)


def test_a_big_endian_series_is_written_in_little_endian(tmp_path):
    series = Series(stored_head())
    for path in write_series(tmp_path / "in", series):
        ds = pydicom.dcmread(path)
        values = np.frombuffer(ds.PixelData, "<u2").astype(">u2")
        copy = Dataset({e.tag: e for e in ds})
        copy.add_new(0x00181151, "IS", "200")
        copy.add_new(0x00281101, "US", [256, 0, 16])
        copy.add_new(0x00281201, "OW", np.arange(256, dtype=">u2").tobytes())
        copy.PixelData = values.tobytes()
        copy["PixelData"].VR = "OW"
        copy.file_meta, copy.preamble = ds.file_meta, b"\0" * 128
        copy.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        pydicom.dcmwrite(path, copy, enforce_file_format=True, implicit_vr=False, little_endian=False)
    ct = read_ct(tmp_path / "in")
    assert np.array_equal(ct.volume.array, series.hu)
    write_dicom_series(ct, ct.volume, tmp_path / "out", Marks("x"))
    files = sorted((tmp_path / "out").iterdir())
    stored = np.stack([pydicom.dcmread(f).pixel_array for f in files])
    assert np.array_equal(stored, series.stored)
    ds = pydicom.dcmread(files[0])
    assert (ds.XRayTubeCurrent, list(ds[0x00281101].value)) == (200, [256, 0, 16])
    assert np.array_equal(np.frombuffer(ds[0x00281201].value, "<u2"), np.arange(256))


def test_many_short_private_values_of_an_rt_object_are_no_picture_together():
    dataset = Dataset()
    block = dataset.private_block(0x0029, "MAKER", create=True)
    for n in range(100):
        block.add_new(n, "LO", f"{n:02d}" + "x" * 58)
    item = Dataset()
    item.private_block(0x0031, "MAKER", create=True).add_new(1, "DS", "1.5")
    dataset.ReferencedStudySequence = [item]
    remove_pictures_of_study(dataset)
    private = [element for element in dataset if element.tag.is_private and not element.tag.is_private_creator]
    assert sum(len(element.value) for element in private) <= MAX_PRIVATE
    assert dataset.ReferencedStudySequence[0][0x00311001].value == 1.5


def rt_object():
    """A structure set of a contour, with a picture as text wherever a text may stand."""
    dataset, contour, roi = Dataset(), Dataset(), Dataset()
    text = base64.b64encode(PICTURE).decode()
    contour.ContourData = [f"{value}.5" for value in range(3000)]
    dataset.ROIContourSequence = [Dataset()]
    dataset.ROIContourSequence[0].ContourSequence = [contour]
    dataset.StructureSetROISequence = [roi]
    roi.ROIName, roi.ROIDescription = "LN II left", text[:1000]
    for tag, vr, value in (
        (0x30060006, "ST", text),  # Structure Set Description
        (0x00104000, "LT", text),
        (0x00080119, "UC", text),
        (0x00480003, "UT", text),
        (0x0040A160, "UT", text),
        (0x00189345, "FD", [float(v) for v in PICTURE[:3000]]),
        (0x00189B46, "UN", PICTURE),
    ):
        dataset.add_new(tag, vr, value)
    for n in range(20):
        dataset.add_new(0x00189A00 + n, "LT", text[n * 250 : n * 250 + 250])
    return dataset


def test_long_public_values_of_an_rt_object_are_no_picture_together_and_its_contours_stay():
    dataset = rt_object()
    remove_pictures_of_study(dataset, CONTOURS)
    contour = dataset.ROIContourSequence[0].ContourSequence[0]
    assert len(contour.ContourData) == 3000
    del contour.ContourData
    assert held(dataset) <= MAX_PUBLIC + 100
    assert dataset.StructureSetROISequence[0].ROIName == "LN II left"


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("The level II node measures 12 x 9 mm, without necrosis. " * 60, True),
        ("Der Lymphknoten ist unverändert.\n" * 90, True),
        ("右頸部レベルIIに径12mmのリンパ節腫大を認める。左側に有意な腫大は認めない。" * 40, True),
        ("右侧颈部II区见肿大淋巴结，短径约12mm；左侧未见明显肿大淋巴结。" * 40, True),
        (base64.b64encode(PICTURE).decode(), False),
        ("\n".join(PICTURE[n : n + 30].hex() for n in range(0, 3000, 30)), False),
        (" ".join(map(str, PICTURE)), False),
    ],
)
def test_a_report_with_a_written_picture_is_withheld_and_one_with_prose_is_not(text, is_kept):
    report, item = Dataset(), Dataset()
    item.ValueType, item.TextValue = "TEXT", text
    report.ContentSequence = [item]
    assert (judged(report).outcome is Outcome.KEEP) == is_kept


@pytest.mark.parametrize(("count", "is_kept"), [(3, True), (80, False)])
def test_a_report_with_a_picture_written_in_many_short_texts_is_withheld(count, is_kept):
    report, written = Dataset(), base64.b64encode(np.random.default_rng(2).bytes(750)).decode()
    report.ContentSequence = []
    for _ in range(count):
        item = Dataset()
        item.ValueType, item.TextValue = "TEXT", written
        report.ContentSequence.append(item)
    assert (judged(report).outcome is Outcome.KEEP) == is_kept


def test_many_uids_in_key_objects_are_no_picture():
    report, evidence = Dataset(), Dataset()
    evidence.ReferencedSOPSequence = [Dataset() for _ in range(200)]
    for number, item in enumerate(evidence.ReferencedSOPSequence):
        item.ReferencedSOPInstanceUID = f"2.25.{10**58 + number}"
    report.ContentSequence = [evidence]
    assert judged(report).outcome is Outcome.KEEP
