"""How well a matrix of distances tells persons: rank-n, area under the ROC curve, and their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, rankdata

#: So many times heads are drawn anew, with repetition, for an interval.
BOOTSTRAPS = 2000


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % confidence interval: Wilson's for a share of the probes, else from resampling the probes.

    Resampling would call 0 or all of a few probes certain.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Recognition:
    """Rank-1, rank-5 (shares of the probes) and ROC-AUC, and which option the attacker chose on either half."""

    probes: int
    gallery: int
    rank1: Estimate
    rank5: Estimate
    auc: Estimate
    chosen: tuple[str, ...]


def ranks(matrix: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Rank (P,) of the true person, 1 is best; ``matrix`` (P, G) are distances, ``own`` (P,) the true columns.

    Ties count half: what tells nobody apart cannot be right by accident of order.
    """
    true = matrix[np.arange(len(own)), own][:, None]
    ahead = (matrix < true).sum(1)
    tied = (matrix == true).sum(1) - 1
    return 1 + ahead + tied / 2


def probe_auc(matrix: np.ndarray, own: np.ndarray) -> float:
    """Area under the ROC curve of genuine against impostor distances, all pairs pooled (Mann-Whitney)."""
    genuine = np.zeros(matrix.shape, dtype=bool)
    genuine[np.arange(len(own)), own] = True
    order = rankdata(matrix.ravel())[genuine.ravel()]
    good = len(own)
    bad = matrix.size - good
    return float(1.0 - (order.sum() - good * (good + 1) / 2) / (good * bad))


def centred(matrix: np.ndarray) -> np.ndarray:
    """Distances relative to the cohort: the log distance without the means of its probe and of its gallery head.

    An attacker who holds many probes does this so that an average face does not attract everybody.
    """
    log = np.log(np.where(np.isfinite(matrix), np.maximum(matrix, 1e-3), 1e3))
    return log - log.mean(1, keepdims=True) - log.mean(0, keepdims=True) + log.mean()


def recognise(options: Mapping[str, np.ndarray], own: np.ndarray, seed: int = 0) -> Recognition:
    """The attacker picks the option with the best rank-1 (then AUC) on one half and is scored on the other; both ways, pooled.

    ``options`` are matrices (P, G) by name. Every option is offered as it is and ``centred``. A single probe has no other half: he
    chooses with it.
    """
    offered = _offered(options)
    order = np.random.default_rng(seed).permutation(len(own))
    halves = (np.sort(order[::2]), np.sort(order[1::2])) if len(own) > 1 else (order, order)
    chosen, rank, scored = [], np.zeros(len(own)), np.zeros((len(own), next(iter(options.values())).shape[1]))
    for train, test in (halves, halves[::-1]):
        name = max(offered, key=lambda n: _strength(offered[n][train], own[train]))
        chosen.append(name)
        rank[test] = ranks(offered[name][test], own[test])
        scored[test] = rankdata(offered[name][test]).reshape(len(test), -1) / scored[test].size
    return _estimated(rank, scored, own, tuple(chosen), seed)


def best_option(options: Mapping[str, np.ndarray], own: np.ndarray) -> tuple[str, np.ndarray]:
    """Name and matrix (P, G) of the option that recognises best when chosen on all probes: an optimistic attacker's."""
    offered = _offered(options)
    name = max(offered, key=lambda n: _strength(offered[n], own))
    return name, offered[name]


def _offered(options: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{name}{kind}": m for name, d in options.items() for kind, m in ((", distance", d), (", cohort", centred(d)))}


def _strength(matrix: np.ndarray, own: np.ndarray) -> tuple[float, float]:
    return float((ranks(matrix, own) < 1.5).mean()), probe_auc(matrix, own)


def _estimated(rank: np.ndarray, scored: np.ndarray, own: np.ndarray, chosen: tuple[str, ...], seed: int) -> Recognition:
    """The figures with their intervals."""
    random = np.random.default_rng(seed)
    draws = random.integers(0, len(own), (BOOTSTRAPS, len(own)))
    genuine = scored[np.arange(len(own)), own]
    impostor = np.sort(np.delete(scored.ravel(), np.arange(len(own)) * scored.shape[1] + own))
    beaten = 1.0 - (np.searchsorted(impostor, genuine, "left") + np.searchsorted(impostor, genuine, "right")) / (2 * len(impostor))
    low, high = np.quantile(beaten[draws].mean(1), (0.025, 0.975))
    auc = Estimate(float(beaten.mean()), float(low), float(high))
    return Recognition(len(own), scored.shape[1], _share(rank < 1.5), _share(rank < 5.5), auc, chosen)


def _share(found: np.ndarray) -> Estimate:
    """Share of the probes (P,) bool, with Wilson's interval (J Am Stat Assoc 1927;22:209)."""
    count, most = int(np.count_nonzero(found)), len(found)
    interval = binomtest(count, most).proportion_ci(method="wilson")
    return Estimate(count / most, float(interval.low), float(interval.high))
