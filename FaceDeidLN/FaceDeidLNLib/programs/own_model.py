"""The extension NNUNet with a model folder of the user's own, as a provider."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import Cancelled
from ..core.guard import ended_with_us
from ..core.guard_process import end_program
from ..core.progress import Alive, Progress, idle, silent
from ..core.scratch import scratch_folder
from ..core.segment import Segment
from ..core.volume import Volume
from ..mrml.nodes import add_ct, segments_from_node
from ..mrml.removal import remove_with_display
from ..mrml.scene import context
from ..providers.base import ProviderError
from .heard import Said, is_loaded

#: How long (ms) to wait before looking again whether a program is done.
_LOOK_MS = 50


@dataclass(frozen=True)
class OwnModel:
    """The extension NNUNet with a model folder of the user's own."""

    folder: Path
    progress: Progress = silent

    def available(self) -> bool:
        """True where Slicer has loaded the extension's module."""
        return is_loaded("SlicerNNUNet")

    def describe(self) -> str:
        """Name and folder."""
        return f"nnU-Net ({self.folder.name})"

    def segment(self, ct: Volume, alive: Alive = idle) -> tuple[Segment, ...]:
        """Whatever the model segments; raises ProviderError where it fails."""
        library = importlib.import_module("SlicerNNUNetLib")
        scene, problems, made = context(), [], None
        if not library.InstallLogic().setupPythonRequirements():
            raise ProviderError("nnU-Net's Python packages are not installed")
        logic, said = library.SegmentationLogic(), Said(self.progress, "nnU-Net", alive)
        if not hasattr(logic, "_tmpDir"):
            raise ProviderError(
                "this version of it keeps its copy of the CT where others may read it: run it from its own module, and choose its result"
            )
        logic.errorOccurred.connect(problems.append)
        logic.progressInfo.connect(said.hear)  # called by Qt, where nothing may be raised
        logic.setParameter(library.Parameter(modelPath=self.folder, folds="0"))
        source = add_ct(scene, ct, "nnU-Net input")
        try:
            with scratch_folder() as folder:  # its own is readable for all, and outlives a program that is killed
                logic._tmpDir = _Place(folder)
                logic.startSegmentation(source)
                _wait_for(logic, said)
                if problems:
                    raise ProviderError(str(problems[0]))
                made = logic.loadSegmentation()
            return tuple(segment for segment in segments_from_node(made) if segment.mask.array.any())
        except (Cancelled, ProviderError):
            raise
        except Exception as error:  # as above
            raise ProviderError(f"{type(error).__name__}: {error}") from error
        finally:
            for node in (source, made):
                remove_with_display(scene.scene, node)


@dataclass(frozen=True)
class _Place:
    """A folder in the manner of a QTemporaryDir; it is new and empty, so that there is nothing to remove."""

    folder: Path

    def path(self) -> str:
        """Where it lies."""
        return str(self.folder)

    def remove(self) -> bool:
        """What it holds goes."""
        return True


def _wait_for(logic: Any, said: Said) -> None:  # noqa: ANN401 - another extension's object
    """Tell how it goes until nnU-Net's program (a QProcess) has ended; end it, and all that it started, where the user cancels."""
    process = logic.inferenceProcess.process
    identifier = int(process.processId())
    if identifier <= 0:  # it never began, which the extension says
        return
    try:
        with ended_with_us(identifier):
            while process.state() != process.NotRunning:
                said.ask()
                process.waitForFinished(_LOOK_MS)  # Qt learns of its end here, also where nobody lets events through
    except Cancelled:
        end_program(identifier)
        logic.stopSegmentation()
        raise
