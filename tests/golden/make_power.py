"""Writes power.json: power, equivalence tests and resolutions by scipy and statsmodels, standard errors by numpy.

Run in this folder: python make_power.py (numpy 2.4, scipy 1.17, statsmodels 0.15).
"""

import json

import numpy as np
from scipy import integrate, optimize, stats
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW

rng = np.random.default_rng(7)


def power(difference, examples, seeds, both, count, level):
    """The probability that a difference is larger than both critical sizes: integrated over the sd of the seeds."""
    by_examples = stats.norm.isf(level / 2) * examples
    if count == 1:
        return stats.norm.sf((by_examples - difference) / both)
    t = stats.t.isf(level / 2, count - 1)
    shown = stats.chi(count - 1, scale=1 / np.sqrt(count - 1))

    def found(ratio):
        return shown.pdf(ratio) * stats.norm.sf((max(by_examples, t * seeds * ratio) - difference) / both)

    # the larger of both critical sizes has a corner
    corner = by_examples / (t * seeds) if seeds > 0 else 50
    parts = [0, *sorted({min(corner, 50), min(1, corner), 1, 3}), 50]
    return sum(integrate.quad(found, a, b, epsabs=1e-11, limit=500)[0] for a, b in zip(parts, parts[1:]) if b > a)


def powers():
    for examples, seeds, both, count, level in [
        (1.13, 1.30, 1.57, 5, .05 / 12),
        (.36, .93, .94, 3, .05 / 12),
        (2.04, .78, 2.04, 5, .05 / 13),
        (1, 1, 2**.5, 3, .05),
        (.5, 1, 1.05, 2, .05),
        (1, .01, 1, 10, .01),
        (1.2, 0, 1.2, 1, .05),
    ]:
        case = {"examples": examples, "seeds": seeds, "both": both, "count": count, "level": level}
        sizes = [0, both, 3 * both, 8 * both]
        yield {
            **case,
            "power": [[size, power(size, **case)] for size in sizes],
            "detectable": optimize.brentq(lambda size: power(size, **case) - .8, 0, 1000, xtol=1e-12),
        }


def t_powers():
    """Without the draw of examples, the power is that of the paired t test: statsmodels' noncentral t."""
    for size, count, level in [(1, 5, .05), (2, 3, .05), (.8, 12, .01)]:
        yield {
            "size": size,
            "count": count,
            "level": level,
            "power": TTestPower().power(size, count, level / 2, alternative="larger"),
        }


def withins():
    """TOST of a mean difference by statsmodels: the larger of two one-sided p."""
    for values, margin in [
        ([.011, -.004, .008], .03),
        ([.011, -.004, .008, .002, -.01], .012),
        ([.05, .06, .04], .03),
        ([-.05, -.02, -.04, -.01], .03),
        (rng.normal(0, .01, 5).round(4).tolist(), .01),
    ]:
        p, *_ = DescrStatsW(values).ttost_mean(-margin, margin)
        yield {"values": values, "margin": margin, "p": p}


def boot_within(values, margin):
    """The larger share of resampled means beyond a margin, by scipy's bootstrap."""
    result = stats.bootstrap(
        (values,), np.mean, n_resamples=50_000, method="percentile", rng=np.random.default_rng(2), batch=5_000
    )
    means = np.round(result.bootstrap_distribution, 12)
    return {
        "values": np.asarray(values).tolist(),
        "margin": margin,
        "p": max(np.mean(means <= -margin), np.mean(means >= margin)),
    }


def errors(seeds, examples):
    """Standard errors by a two-way analysis of variance: mean squares of examples, seeds and what is left."""
    shift = rng.normal(0, .3, size=(seeds, 1)) + rng.normal(0, .5, size=(1, examples))
    d = np.sign(np.round(shift + rng.normal(0, .6, size=(seeds, examples))))
    grand, by_seed, by_example = d.mean(), d.mean(1), d.mean(0)
    left = d - by_seed[:, None] - by_example[None, :] + grand
    # the bootstrap divides by the number of examples, so the share of the examples does here as well
    residual = (left**2).sum() / (seeds - 1) / examples
    by_examples = by_example.var() / examples
    by_seeds = by_seed.var(ddof=1) / seeds
    both = by_examples + by_seeds - residual / seeds / examples
    assert both > max(by_examples, by_seeds)
    return {
        "differences": d.astype(int).tolist(),
        "examples": by_examples**.5,
        "seeds": by_seeds**.5,
        "both": both**.5,
    }


def resolutions():
    """The smallest difference with a p of .05: a root of the z test for two shares, unpaired and paired."""

    def needs(z):
        return optimize.brentq(lambda d: 2 * stats.norm.sf(z(d)) - .05, 1e-9, .5)

    for name, n, better, than in [("IMDb", 25_000, .0542, .0563), ("TREC", 500, .032, .028), ("chance", 400, .05, .5)]:
        unpaired = (better * (1 - better) + than * (1 - than)) / n
        both_wrong = max(better * than, .5 * min(better, than))
        discordant = better + than - 2 * both_wrong
        paired = (discordant - (better - than) ** 2) / n
        yield {
            "runs": [
                {"testSet": name, "examples": n, "error": better, "weight": 1},
                {"testSet": name, "examples": n, "error": than, "weight": -1},
            ],
            "unpaired": 100 * needs(lambda d: d / unpaired**.5),
            "paired": 100 * needs(lambda d: d / paired**.5),
        }


golden = {
    "power": list(powers()),
    "tPower": list(t_powers()),
    "within": list(withins()),
    "bootstrapWithin": [
        boot_within(rng.choice([-1, 0, 1], p=[.08, .85, .07], size=400), .02),
        boot_within(rng.choice([-1, 0, 1], p=[.05, .85, .1], size=300), .09),
        boot_within(rng.choice([-1, 0, 1], p=[.02, .85, .13], size=300), .08),
    ],
    "errors": errors(4, 60),
    "resolution": list(resolutions()),
}

with open("power.json", "w") as file:
    json.dump(golden, file)
    file.write("\n")
