"""CADS (github.com/murong-xu/CADS): its own command line, which is not the PyPI package named ``cads``.

Its weights are CC BY-NC-SA 4.0: for research only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..core.progress import Alive, idle
from ..core.scratch import scratch_folder
from ..core.segment import Segment
from ..core.volume import Volume
from .base import ProviderError
from .command import run_command
from .exchange import read_labels, write_nifti

#: Labels of task 558, head-neck organs (cads/dataset_utils/bodyparts_labelmaps.py), that help to find the node levels.
TASK = 558
LABELS = {4: "Mandible", 18: "Submandibular gland L", 19: "Submandibular gland R", 27: "Parotid gland L", 28: "Parotid gland R"}


@dataclass(frozen=True)
class Cads:
    """``script`` is CADS' predict_images.py; ``python`` the interpreter of the environment that CADS is installed in."""

    script: Path
    python: str = "python"
    cpu: bool = False
    timeout_s: float = 3600.0

    @classmethod
    def typed(cls, place: Path, cpu: bool) -> Cads:
        """As it is named on the command line."""
        return cls(place, cpu=cpu)

    def available(self) -> bool:
        """True where the script is there."""
        return Path(self.script).is_file()

    def describe(self) -> str:
        """Name and task."""
        return f"CADS (task {TASK})"

    def segment(self, ct: Volume, alive: Alive = idle) -> tuple[Segment, ...]:
        """Mandible and salivary glands; raises ProviderError where it fails, takes too long or finds none of them."""
        with scratch_folder() as folder:
            source, output = folder / "ct.nii.gz", folder / "out"
            write_nifti(ct, source)
            command = [self.python, str(self.script), "-in", str(source), "-out", str(output), "-task", str(TASK)]
            run_command([*command, "--cpu"] if self.cpu else command, self.timeout_s, alive=alive)
            segments = tuple(read_labels(output / "ct" / f"ct_part_{TASK}.nii.gz", LABELS, self.describe()))
        if not segments:
            raise ProviderError("it found neither mandible nor salivary glands")
        return segments
