"""LightGBM on the rows that the rankers learned from: the same features, tuned on the newest training rows.

Usage: lightgbm_ranking.py DIRECTORY. Reads meta.json {rows, tests, width, heads, retrieval} and little-endian columns:
train.f32 (rows, width), labels.f32 (rows, heads), times.f64 (rows), test.f32 (tests, width). For each head, settings are
chosen by the AUC of the newest tenth of the rows, with early stopping there; the best are fitted again on all rows for as
many trees. Writes predictions.f32 (heads, tests) and report.json.

The columns `retrieval` tell what sources say of a candidate: of some rows that are learned from, and of no tested one.
So rows of which they tell something choose nothing, and each of the settings is tried with these columns and without.
"""
import itertools
import json
import sys
import time
from pathlib import Path

import lightgbm
import numpy

GRID = [
    {"num_leaves": leaves, "min_data_in_leaf": fewest, "feature_fraction": share, "lambda_l2": 5.0}
    for leaves, fewest, share in itertools.product((15, 31), (50, 200), (0.3, 0.6))
]
COMMON = {
    "objective": "binary",
    "metric": "auc",
    "learning_rate": 0.04,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "verbose": -1,
    "num_threads": 2,
    "seed": 1,
}
MOST_TREES = 1500
PATIENCE = 50


def is_usual(columns: numpy.ndarray) -> numpy.ndarray:
    """Whether each row is what most rows are: of which no source was asked."""
    values = [numpy.unique(column, return_counts=True) for column in columns.T]
    usual = numpy.array([known[counts.argmax()] for known, counts in values])
    return (columns == usual).all(1)


def main(folder: Path) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    rows, tests, width, heads = meta["rows"], meta["tests"], meta["width"], meta["heads"]
    train = numpy.fromfile(folder / "train.f32", numpy.float32).reshape(rows, width)
    labels = numpy.fromfile(folder / "labels.f32", numpy.float32).reshape(rows, heads)
    times = numpy.fromfile(folder / "times.f64", numpy.float64)
    test = numpy.fromfile(folder / "test.f32", numpy.float32).reshape(tests, width)
    newest = times >= numpy.quantile(times, 0.9)
    judges = newest & is_usual(train[:, meta["retrieval"]])
    views = [numpy.arange(width), numpy.setdiff1d(numpy.arange(width), meta["retrieval"])]
    predictions = numpy.zeros((heads, tests), numpy.float32)
    report = []
    for head in range(heads):
        started = time.time()
        label = labels[:, head]
        best = None
        for view in views:
            older = lightgbm.Dataset(train[~newest][:, view], label[~newest], free_raw_data=False)
            judge = lightgbm.Dataset(train[judges][:, view], label[judges], reference=older, free_raw_data=False)
            for settings in GRID:
                params = {**COMMON, **settings}
                stop = lightgbm.early_stopping(PATIENCE, verbose=False)
                model = lightgbm.train(params, older, MOST_TREES, [judge], callbacks=[stop])
                auc = model.best_score["valid_0"]["auc"]
                if best is None or auc > best[0]:
                    best = (auc, model.best_iteration, settings, view)
        auc, trees, settings, view = best
        # A tenth more rows bear a tenth more trees.
        whole = lightgbm.Dataset(train[:, view], label)
        final = lightgbm.train({**COMMON, **settings}, whole, round(trees * 1.1))
        predictions[head] = final.predict(test[:, view])
        chosen = {"trees": trees, "columns": len(view), "settings": settings}
        report.append({**chosen, "auc": auc, "seconds": time.time() - started})
    predictions.tofile(folder / "predictions.f32")
    (folder / "report.json").write_text(json.dumps({"version": lightgbm.__version__, "heads": report}))


main(Path(sys.argv[1]))
