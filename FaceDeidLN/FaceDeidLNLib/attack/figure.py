"""The attack in one picture: genuine and impostor distances, ROC curve, and how many are found among the first n."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from .battery import Trial
from .scores import best_option, ranks


def write_figure(path: Path, trial: Trial) -> None:
    """Write the picture (PNG) of a trial, for the single option that recognises best."""
    own = trial.columns()
    option, matrix = best_option(trial.options(), own)
    genuine = matrix[np.arange(len(own)), own]
    mask = np.ones(matrix.shape, dtype=bool)
    mask[np.arange(len(own)), own] = False
    impostor = matrix[mask]
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    bins = np.histogram_bin_edges(matrix[np.isfinite(matrix)], 40)
    left.hist([impostor, genuine], bins, density=True, label=["others", "the same person"])
    left.set(xlabel="distance", title=option)
    left.legend()
    limits = np.sort(matrix.ravel())
    middle.plot((impostor[:, None] <= limits).mean(0), (genuine[:, None] <= limits).mean(0))
    middle.plot([0, 1], [0, 1], "k:")
    middle.set(xlabel="false matches", ylabel="true matches", title="ROC")
    counts = np.arange(1, matrix.shape[1] + 1)
    right.plot(counts, (ranks(matrix, own)[:, None] < counts + 0.5).mean(0))
    right.plot(counts, counts / matrix.shape[1], "k:")
    right.set(xlabel="first n of the gallery", ylabel="share found", title="rank")
    figure.savefig(path, dpi=110)
    plt.close(figure)
