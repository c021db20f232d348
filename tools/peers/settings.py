"""What is tried of each peer before the rounds, by task; apart, so that nobody loads a framework to read it."""

# The last of each is the one that takes no compiler: all that a quick run tries.
# Keras: `feed` is how batches come to the model. TensorFlow has convolutions on a processor for channels last only.
# PyTorch: freezing folds the weights into the compiled program, its own setting for inference.
SETTINGS = {
    ("keras", "train"): [{"jit_compile": jit, "feed": feed} for jit in (True, False)
                         for feed in ("fit numpy", "fit tf.data", "train_on_batch")],
    ("keras", "infer"): [{"jit_compile": jit, "call": call} for jit in (True, False)
                         for call in ("tf.function", "predict_on_batch")],
    ("torch", "train"): [{"layout": layout, "mode": mode} for layout in ("channels_last", "channels_first")
                         for mode in ("torch.compile", "eager")],
    ("torch", "infer"): [{"layout": layout, "mode": mode} for layout in ("channels_last", "channels_first")
                         for mode in ("torch.compile frozen", "torch.compile", "eager")],
    ("fiducl", "infer"): [{}],
}


def text_of(settings):
    """"jit_compile on, fit numpy"."""
    return ", ".join(f"{key} {'on' if value else 'off'}" if isinstance(value, bool) else value
                     for key, value in settings.items()) or "-"
