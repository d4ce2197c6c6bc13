"""Logistic regression with few unknowns.

Legend: P observations, E values of each.
"""

import numpy as np
from jaxtyping import Bool, Float

MAX_STEPS = 100


def logistic_regression(
    x: Float[np.ndarray, "P E"], y: Bool[np.ndarray, " P"], weights: Float[np.ndarray, " P"], ridge: float
) -> tuple[Float[np.ndarray, " E"], float]:
    """Slopes and intercept of the weighted logistic regression of y on x, by Newton's method.

    `ridge` is the penalty of squared slopes for weights that sum to one; above 0 it keeps the fit finite if true and
    false observations are separable.
    """
    design = np.column_stack([x, np.ones(len(x))]).astype(np.float64)
    share = weights / weights.sum()
    penalty = np.append(np.full(x.shape[1], ridge), 0.0)
    beta = np.zeros(design.shape[1])
    for _ in range(MAX_STEPS):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -50, 50)))
        gradient = design.T @ (share * (y - p)) - penalty * beta
        hessian = (design * (share * p * (1 - p))[:, None]).T @ design + np.diag(penalty + 1e-12)
        step = np.linalg.solve(hessian, gradient)
        beta = beta + step
        if np.abs(step).max() < 1e-9:
            break
    return beta[:-1], float(beta[-1])
