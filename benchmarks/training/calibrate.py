"""Calibration of confidence and visibility on patients that the networks have not seen."""

from __future__ import annotations

import numpy as np
from FaceDeidLNLib.anatomy.landmark.net import LandmarkModel, read_landmarks
from scipy.optimize import minimize

from .patients import Patient
from .variants import Case, plain, random_variant

WITHIN_MM = 10.0


def held_out_rows(patients: list[Patient], model: LandmarkModel, variants: int, seed: int = 5) -> dict[str, np.ndarray]:
    """Features, errors (inf: not in view), visibility and patient number of each known landmark of each case."""
    features, errors, owners = [], [], []
    for number, patient in enumerate(patients):
        rng = np.random.default_rng((seed, number))
        unseen = model.without(patient.name)
        for case in [plain(patient), *(random_variant(patient, rng) for _ in range(variants))]:
            rows, off = _rows(case, unseen)
            features.append(rows)
            errors.append(off)
            owners.append(np.full(len(off), number))
    return {"features": np.concatenate(features), "errors": np.concatenate(errors), "owners": np.concatenate(owners)}


def _rows(case: Case, model: LandmarkModel) -> tuple[np.ndarray, np.ndarray]:
    found = read_landmarks(case.ct, model)
    if found is None:
        return np.zeros((0, model.within.size - 1)), np.zeros(0)
    error = np.linalg.norm(found.positions - case.landmarks, axis=1)
    error = np.where(np.isnan(error), np.inf, error)
    return found.features[case.known], error[case.known]


def logistic_fit(features: np.ndarray, truth: np.ndarray, ridge: float = 1.0) -> np.ndarray:
    """Weights and, last, the constant of a ridge-penalised logistic regression."""
    x = np.hstack([features, np.ones((len(features), 1))])
    sign = np.where(truth, 1.0, -1.0)

    def cost(w: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (x @ w)
        slope = -sign / (1 + np.exp(np.clip(margin, -50, 50)))
        return float(np.logaddexp(0, -margin).sum() + ridge * (w[:-1] ** 2).sum()), x.T @ slope + 2 * ridge * np.append(w[:-1], 0)

    return minimize(cost, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x


def calibration(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The two logistic models of ``LandmarkModel``."""
    return {
        "within": logistic_fit(rows["features"], rows["errors"] <= WITHIN_MM),
        "in_view": logistic_fit(rows["features"], np.isfinite(rows["errors"])),
    }
