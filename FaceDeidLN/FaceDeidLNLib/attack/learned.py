"""Attack 5: a model that has learned from other patients what skin belongs to what is left of a head.

Skull to face by regression (Paysan et al., DAGM 2009) and by canonical correlation (Duan et al., IEEE TIFS 2014;9:1322), and the
same from any other surface. Whoever has the tool has as many results of other heads as he likes: the model is trained on the
originals of other people and on their results, in several draws, and never sees the person that it attacks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .scores import Recognition, recognise

#: Principal components of the skin that are predicted, and of what is seen in CCA.
SKIN_COMPONENTS, SEEN_COMPONENTS = 20, (20, 40)
#: Strength of the ridge over the mean variance of a case.
RIDGES = (0.003, 0.03, 0.3)
#: Shrinkage of covariances towards their mean variance.
SHRINKAGE = 0.1
FOLDS = 10


@dataclass(frozen=True, eq=False)
class Sightings:
    """What the attacker has: ``seen`` (N, F) of N results, the true ``skin`` (N, S) of each, ``whose`` (N,) it is; NaN: nothing met.

    ``probes`` (P, F) are the results that he attacks, one per person, and ``gallery`` (P, S) the skins of the same persons.
    """

    seen: np.ndarray
    skin: np.ndarray
    whose: np.ndarray
    probes: np.ndarray
    gallery: np.ndarray


def learned_attack(sightings: Sightings, seed: int = 0) -> Recognition:
    """Rank and AUC of the best of ridge and CCA, chosen on one half of the probes and scored on the other."""
    return recognise(learned_distances(sightings, seed), np.arange(len(sightings.probes)), seed)


def permuted(sightings: Sightings, seed: int = 0) -> Sightings:
    """The same with every person's skin given to another in training: what is still recognised is chance."""
    order = np.random.default_rng(seed).permutation(len(sightings.probes))
    place = {person: np.flatnonzero(sightings.whose == person) for person in range(len(order))}
    skin = sightings.skin.copy()
    for person, other in enumerate(order):
        rows = place[person]
        skin[rows] = sightings.skin[np.resize(place[other], len(rows))]
    return replace(sightings, skin=skin)


def learned_distances(sightings: Sightings, seed: int = 0) -> dict[str, np.ndarray]:
    """Distances (P, P), positive, of every probe to every skin of the gallery by option, in cross-validation over persons."""
    count = len(sightings.probes)
    sightings = turned(sightings)
    out: dict[str, np.ndarray] = {}
    for test in folds(count, seed):
        for name, rows in _fold(sightings, ~np.isin(sightings.whose, test), test).items():
            out.setdefault(name, np.zeros((count, count)))[test] = rows
    return out


def stranger_distances(sightings: Sightings, person: int) -> dict[str, np.ndarray]:
    """Distances (1, P) of one person's probe to every skin of the gallery by option; the model learned from all the others."""
    return _fold(turned(sightings), sightings.whose != person, np.array([person]))


def turned(sightings: Sightings) -> Sightings:
    """The same with what is seen in the axes of all rows together: as many columns as rows, and no distance changed.

    The attacker has his probes; of whom they are does not come into it.
    """
    rows = np.vstack([sightings.seen, sightings.probes])
    rows = Scale.of(rows)(rows)
    size, axes = np.linalg.eigh(rows @ rows.T)
    rows = axes * np.sqrt(np.maximum(size, 0.0))
    return replace(sightings, seen=rows[: len(sightings.seen)], probes=rows[len(sightings.seen) :])


def folds(count: int, seed: int) -> Iterator[np.ndarray]:
    """Persons (n,) of each fold."""
    order = np.random.default_rng(seed).permutation(count)
    return iter(np.array_split(order, min(FOLDS, count)))


def _fold(sightings: Sightings, train: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
    """Distances (n, P) of the probes ``test`` by a model of the rows ``train``."""
    skin = Basis.of(sightings.skin[train], SKIN_COMPONENTS)
    target, gallery = skin.coordinates(sightings.skin[train]), skin.coordinates(sightings.gallery)
    middle = sightings.seen[train].mean(0)
    seen, probes = sightings.seen[train] - middle, sightings.probes[test] - middle
    out = {}
    for strength in RIDGES:
        fitted, predicted = ridge(seen, target, probes, strength, sightings.whose[train])
        for name, rows in likenesses(fitted, target, predicted, gallery).items():
            out[f"ridge {strength:g}, {name}"] = rows
    for components in SEEN_COMPONENTS:
        out[f"CCA {components}"] = canonical(seen, target, probes, gallery, components)
    return out


@dataclass(frozen=True, eq=False)
class Scale:
    """Columns without gaps, each of mean 0 and deviation 1, over the square root of their number."""

    mean: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Scale:
        """The scale of rows (N, F); a column that no row fills is 0 everywhere."""
        known = ~np.isnan(rows)
        count = np.maximum(known.sum(0), 1)
        mean = np.where(known, rows, 0.0).sum(0) / count
        deviation = np.sqrt(np.where(known, (rows - mean) ** 2, 0.0).sum(0) / count)
        return cls(mean, np.maximum(deviation, 1e-3) * np.sqrt(rows.shape[1]))

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Rows (N, F) in this scale; gaps are the mean."""
        return np.where(np.isnan(rows), 0.0, (rows - self.mean) / self.size)


@dataclass(frozen=True, eq=False)
class Basis:
    """Principal components: mean (S,) and axes (K, S); coordinates have variance 1."""

    mean: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, components: int) -> Basis:
        """Of rows (N, S); gaps are the column's mean."""
        mean = np.nanmean(rows, axis=0)
        _, size, axes = np.linalg.svd(np.where(np.isnan(rows), 0.0, rows - mean), full_matrices=False)
        deviation = np.maximum(size[:components] / np.sqrt(len(rows)), 1e-6)
        return cls(mean, axes[:components] / deviation[:, None])

    def coordinates(self, rows: np.ndarray) -> np.ndarray:
        """Coordinates (N, K) of rows (N, S)."""
        return np.where(np.isnan(rows), 0.0, rows - self.mean) @ self.axes.T


def ridge(seen: np.ndarray, target: np.ndarray, probes: np.ndarray, strength: float, whose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regression in its dual form: what it predicts for the training rows, each person left out, and for the probes.

    A person's rows are left out together (closed form of the block), so that the errors are those to expect of strangers.
    """
    kernel = seen @ seen.T
    inverse = np.linalg.inv(kernel + strength * max(np.trace(kernel) / len(kernel), 1e-9) * np.eye(len(kernel)))
    weights = inverse @ target
    fitted = np.empty_like(target)
    for person in np.unique(whose):
        rows = np.flatnonzero(whose == person)
        fitted[rows] = target[rows] - np.linalg.solve(inverse[np.ix_(rows, rows)], weights[rows])
    return fitted, (probes @ seen.T) @ weights


def likenesses(fitted: np.ndarray, target: np.ndarray, predicted: np.ndarray, gallery: np.ndarray) -> dict[str, np.ndarray]:
    """Distances (n, P) between predicted and known skins: by likelihood ratio with the model's own errors, and by angle."""
    error = np.linalg.inv(_shrunk(target - fitted))
    spread = np.linalg.inv(_shrunk(target))
    off = predicted[:, None] - gallery[None]
    ratio = np.einsum("npk,kl,npl->np", off, error, off) - np.einsum("pk,kl,pl->p", gallery, spread, gallery)
    share = np.clip(1.0 - ((target - fitted) ** 2).mean(0), 0.01, 1.0)
    return {"likelihood": np.exp(np.clip(ratio / gallery.shape[1], -50, 50)), "angle": _angle(predicted * share, gallery * share)}


def canonical(seen: np.ndarray, target: np.ndarray, probes: np.ndarray, gallery: np.ndarray, components: int) -> np.ndarray:
    """Canonical correlation analysis on principal components: 1 - cosine (n, P) of the canonical variates weighted by correlation."""
    basis = Basis.of(seen, min(components, len(seen) - 1))
    x = basis.coordinates(seen)
    left, size, right = np.linalg.svd(x.T @ target / len(x), full_matrices=False)
    weight = np.clip(size, 0.0, 1.0)
    return _angle(basis.coordinates(probes) @ left * weight, gallery @ right.T * weight)


def _angle(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """1 - cosine between rows (n, K) and (P, K)."""
    length = np.linalg.norm(one, axis=1)[:, None] * np.linalg.norm(other, axis=1)[None]
    return 1.0 + 1e-3 - one @ other.T / np.maximum(length, 1e-9)


def _shrunk(rows: np.ndarray) -> np.ndarray:
    """Covariance (K, K) of rows about 0, shrunk towards its mean variance."""
    covariance = rows.T @ rows / len(rows)
    return (1 - SHRINKAGE) * covariance + SHRINKAGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Groups of columns side by side."""
    return np.concatenate(parts, axis=-1)
