"""Prints the constants of metrics_test.ts and statistics_test.ts (numpy, scipy 1.17, scikit-learn 1.9)."""

import numpy as np
from scipy import stats
from sklearn import metrics

p = np.array([[.7, .2, .1], [.1, .8, .1], [.3, .3, .4], [.25, .5, .25], [.05, .05, .9], [.6, .3, .1]])
y = np.array([0, 1, 0, 2, 2, 0])
guess = p.argmax(1)
print("macro F1", metrics.f1_score(y, guess, average="macro"))
print("log loss", metrics.log_loss(y, p))
print("confusion", metrics.confusion_matrix(y, guess).tolist())
print("Brier", ((p - np.eye(3)[y]) ** 2).sum(1).mean())
top, right = p.max(1), (guess == y).astype(float)
bins = np.ceil(top * 15) - 1
print("ECE", sum(abs((top - right)[bins == b].sum()) for b in set(bins)) / len(y))

first, second = [5.63, 5.41, 5.52, 5.6], [5.44, 5.45, 5.4, 5.31]
print("sd", np.std(first, ddof=1))
print("paired t", stats.ttest_rel(first, second))
for t, df in [(0, 3), (0.5, 1), (2, 2), (-4.3, 2), (1.96, 200), (12, 9), (60, 4)]:
    print("two-sided p", t, df, 2 * stats.t.sf(abs(t), df))
a = np.array([1] * 30 + [1] * 30 + [0] * 10 + [0] * 230)
b = np.array([1] * 30 + [0] * 30 + [1] * 10 + [0] * 230)
result = stats.bootstrap((a - b,), np.mean, n_resamples=100_000, method="percentile", rng=np.random.default_rng(1))
print("bootstrap", (a - b).mean(), result.confidence_interval)
