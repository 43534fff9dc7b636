"""LightGBM on the rows that the rankers learned from: the same features, tuned on the newest training rows.

Usage: lightgbm_ranking.py DIRECTORY. Reads meta.json {rows, tests, width, heads} and little-endian columns: train.f32
(rows, width), labels.f32 (rows, heads), times.f64 (rows), test.f32 (tests, width). For each head, settings are chosen by
the AUC of the newest tenth of the rows, with early stopping there; the best are fitted again on all rows for as many
trees. Writes predictions.f32 (heads, tests) and report.json.
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
    for leaves, fewest, share in itertools.product((15, 31, 63), (50, 200), (0.3, 0.6))
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


def main(folder: Path) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    rows, tests, width, heads = meta["rows"], meta["tests"], meta["width"], meta["heads"]
    train = numpy.fromfile(folder / "train.f32", numpy.float32).reshape(rows, width)
    labels = numpy.fromfile(folder / "labels.f32", numpy.float32).reshape(rows, heads)
    times = numpy.fromfile(folder / "times.f64", numpy.float64)
    test = numpy.fromfile(folder / "test.f32", numpy.float32).reshape(tests, width)
    newest = times >= numpy.quantile(times, 0.9)
    predictions = numpy.zeros((heads, tests), numpy.float32)
    report = []
    for head in range(heads):
        started = time.time()
        label = labels[:, head]
        older = lightgbm.Dataset(train[~newest], label[~newest], free_raw_data=False)
        judge = lightgbm.Dataset(train[newest], label[newest], reference=older, free_raw_data=False)
        best = None
        for settings in GRID:
            params = {**COMMON, **settings}
            stop = lightgbm.early_stopping(PATIENCE, verbose=False)
            model = lightgbm.train(params, older, MOST_TREES, [judge], callbacks=[stop])
            auc = model.best_score["valid_0"]["auc"]
            if best is None or auc > best[0]:
                best = (auc, model.best_iteration, settings)
        auc, trees, settings = best
        # A tenth more rows bear a tenth more trees.
        final = lightgbm.train({**COMMON, **settings}, lightgbm.Dataset(train, label), round(trees * 1.1))
        predictions[head] = final.predict(test)
        report.append({"trees": trees, "settings": settings, "auc": auc, "seconds": time.time() - started})
    predictions.tofile(folder / "predictions.f32")
    (folder / "report.json").write_text(json.dumps({"version": lightgbm.__version__, "heads": report}))


main(Path(sys.argv[1]))
