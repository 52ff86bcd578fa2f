"""Keras is stopped, and goes on to the bit."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import modelreg

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")


def network(width: int = 8) -> Any:
    model = keras.Sequential(
        [
            keras.layers.Input((4,)),
            keras.layers.Dense(width, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.25, seed=1),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


def fit(model: Any, first: int, last: int, callback: Any) -> list[float]:
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(32, 4)), generator.normal(size=(32, 1))
    done = model.fit(
        x, y, validation_data=(x, y), batch_size=8, initial_epoch=first, epochs=last, shuffle=False, verbose=0,
        callbacks=[callback],
    )  # fmt: skip
    return list(done.history["loss"])


def test_training_goes_on_where_it_stopped(registry: modelreg.Registry) -> None:
    from modelreg.keras import Checkpoint

    keras.utils.set_random_seed(1)
    with registry.run("net", "whole") as run:
        whole = network()
        losses = fit(whole, 0, 4, Checkpoint(registry, "net", run=run))
    assert [version.step for version in registry.versions("net")] == [4, 3, 2, 1]
    assert registry.versions("net", sort="val_loss")[0].metrics.keys() == {"loss", "val_loss"}
    assert registry.sql("SELECT count(DISTINCT step) FROM run_metric WHERE name = 'val_loss'").rows == [(4,)]
    assert any(path.endswith("kernel") for path in registry.load("net:v1")["model"])

    keras.utils.set_random_seed(2)
    resumed = network()
    callback = Checkpoint(registry.path, "net")
    assert callback.restore(resumed, step=2) == 2 and callback.latest_step() == 4
    assert fit(resumed, 2, 4, callback) == losses[2:]
    for left, right in zip(whole.variables, resumed.variables):
        assert np.array_equal(keras.ops.convert_to_numpy(left.value), keras.ops.convert_to_numpy(right.value)), left.path


def test_batches_are_counted_and_the_best_stay(registry: modelreg.Registry) -> None:
    from modelreg.keras import Checkpoint

    fit(network(), 0, 2, Checkpoint(registry, "net", save_steps=3, max_to_keep=1, keep_best=("loss", "max", 1)))
    steps = [version.step for version in registry.versions("net")]
    assert steps[0] == 6 and len(steps) <= 2


def test_a_model_that_does_not_fit_is_left_as_it_is(registry: modelreg.Registry) -> None:
    from modelreg.keras import Checkpoint

    callback = Checkpoint(registry, "net")
    assert callback.restore(network()) is None
    fit(network(), 0, 1, callback)
    other = network(width=9)
    before = [keras.ops.convert_to_numpy(variable.value).copy() for variable in other.variables]
    with pytest.raises(modelreg.MismatchError, match=r"kernel\": \[4, 8\] in the version"):
        callback.restore(other)
    assert all(np.array_equal(old, keras.ops.convert_to_numpy(new.value)) for old, new in zip(before, other.variables))
    registry.save({"w": 1}, "plain", step=1)
    with pytest.raises(modelreg.BadDataError, match="no checkpoint of Keras"):
        Checkpoint(registry, "plain").restore(other)
