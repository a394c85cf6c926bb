"""Providers: programs stood in for by small scripts that read and write the same files."""

from __future__ import annotations

import argparse
import json
import os
import stat
import sys
import textwrap
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from FaceDeidLNLib.case.find import find_anatomy, find_face
from FaceDeidLNLib.case.records import Request
from FaceDeidLNLib.commands.options import add_work
from FaceDeidLNLib.core.errors import Cancelled, InputError
from FaceDeidLNLib.core.geometry import Geometry
from FaceDeidLNLib.core.parameters import Parameters
from FaceDeidLNLib.core.progress import Alive
from FaceDeidLNLib.core.segment import Segment
from FaceDeidLNLib.core.volume import Volume
from FaceDeidLNLib.facts import facts_of
from FaceDeidLNLib.input.names import choose_segments
from FaceDeidLNLib.input.place import place_segments
from FaceDeidLNLib.pipeline import deface
from FaceDeidLNLib.providers.base import ProviderError, ask_providers, require_available
from FaceDeidLNLib.providers.cads import Cads
from FaceDeidLNLib.providers.command import run_command
from FaceDeidLNLib.providers.exchange import write_nifti
from FaceDeidLNLib.providers.nnunet import NnUnetModel
from FaceDeidLNLib.providers.registry import KINDS, provider_named, typed_kinds
from FaceDeidLNLib.providers.totalsegmentator import FREE_TASKS, TotalSegmentator
from processes import lives

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are POSIX scripts")

#: What every stand-in begins with: arguments by flag, and a writer of label files on the grid of the input.
PREAMBLE = f"""#!{sys.executable}
import sys, pathlib, numpy as np, SimpleITK as sitk
args = sys.argv[1:]
def arg(flag):
    return args[args.index(flag) + 1]
def write(source, path, value=1, where=(slice(3, 6), slice(4, 9), slice(5, 9))):
    image = sitk.ReadImage(str(source))
    labels = np.zeros(sitk.GetArrayFromImage(image).shape, dtype=np.uint8)
    labels[where] = value
    out = sitk.GetImageFromArray(labels)
    out.CopyInformation(image)
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(out, str(path))
"""


def program(folder: Path, name: str, body: str) -> Path:
    """An executable script."""
    path = folder / name
    path.write_text(PREAMBLE + textwrap.dedent(body), encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return path


def small_ct(shear: float = 0.0) -> Volume:
    """A small CT, turned about z, sheared where asked."""
    turn = np.radians(10)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), shear], [0, 0, 1]]) * (1.0, 1.2, 2.5)
    matrix[:3, 3] = (-8.0, 12.0, 40.0)
    array = np.random.default_rng(0).integers(-1000, 1000, (10, 14, 16)).astype(np.int16)
    return Volume(array, Geometry(array.shape, matrix))


def expected_box(ct: Volume) -> np.ndarray:
    mask = np.zeros(ct.array.shape, dtype=bool)
    mask[3:6, 4:9, 5:9] = True
    return mask


TOTAL = """
    out = pathlib.Path(arg("-o"))
    assert args[args.index("-d") + 1] == "cpu"
    names = {
        "craniofacial_structures": "mandible skull",
        "head_glands_cavities": "submandibular_gland_left",
        "headneck_bones_vessels": "hyoid",
        "body": "body body_trunc skin",
    }
    for name in names[arg("-ta")].split():
        write(arg("-i"), out / (name + ".nii.gz"))
"""


def test_totalsegmentator_gives_jaw_hyoid_glands_and_outline_only(tmp_path):
    command = program(tmp_path, "TotalSegmentator", TOTAL)
    segments = TotalSegmentator(device="cpu", command=str(command)).segment(small_ct())
    assert {s.name for s in segments} == {"mandible", "submandibular_gland_left", "hyoid", "body", "body_trunc", "skin"}


def test_totalsegmentator_is_never_asked_for_a_licensed_task():
    assert "face" not in FREE_TASKS


def test_a_segment_comes_back_to_the_voxels_it_was_made_of(tmp_path):
    ct = small_ct()
    command = program(tmp_path, "TotalSegmentator", TOTAL)
    segment = TotalSegmentator(device="cpu", command=str(command)).segment(ct)[0]
    assert np.array_equal(place_segments([segment], ct.geometry)[0].full(ct.array.shape), expected_box(ct))


def test_a_sheared_ct_is_handed_over_on_upright_axes(tmp_path):
    import SimpleITK as sitk

    ct = small_ct(shear=0.3)
    write_nifti(ct, tmp_path / "ct.nii.gz")
    image = sitk.ReadImage(str(tmp_path / "ct.nii.gz"))
    assert np.allclose(np.abs(image.GetDirection()), np.eye(3).ravel(), atol=1e-6)


def test_cads_labels_get_their_names(tmp_path):
    body = """
        assert arg("-task") == "558" and "--cpu" in args
        write(arg("-in"), pathlib.Path(arg("-out")) / "ct" / "ct_part_558.nii.gz", value=4)
    """
    script = program(tmp_path, "predict_images.py", body)
    segments = Cads(script, python=sys.executable, cpu=True).segment(small_ct())
    assert [s.name for s in segments] == ["Mandible"]


def model_folder(tmp_path: Path, labels: dict[str, object]) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    dataset = {"labels": labels, "channel_names": {"0": "CT"}, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(dataset), encoding="utf-8")
    return folder


NNUNET = """
    assert arg("-device") == "cpu" and arg("-f") == "0"
    write(pathlib.Path(arg("-i")) / "ct_0000.nii.gz", pathlib.Path(arg("-o")) / "ct.nii.gz", value=2)
"""


def test_an_nnunet_model_gives_the_labels_of_its_data_set(tmp_path):
    folder = model_folder(tmp_path, {"background": 0, "mandible": 1, "lymph node": 2})
    provider = NnUnetModel(folder, device="cpu", command=str(program(tmp_path, "predict", NNUNET)))
    assert [s.name for s in provider.segment(small_ct())] == ["lymph node"]


def test_a_model_for_two_channels_is_refused(tmp_path):
    folder = model_folder(tmp_path, {"background": 0, "lymph node": 1})
    dataset = json.loads((folder / "dataset.json").read_text())
    dataset["channel_names"]["1"] = "PET"
    (folder / "dataset.json").write_text(json.dumps(dataset), encoding="utf-8")
    with pytest.raises(ProviderError, match="one CT"):
        NnUnetModel(folder, command="none").segment(small_ct())


def test_a_program_that_fails_is_quoted(tmp_path):
    command = program(tmp_path, "broken", "print('CUDA out of memory'); sys.exit(3)")
    with pytest.raises(ProviderError, match=r"(?s)code 3: .*CUDA out of memory"):
        run_command([str(command)], 60)


def test_a_program_that_hangs_is_stopped_with_its_children(tmp_path):
    command = program(
        tmp_path,
        "hanging",
        f"""
        import subprocess, time
        open(r"{tmp_path}/child", "w").write(str(subprocess.Popen(["sleep", "600"]).pid))
        time.sleep(600)
        """,
    )
    with pytest.raises(ProviderError, match="took longer than 2 s"):
        run_command([str(command)], 2)
    note, deadline = tmp_path / "child", time.monotonic() + 300
    while note.exists() and lives(note.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_program_that_is_not_there_is_said_to_be_missing():
    findings = ask_providers([TotalSegmentator(command="/nowhere/TotalSegmentator")], small_ct())
    assert "TotalSegmentator" in findings.failures[0]
    assert "not installed" in findings.failures[0]


@dataclass(frozen=True)
class Given:
    """A provider with a ready answer."""

    segments: tuple[Segment, ...] = ()
    error: str = ""

    def available(self) -> bool:
        return True

    def describe(self) -> str:
        return "given"

    def segment(self, ct: Volume, alive: Alive) -> tuple[Segment, ...]:
        if self.error:
            raise ProviderError(self.error)
        return self.segments


def test_a_providers_segments_are_sorted_as_those_of_a_file():
    mask = Volume(np.ones((1, 1, 1), dtype=bool), Geometry((1, 1, 1), np.eye(4)))
    segments = [Segment(name, mask) for name in ("LN Ib", "mandible", "parotid_gland_left", "skull", "nodepack 7", "Segment_9")]
    findings, choice = ask_providers([Given(tuple(segments))], small_ct()), choose_segments(segments)
    assert findings.nodes == choice.taken
    assert findings.guides == choice.guides
    assert [s.name for s in findings.nodes] == ["LN Ib", "parotid_gland_left", "nodepack 7", "Segment_9"]
    assert [s.name for s in findings.guides] == ["mandible", "parotid_gland_left"]


def test_of_every_segment_of_a_provider_it_is_said_what_became_of_it(phantom):
    node = replace(phantom.segment("LN cheek left"), name="nodepack 7")
    skull = replace(phantom.segment("LN Ia"), name="skull")
    result = deface(Request(phantom.ct, landmarks=phantom.landmarks, providers=(Given((node, skull)),)))
    assert [(check.name, check.changed) for check in result.comparison.protected if check.name == node.name] == [(node.name, 0)]
    assert facts_of(result)["segmented"] == [
        "kept: 'nodepack 7' (not recognised), by given",
        "not kept: 'skull' (neither node nor gland), by given",
    ]


def test_a_program_that_is_missing_is_known_before_the_work():
    with pytest.raises(InputError, match="is not installed"):
        require_available(provider_named("nnunet:/no/such/model"))


def test_whoever_waits_can_stop_a_program(tmp_path):
    def stop():
        raise Cancelled("enough")

    begin = time.monotonic()
    with pytest.raises(Cancelled):
        run_command([str(program(tmp_path, "slow", "import time; time.sleep(60)"))], 60, alive=stop)
    assert time.monotonic() - begin < 30


def test_a_program_of_the_table_has_one_name_as_a_command_and_as_an_extension():
    from FaceDeidLNLib.programs.extensions import EXTENSIONS, OFFERS

    names = [kind.name for kind in KINDS]
    assert len(set(names)) == len(names)
    assert set(EXTENSIONS) | {"nnunet"} == {offer.kind.name for offer in OFFERS}
    assert {offer.kind for offer in OFFERS} | {kind for kind in KINDS if kind.made_by} == set(KINDS)


def test_a_provider_that_fails_makes_the_case_a_review(phantom):
    request = Request(phantom.ct, landmarks=phantom.landmarks, providers=(Given(error="it ran out of memory"),))
    result = deface(request)
    assert result.verdict.value == "REVIEW"
    assert any("it ran out of memory" in reason for reason in result.reasons)


def test_a_providers_nodes_are_protected(phantom):
    node = phantom.segment("LN cheek left")
    result = deface(Request(phantom.ct, landmarks=phantom.landmarks, providers=(Given((node,)),)))
    assert [(check.name, check.changed) for check in result.comparison.protected if check.name == node.name] == [(node.name, 0)]


def test_a_providers_mandible_takes_the_place_of_the_cts_bone(phantom):
    result = deface(Request(phantom.ct, landmarks=phantom.landmarks, providers=(Given((phantom.segment("Mandible"),)),)))
    assert all("segment 'Mandible'" in level.derived_from for level in result.levels)


def test_a_providers_mandible_shows_the_lower_border_of_a_jaw_that_is_too_thin_for_the_ct(phantom):
    """The face reaches as far down over a drawn mandible without dense bone as over the dense bone itself."""
    jaw = phantom.segment("Mandible")
    thin = phantom.ct.with_array(np.where(jaw.mask.array, np.minimum(phantom.ct.array, 200), phantom.ct.array))
    border = int(np.flatnonzero(jaw.mask.array.any(axis=(1, 2)))[0])

    def below(ct: Volume, *guides: Segment) -> int:
        request = Request(ct, landmarks=phantom.landmarks, guides=guides, parameters=Parameters(levels=()))
        face = find_face(request, find_anatomy(ct, phantom.landmarks), ()).segment
        return np.count_nonzero(face.full(ct.array.shape)[: border + 4])

    dense, guided, bare = below(phantom.ct), below(thin, jaw), below(thin)
    assert guided >= dense
    assert guided > bare


def test_an_unknown_provider_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="totalsegmentator, cads:"):
        provider_named("segmentanything")


def test_the_help_names_every_program_of_the_table():
    parser = argparse.ArgumentParser()
    add_work(parser)
    assert typed_kinds() in next(action.help for action in parser._actions if action.dest == "provider")
