"""Writes label_metrics.json: measures of several labels a text by scikit-learn, and the best thresholds by trying all.

Run in this folder: python make_label_metrics.py (scikit-learn 1.9).
"""

import json

import numpy as np
from sklearn import metrics

rng = np.random.default_rng(5)
examples, classes, enough = 90, 4, 20
shares = np.array([0.5, 0.3, 0.08, 0.0])  # the third is rare, the fourth label no text has
truth = (rng.random((examples, classes)) < shares).astype(int)
p = np.round(1 / (1 + np.exp(-(rng.normal(size=truth.shape) + 2.5 * truth - 1.5))), 4)


def measures(thresholds):
    found = (p >= thresholds).astype(int)
    precision, recall, f1, count = metrics.precision_recall_fscore_support(truth, found, average=None, zero_division=0)
    return {
        "thresholds": list(thresholds),
        "accuracy": metrics.accuracy_score(truth, found),
        "microF1": metrics.f1_score(truth, found, average="micro", zero_division=0),
        "macroF1": metrics.f1_score(truth, found, average="macro", zero_division=0),
        "hammingLoss": metrics.hamming_loss(truth, found),
        "loss": metrics.log_loss(truth.ravel(), p.ravel()),
        "brier": float(np.mean(np.sum((p - truth) ** 2, axis=1))),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "count": count.tolist(),
    }


def best(scores, labels):
    """The largest F1 that any threshold gives."""
    tried = np.concatenate([[0], (np.unique(scores)[1:] + np.unique(scores)[:-1]) / 2])
    return max(metrics.f1_score(labels, scores >= threshold, zero_division=0) for threshold in tried)


result = {
    "probabilities": p.tolist(),
    "truth": truth.tolist(),
    "half": measures([0.5] * classes),
    "others": measures([0.3, 0.6, 0.2, 0.9]),
    "bestOfLabels": [best(p[:, c], truth[:, c]) if truth[:, c].sum() >= enough else None for c in range(classes)],
    "bestOfAll": best(p.ravel(), truth.ravel()),
}
with open("label_metrics.json", "w") as file:
    json.dump(result, file)
    file.write("\n")
