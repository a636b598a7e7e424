"""Weights of a network that has learned nothing, for tests that need a file of them."""


def save_untrained_v2b0(path: str) -> None:
    """EfficientNetV2B0's, as a user would bring them from Keras."""
    import keras

    network = keras.applications.EfficientNetV2B0(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )
    network.save_weights(path)
