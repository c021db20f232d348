"""Keras on TensorFlow, with the settings `jit_compile` and `feed` or `call`."""

import os
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

from . import data, models


def version():
    return f"Keras {keras.__version__} / TensorFlow {tf.__version__}"


def build(name, dropout):
    layers = [keras.Input((models.SIDE, models.SIDE, 1))]
    for row in models.layers_of(name):
        if row[0] == "pool":
            layers.append(keras.layers.MaxPooling2D(2))
        elif row[0] == "flatten":
            layers.append(keras.layers.Flatten())
        elif row[0] == "dropout":
            layers.append(keras.layers.Dropout(dropout))
        else:
            activation = keras.layers.LeakyReLU(negative_slope=models.LEAKY_SLOPE) if row[-1] == "leaky_relu" else row[-1]
            if row[0] == "conv":
                layers.append(keras.layers.Conv2D(row[1], 3, padding=row[2], activation=activation))
            else:
                layers.append(keras.layers.Dense(row[1], activation=activation))
    return keras.Sequential(layers)


class EpochTimes(keras.callbacks.Callback):
    """Seconds of each epoch, as fit() itself begins and ends it."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.begin = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.begin)


class Side:
    def __init__(self, spec):
        tf.config.threading.set_intra_op_parallelism_threads(spec["threads"])
        tf.config.threading.set_inter_op_parallelism_threads(spec["threads"])
        self.spec, self.settings, self.batch = spec, spec["settings"], spec["batch"]
        self.images, self.targets = data.load(spec["data"])
        self.untrained = None
        if spec["task"] == "train":
            self.model = self.make_trained(models.DROPOUT)
            self.dataset = (tf.data.Dataset.from_tensor_slices((self.images, self.targets))
                            .shuffle(len(self.images)).batch(self.batch).prefetch(tf.data.AUTOTUNE))
        else:
            self.model = self.with_weights(build(spec["model"], models.DROPOUT))
            self.model.compile(jit_compile=self.settings["jit_compile"])
            self.function = tf.function(lambda x: self.model(x, training=False), jit_compile=self.settings["jit_compile"])

    def with_weights(self, model):
        tensors = models.load_weights(self.spec["model"], self.spec["weights"])
        model.set_weights([tensor for pair in tensors for tensor in pair])
        return model

    def make_trained(self, dropout):
        model = self.with_weights(build(self.spec["model"], dropout))
        adam = keras.optimizers.Adam(models.LEARNING_RATE, *models.BETAS, epsilon=models.EPSILON)
        model.compile(adam, loss="mse", jit_compile=self.settings["jit_compile"])
        return model

    def epochs(self, n):
        """Seconds of each of n epochs over shuffled batches."""
        feed = self.settings["feed"]
        if feed == "train_on_batch":
            return [self.epoch_of_batches() for _ in range(n)]
        times = EpochTimes()
        if feed == "fit tf.data":
            self.model.fit(self.dataset, epochs=n, verbose=0, callbacks=[times])
        else:
            self.model.fit(self.images, self.targets, batch_size=self.batch, epochs=n, verbose=0, callbacks=[times])
        return times.seconds

    def epoch_of_batches(self):
        begin = time.perf_counter()
        order = np.random.permutation(len(self.images))
        for first in range(0, len(order), self.batch):
            rows = order[first:first + self.batch]
            self.model.train_on_batch(self.images[rows], self.targets[rows])
        return time.perf_counter() - begin

    def fresh(self):
        """The model as it was before training, without dropout. Not made before it is needed: it takes memory."""
        self.untrained = self.untrained or self.make_trained(0.0)
        return self.untrained

    def losses(self, n):
        """Of the first n steps from the initial weights, in the data's order and without dropout."""
        model, losses = self.fresh(), []
        for step in range(n):
            rows = slice(step * self.batch, (step + 1) * self.batch)
            model.reset_metrics()  # the loss is reported as a mean over steps
            losses.append(float(model.train_on_batch(self.images[rows], self.targets[rows])))
        return losses

    def infer(self, first, n):
        """The outputs for images first..first+n, on the host; with the initial weights."""
        images = self.images[first:first + n]
        if self.spec["task"] == "train":
            return np.asarray(self.fresh().predict_on_batch(images))
        if self.settings["call"] == "predict_on_batch":
            return np.asarray(self.model.predict_on_batch(images))
        return self.function(images).numpy()
