import numpy as np
import pytest

from ddaemon.stages.networks.head import Head
from ddaemon.stages.networks.head_network import build_head_network, head_arrays
from ddaemon.storage.errors import DetectorError

WIDTH, UNITS, KEYS = 24, 5, 7


@pytest.fixture(scope="module")
def network():
    """A Keras head with weights far from their start."""
    random = np.random.default_rng(3)
    network = build_head_network(WIDTH, UNITS, KEYS, dropout=0.3)
    for variable in network.trainable_variables:
        variable.assign(random.normal(0, 0.5, variable.shape))
    return network


def sequence(steps):
    return np.random.default_rng(steps).normal(0, 1, (steps, WIDTH)).astype(np.float32)


@pytest.mark.parametrize("steps", [1, 2, 9, 40])
def test_the_logit_equals_the_one_of_keras(network, steps):
    vectors = sequence(steps)
    expected = float(np.asarray(network(vectors[None], training=False))[0, 0])
    assert Head(head_arrays(network)).run(vectors).logit == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("steps", [1, 2, 9, 40])
def test_the_gradient_equals_the_one_of_tensorflow(network, steps):
    import tensorflow as tf

    vectors = tf.constant(sequence(steps)[None])
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        logit = network(vectors, training=False)
    expected = tape.gradient(logit, vectors).numpy()[0]
    found = Head(head_arrays(network)).run(sequence(steps)).gradient
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_attention_sums_to_one_and_is_not_even(network):
    attention = Head(head_arrays(network)).run(sequence(9)).attention
    assert attention.sum() == pytest.approx(1, abs=1e-6)
    assert attention.std() > 0.01


def test_the_order_of_the_frames_matters(network):
    head, vectors = Head(head_arrays(network)), sequence(9)
    assert abs(head.run(vectors).logit - head.run(vectors[::-1]).logit) > 1e-3


@pytest.mark.parametrize(("steps", "step"), [(1, 0), (2, 1), (9, 0), (9, 4), (9, 8)])
def test_exchanging_a_vector_equals_judging_the_whole_sequence_anew(network, steps, step):
    head, vectors, others = Head(head_arrays(network)), sequence(steps), sequence(6)
    changed = np.repeat(vectors[None], len(others), axis=0)
    changed[:, step] = others
    expected = [head.run(one).logit for one in changed]
    np.testing.assert_allclose(head.exchange(vectors, step, others), expected, atol=1e-5)
    means = [head.run_mean(one).logit for one in changed]
    np.testing.assert_allclose(head.exchange_mean(vectors, step, others), means, atol=1e-5)


def test_exchanging_in_parts_changes_nothing(network, monkeypatch):
    vectors, others, head = sequence(9), sequence(6), Head(head_arrays(network))
    whole = head.exchange(vectors, 3, others)
    monkeypatch.setattr("ddaemon.stages.networks.head.EXCHANGED_STEPS", 20)
    np.testing.assert_allclose(head.exchange(vectors, 3, others), whole, atol=1e-6)


def test_an_untrained_head_is_the_mean_of_the_frame_logits():
    head = Head(head_arrays(build_head_network(WIDTH, UNITS, KEYS)))
    output = head.run(sequence(9))
    assert output.logit == pytest.approx(float(output.frame_logits.mean()), abs=1e-5)


def test_large_numbers_do_not_overflow(network):
    output = Head(head_arrays(network)).run(sequence(9) * 1e4)
    assert np.isfinite(output.logit)
    assert np.isfinite(output.gradient).all()


def test_a_head_with_a_missing_array_is_refused(network):
    arrays = head_arrays(network)
    del arrays["key/bias"]
    with pytest.raises(DetectorError, match="key/bias"):
        Head(arrays)


@pytest.mark.parametrize("name", ["backward/recurrent_kernel", "context/kernel", "score/kernel"])
def test_a_head_whose_arrays_do_not_fit_each_other_is_refused(network, name):
    arrays = head_arrays(network)
    arrays[name] = arrays[name][:-1]
    with pytest.raises(DetectorError, match=name):
        Head(arrays)


def test_a_pooling_head_judges_the_mean_vector_and_spreads_its_gradient(network):
    head, vectors = Head(head_arrays(network)), sequence(9)
    output = head.run_mean(vectors)
    assert output.logit == pytest.approx(head.run(vectors.mean(axis=0, keepdims=True)).logit)
    assert output.frame_logits[3] == pytest.approx(head.run(vectors[3:4]).logit)
    nudged = vectors.copy()
    nudged[4, 7] += 0.01
    slope = (head.run_mean(nudged).logit - output.logit) / 0.01
    assert output.gradient[4, 7] == pytest.approx(slope, rel=0.05, abs=1e-4)
    assert output.attention.sum() == pytest.approx(1, abs=1e-6)
