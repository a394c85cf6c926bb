"""A user's own nnU-Net v2 model folder (Isensee et al., Nat Methods 2021;18:203), for nodes or for jaw and glands."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..core.plain_files import read_plain_text, unread
from ..core.progress import Alive, idle
from ..core.scratch import scratch_folder
from ..core.segment import Segment
from ..core.volume import Volume
from .base import ProviderError
from .command import run_command
from .exchange import read_labels, write_nifti

#: The kinds of files, of those nnU-Net knows, that are written here.
ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha")


@dataclass(frozen=True)
class NnUnetModel:
    """``folder`` holds dataset.json, plans.json and fold_X, as nnU-Net leaves them after training."""

    folder: Path
    folds: tuple[str, ...] = ("0",)
    device: str = "cuda"
    checkpoint: str = "checkpoint_final.pth"
    timeout_s: float = 1800.0
    command: str = "nnUNetv2_predict_from_modelfolder"

    @classmethod
    def typed(cls, place: Path, cpu: bool) -> NnUnetModel:
        """As it is named on the command line."""
        return cls(place, device="cpu" if cpu else "cuda")

    def available(self) -> bool:
        """True where the command is on the path and the folder holds a model."""
        return shutil.which(self.command) is not None and (Path(self.folder) / "dataset.json").is_file()

    def describe(self) -> str:
        """Name and folder."""
        return f"nnU-Net model '{Path(self.folder).name}'"

    def segment(self, ct: Volume, alive: Alive = idle) -> tuple[Segment, ...]:
        """One segment per label that occurs; raises ProviderError where it fails, takes too long or its model does not fit."""
        labels, ending = self._dataset()
        with scratch_folder() as folder:
            source, output = folder / "in", folder / "out"
            source.mkdir()
            write_nifti(ct, source / f"ct_0000{ending}")
            command = [self.command, "-i", str(source), "-o", str(output), "-m", str(self.folder), "-f", *self.folds]
            command += ["-chk", self.checkpoint, "-device", self.device, "-npp", "1", "-nps", "1", "--disable_progress_bar"]
            run_command(command, self.timeout_s, alive=alive)
            return tuple(read_labels(output / f"ct{ending}", labels, self.describe()))

    def _dataset(self) -> tuple[dict[int, str], str]:
        """Label values with their names, and the file ending, of the model's dataset.json."""
        try:
            dataset = json.loads(read_plain_text(Path(self.folder) / "dataset.json"))
            labels = {value: name for name, value in dataset["labels"].items() if isinstance(value, int) and value > 0}
            channels = dataset["channel_names"]
        except (OSError, ValueError, KeyError, AttributeError, RecursionError) as error:
            raise ProviderError(f"its dataset.json cannot be used ({unread(error)})") from error
        ending = dataset.get("file_ending", ".nii.gz")
        if len(channels) != 1 or not labels or ending not in ENDINGS:
            raise ProviderError("its model does not take one CT and give labels")
        return labels, ending
