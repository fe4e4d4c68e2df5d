#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The statistics of the equation language against NumPy on seeded random series: eq_numpy_test.py EQ_CASES [SEED].

The reference is written from the definitions in docs/eq-functions.md, sums in extended precision. A value may differ
by 1e-12 x max(|value|, scale): scale = mean |x| for means, that times the time for sums over it, sd for std and range,
sd(x)/sd(t) for the slope.
"""
import subprocess
import sys

import numpy as np

RUNS = 400
TOLERANCE = 1e-12
STATS = ["count", "mean", "std", "min", "max", "range", "first", "last", "median", "slope", "sum", "area"]
EXACT = {"count", "min", "max", "first", "last"}


def times(rng, n):
    """Time stamps in us: regular, jittered, irregular, or with gaps."""
    kind = rng.integers(4)
    period = int(rng.choice([1000, 10_000, 100_000, 1_000_000]))
    steps = np.full(n, period, dtype=np.int64)
    if kind == 1:
        steps += rng.integers(-period // 10, period // 10 + 1, n)
    elif kind == 2:
        steps = rng.integers(1, 2 * period, n)
    elif kind == 3:
        holes = rng.random(n) < 0.02
        steps[holes] *= rng.integers(2, 30, holes.sum())
    return int(rng.choice([0, 1_790_000_000_000_000])) + np.cumsum(steps)


def values(rng, n):
    """Samples of many sizes: noise, steps, large offsets, tiny, constant, few levels; some of them bad."""
    kind = rng.integers(8)
    x = rng.standard_normal(n)
    if kind == 1:
        x = x + 1e6
    elif kind == 2:
        x = x * 1e-3 + 1e9
    elif kind == 3:
        x = x * 1e-300
    elif kind == 4:
        x = np.full(n, rng.standard_normal() * 100)
    elif kind == 5:
        x = np.round(x * 3) / 8
    elif kind == 6:
        x = np.cumsum(x)
    elif kind == 7:
        x = np.exp(8 * x)
    if rng.random() < 0.4:
        bad = rng.random(n) < rng.choice([0.01, 0.1, 0.3])
        x = np.where(bad, rng.choice([np.nan, np.inf, -np.inf], n), x)
    return x


def window(rng, start, end):
    """Text and interval of a window of the run, half-open unless it ends with the run."""
    length = end - start
    kind = rng.integers(4)
    if kind == 0 or length < 10:
        return "run", start, end
    a, b = sorted(int(v) for v in rng.integers(0, length, 2))
    if kind == 1:
        return f"run.trim({a} us, {length - b} us)", start + a, start + b
    if kind == 2:
        return f"run.first({b} us)", start, start + b
    return f"run.last({length - a} us)", start + a, end


def quality(t, bad, start, end, twice_gap):
    if len(t) == 0:
        return 0.0
    steps = np.diff(np.concatenate(([start], t, [end])))
    covered = steps[2 * steps <= twice_gap].sum() / (end - start) if end > start else 1.0
    return covered * (len(t) / (len(t) + bad))


def reference(name, t, x, twice_gap):
    """Value and the scale of its tolerance."""
    xl, tl = x.astype(np.longdouble), (t - t[0]).astype(np.longdouble) / 1_000_000
    n, mean = len(x), float(xl.mean())
    sd = float(xl.std(ddof=1)) if n > 1 else np.nan
    size, span = float(np.abs(xl).mean()), float(tl[-1])
    if name == "slope":
        d = tl - tl.mean()
        return (float((d * (xl - xl.mean())).sum() / (d * d).sum()), sd / float(tl.std(ddof=1))) if n > 1 else (np.nan, 0)
    if name == "area":
        steps = np.diff(t)
        parts = (xl[1:] + xl[:-1]) / 2 * (steps.astype(np.longdouble) / 1_000_000)
        return (float(parts[2 * steps <= twice_gap].sum()), size * span) if n > 1 else (np.nan, 0)
    return {
        "count": (float(n), 0), "mean": (mean, size), "std": (sd, sd), "min": (x.min(), 0), "max": (x.max(), 0),
        "range": (x.max() - x.min(), sd), "first": (x[0], 0), "last": (x[-1], 0),
        "median": (float(np.median(x)), size), "sum": (float(xl.sum()), size * n),
    }[name]


def make_case(rng):
    n = int(rng.choice([1, 2, 3, 5, 17, 100, 999, 2500]))
    t, x = times(rng, n), values(rng, n)
    start, end = int(t[0]) - int(rng.integers(0, 3)) * 500, int(t[-1]) + int(rng.integers(0, 3)) * 500
    text, a, b = window(rng, start, end)
    inside = (t >= a) & ((t < b) | ((t == b) & (b >= end) & (a < b or start == end)))
    good = inside & np.isfinite(x)
    bad, gt, gx = int((inside & ~good).sum()), t[good], x[good]
    gaps = np.diff(gt)
    twice_gap = 5 * int(2 * np.median(gaps)) if len(gaps) else 0
    lines = [f"run {start} {end}", f"series W {n} X"]
    lines += [f"{ti} {float(xi).hex() if np.isfinite(xi) else xi}" for ti, xi in zip(t, x)]
    expected = []
    for name in STATS:
        options = "" if name == "count" else ", min_n=1, min_good=0"
        lines.append(f"eq {name}(X in {text}{options})")
        q = quality(gt, bad, a, b, twice_gap)
        value, scale = reference(name, gt, gx, twice_gap) if len(gt) else (0.0 if name == "count" else np.nan, 0)
        expected.append((f"{name} in {text}, n = {len(gt)}", name, value, scale, len(gt), q))
    lines.append(f"eq mean(X in {text})")
    q = quality(gt, bad, a, b, twice_gap)
    judged = len(gt) >= 3 and q >= 0.8
    value, scale = reference("mean", gt, gx, twice_gap) if judged else (np.nan, 0)
    expected.append((f"mean with its defaults in {text}", "judged", value, scale, len(gt), q))
    return lines, expected


def check(answer, want):
    label, name, value, scale, n, q = want
    word = answer.split()
    if word[0] == "error":
        return f"{label}: {answer}"
    got, got_n, got_q = float.fromhex(word[0]), int(word[1]), float.fromhex(word[2])
    if np.isnan(value) != np.isnan(got):
        near = name == "judged" and abs(q - 0.8) < 1e-9  # a tie that rounding decides
        return None if near else f"{label}: {got!r} ({word[3]}), not {value!r}"
    if got_n != n or abs(got_q - q) > 1e-12:
        return f"{label}: n {got_n}, quality {got_q}, not {n}, {q}"
    if np.isnan(value):
        return None
    bound = 0 if name in EXACT else TOLERANCE * max(abs(value), scale)
    return None if abs(got - value) <= bound else f"{label}: {got!r}, not {value!r}: off by {abs(got - value) / (bound or 1):.3g} bounds"


def main():
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 20240607)
    lines, expected = [], []
    for _ in range(RUNS):
        one = make_case(rng)
        lines += one[0]
        expected += one[1]
    done = subprocess.run([sys.argv[1]], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    answers = done.stdout.splitlines()
    assert len(answers) == len(expected), (len(answers), len(expected))
    problems = [p for p in map(check, answers, expected) if p]
    print("\n".join(problems[:20]))
    judged = sum(not np.isnan(e[2]) for e in expected)
    print(f"{len(expected)} values of {RUNS} runs, {judged} of them numbers: {len(problems)} differ")
    return 1 if problems or judged < len(expected) // 2 else 0


if __name__ == "__main__":
    sys.exit(main())
