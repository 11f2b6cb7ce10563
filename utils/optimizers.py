"""One cure for one fault of Keras's optimizers, until Keras mends it."""

import keras


def dense_gradients(optimizer):
    """Let an optimizer see the gradient of an embedding as one sum a token.

    On TensorFlow the gradient of `keras.layers.Embedding` comes as `tf.IndexedSlices`, with a row
    for each occurrence of a token. Keras 3 squares these rows one by one where it should square
    their sum: the second moment of Adam and its kin is wrong, and so are the norms of `clipnorm`
    and `global_clipnorm`. See docs/keras-embedding-report.md; on JAX and PyTorch there is no such
    fault, and the optimizer is returned as it is. Made dense first, gradients take no more time:
    Adam's moments are dense in any case.

    Args:
        optimizer: Any of `keras.optimizers`, as in
            `model.compile(dense_gradients(keras.optimizers.Adam(0.003)), ...)`.

    Returns:
        The same optimizer. A saved model's is loaded without the cure.
    """
    if keras.backend.backend() != "tensorflow":
        return optimizer
    import tensorflow as tf

    apply = optimizer.apply

    def apply_dense(grads, trainable_variables=None):
        dense = [tf.convert_to_tensor(g) if isinstance(g, tf.IndexedSlices) else g for g in grads]
        return apply(dense, trainable_variables)

    optimizer.apply = apply_dense
    return optimizer
