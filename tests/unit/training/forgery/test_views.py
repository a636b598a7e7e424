import numpy as np
import pytest

from ddaemon.training.forgery.views import MISHAP_KINDS, crop_of_image, draw_shared_view, make_views

SIZE = 64


def face():
    """Something with edges, colours and a clear left and right."""
    rows, columns = np.mgrid[0:160, 0:160]
    pattern = (rows // 10 + columns // 20) % 2 * 120
    return np.stack([pattern + columns // 2, pattern, pattern + 60], axis=2).astype(np.uint8)


def test_a_seed_gives_the_same_views_again():
    np.testing.assert_array_equal(make_views(face(), 4, SIZE, 7), make_views(face(), 4, SIZE, 7))


def test_a_third_of_the_videos_goes_through_h264_and_the_others_through_jpeg():
    factors = [draw_shared_view(np.random.default_rng(seed), SIZE).crf for seed in range(300)]
    assert 70 < sum(factor > 0 for factor in factors) < 130
    assert {factor for factor in factors if factor} <= set(range(20, 39))


def test_views_have_the_asked_shape():
    views = make_views(face(), 5, SIZE, 0)
    assert (views.shape, views.dtype) == ((5, SIZE, SIZE, 3), np.uint8)


def test_views_of_one_video_are_more_alike_than_videos_are():
    videos = np.stack(
        [make_views(face(), 6, SIZE, seed).mean(axis=(1, 2, 3)) for seed in range(30)]
    )
    within = np.median(videos.std(axis=1))
    between = np.median(videos, axis=1).std()
    assert 0 < within < between / 2


def test_frames_go_wrong_in_about_half_of_the_videos():
    looks = [draw_shared_view(np.random.default_rng(seed), SIZE) for seed in range(400)]
    spoilt = np.mean([look.mishaps > 0 for look in looks])
    assert spoilt == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("mishap", MISHAP_KINDS)
def test_a_mishap_changes_the_face_and_keeps_its_shape(mishap):
    before = face()
    after = mishap(before, np.random.default_rng(1))
    assert (after.shape, after.dtype) == (before.shape, np.uint8)
    assert np.abs(after.astype(int) - face()).mean() > 5
    np.testing.assert_array_equal(before, face())  # the image itself is left alone


def test_a_crop_of_a_face_image_is_as_wide_as_its_hulls_are_and_never_beyond_the_image():
    usual, tight = crop_of_image(1.10), crop_of_image(0.95)
    assert np.divide(tight, usual) == pytest.approx([0.95 / 1.10] * 2)
    assert crop_of_image(1.3) == (pytest.approx(usual[0] * 1.3 / 1.10), 1.0)
