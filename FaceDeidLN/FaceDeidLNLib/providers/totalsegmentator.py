"""TotalSegmentator (Wasserthal et al., Radiol Artif Intell 2023;5:e230024), the command line of the PyPI package."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ..core.progress import Alive, idle
from ..core.scratch import scratch_folder
from ..core.segment import Segment
from ..core.volume import Volume
from ..input.names import Role, role_of
from .base import ProviderError
from .command import run_command
from .exchange import read_labels, write_nifti

#: Tasks without a licence that hold mandible, hyoid, salivary glands and outline (the task "face" needs one and is not used).
FREE_TASKS = ("craniofacial_structures", "head_glands_cavities", "headneck_bones_vessels", "body")


@dataclass(frozen=True)
class TotalSegmentator:
    """The program ``TotalSegmentator``; its weights must have been downloaded before (``totalseg_download_weights``).

    It reports task and platform of each run to its makers, no image, unless "send_usage_stats" in its config.json is false.
    """

    tasks: tuple[str, ...] = FREE_TASKS
    device: str = "gpu"
    timeout_s: float = 1800.0
    command: str = "TotalSegmentator"

    @classmethod
    def typed(cls, place: Path, cpu: bool) -> TotalSegmentator:
        """As it is named on the command line."""
        return cls(device="cpu" if cpu else "gpu")

    def available(self) -> bool:
        """True where the command is on the path."""
        return shutil.which(self.command) is not None

    def describe(self) -> str:
        """Name and tasks."""
        return f"TotalSegmentator ({', '.join(self.tasks)})"

    def segment(self, ct: Volume, alive: Alive = idle) -> tuple[Segment, ...]:
        """All but structures that neither stay nor guide; raises ProviderError where a task fails, takes too long, or gives nothing."""
        found: dict[str, Segment] = {}
        with scratch_folder() as folder:
            source = folder / "ct.nii.gz"
            write_nifti(ct, source)
            for task in self.tasks:
                output = folder / task
                command = [self.command, "-i", str(source), "-o", str(output), "-ta", task, "-d", self.device]
                run_command(command, self.timeout_s, alive=alive)
                for path in sorted(output.glob("*.nii.gz")):
                    name = path.name.removesuffix(".nii.gz")
                    if name not in found and role_of(name) is not Role.OTHER:
                        found |= {segment.name: segment for segment in read_labels(path, {1: name}, self.describe())}
        if not found:
            raise ProviderError("it found neither mandible nor hyoid, salivary glands or body")
        return tuple(found.values())
