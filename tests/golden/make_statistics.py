"""Writes statistics.json: statistics and measures of fixed inputs by numpy, scipy, statsmodels and scikit-learn.

Run in this folder: python make_statistics.py (scipy 1.17, statsmodels 0.15, scikit-learn 1.9, torchmetrics 1.9).
"""

import json

import numpy as np
import torch
from scipy import stats
from sklearn import metrics
from statsmodels.stats.multitest import multipletests
from torchmetrics.functional.classification import multiclass_calibration_error

rng = np.random.default_rng(1)


def measures(probabilities, labels):
    """The calibration error is torchmetrics', whose bins are open at the other end, which makes no difference here."""
    p, y = np.array(probabilities), np.array(labels)
    guess, classes = p.argmax(1), p.shape[1]
    return {
        "probabilities": p.tolist(),
        "labels": y.tolist(),
        "accuracy": metrics.accuracy_score(y, guess),
        "macroF1": metrics.f1_score(y, guess, average="macro", labels=range(classes), zero_division=0),
        "loss": metrics.log_loss(y, p, labels=range(classes)),
        "brier": metrics.brier_score_loss(y, p, labels=range(classes), scale_by_half=False),
        "ece": multiclass_calibration_error(
            torch.tensor(p, dtype=torch.float64), torch.tensor(y), num_classes=classes, n_bins=15, norm="l1"
        ).item(),
        "confusion": metrics.confusion_matrix(y, guess, labels=range(classes)).tolist(),
    }


def drawn(examples, classes, sharpness):
    """Predictions that are right more often than not, rounded so that the file is small; rows sum to 1."""
    y = rng.integers(classes, size=examples)
    scores = sharpness * rng.normal(size=(examples, classes))
    scores[np.arange(examples), y] += sharpness
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    p = np.round(p, 4)
    p[:, -1] = np.round(1 - p[:, :-1].sum(1), 4)
    return p, y


def paired_t(first, second):
    result = stats.ttest_rel(first, second)
    return {
        "first": first,
        "second": second,
        "mean": np.mean(first),
        "sd": np.std(first, ddof=1),
        "difference": np.mean(np.array(first) - np.array(second)),
        "t": result.statistic,
        "p": result.pvalue,
    }


def sum_of_means(*strata, axis=-1):
    return sum(np.mean(values, axis=axis) for values in strata)


def bootstrap(strata):
    """The percentile interval of the sum of the strata's means, each resampled by itself, and the two-sided p."""
    result = stats.bootstrap(
        strata, sum_of_means, n_resamples=50_000, method="percentile", rng=np.random.default_rng(2), batch=5_000
    )
    sums = np.round(result.bootstrap_distribution, 12)
    return {
        "difference": sum_of_means(*strata),
        "low": result.confidence_interval.low,
        "high": result.confidence_interval.high,
        "error": result.standard_error,
        "p": min(1, 2 * min(np.mean(sums <= 0), np.mean(sums >= 0))),
    }


def paired_bootstrap(first, second):
    return {"first": first, "second": second, **bootstrap((np.array(first) - np.array(second),))}


def wrongs(both, one, other, neither):
    """What two models get wrong, 1 or 0 for each example."""
    return [1] * both + [1] * one + [0] * other + [0] * neither, [1] * both + [0] * one + [1] * other + [0] * neither


def averages(seeds, examples, share):
    """Wrong answers averaged over seeds."""
    return [round(float(value), 15) for value in rng.binomial(seeds, share, size=examples) / seeds]


golden = {
    "measures": [
        measures([[.7, .2, .1], [.1, .8, .1], [.3, .3, .4], [.25, .5, .25], [.05, .05, .9], [.6, .3, .1]], [0, 1, 0, 2, 2, 0]),
        measures(*drawn(40, 2, 1.5)),
        measures(*drawn(60, 6, 1)),
    ],
    "pairedT": [
        paired_t([5.63, 5.41, 5.52, 5.6], [5.44, 5.45, 5.4, 5.31]),
        paired_t([.271, .264], [.25, .262]),
        paired_t([.061, .055, .058], [.048, .05, .0475]),
        paired_t(rng.normal(size=9).round(3).tolist(), rng.normal(.5, size=9).round(3).tolist()),
    ],
    "studentP": [
        {"t": t, "df": df, "p": 2 * stats.t.sf(abs(t), df)}
        for t, df in [(0, 3), (.5, 1), (2, 2), (-4.3, 2), (1.96, 200), (12, 9), (60, 4)]
    ],
    "bootstrap": [
        paired_bootstrap(*wrongs(30, 30, 10, 230)),
        paired_bootstrap(*wrongs(40, 22, 14, 224)),
        paired_bootstrap(*wrongs(5, 3, 4, 18)),
        paired_bootstrap(*wrongs(60, 50, 70, 820)),
        paired_bootstrap(averages(3, 80, .3), averages(3, 80, .2)),
        paired_bootstrap(rng.normal(.2, 1, size=50).round(3).tolist(), rng.normal(size=50).round(3).tolist()),
    ],
    "stratified": [
        {"strata": [s.tolist() for s in strata], **bootstrap(strata)}
        for strata in [
            tuple(np.round(rng.normal(mean, sd, size=n) * (rng.random(n) < share), 3) for mean, sd, n, share in parts)
            for parts in [
                [(.1, .5, 60, .2), (.3, .5, 25, .5)],
                [(.2, .3, 40, .3), (-.2, .3, 40, .3), (.1, .2, 30, 1)],
            ]
        ]
    ],
    "binomial": [
        {"n": n, "p": p, "cumulative": {int(k): stats.binom.cdf(k, n, p) for k in stats.binom.ppf(np.linspace(.05, .95, 7), n, p)}}
        for n, p in [(6, .3), (400, .01), (30, .4), (90, .8), (2000, .5), (25000, .006), (70000, .95)]
    ],
    "holm": [
        {"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()}
        for p in [
            [.01, .04, .03, .005],
            [.02, .02, .02, .5],
            [1, .9, .0001],
            [.04],
            rng.random(12).round(4).tolist(),
            (rng.random(20) ** 4).round(5).tolist(),
        ]
    ],
}

with open("statistics.json", "w") as file:
    json.dump(golden, file)
    file.write("\n")
