from ddaemon.training.evaluation.traits import in_order, name_traits


def test_bins_begin_where_they_say():
    found = name_traits([63.9, 64, 300], [59, 60, 170], [0.049, 0.05, 3.0], ["", "FaceSwap", ""])
    assert found["face size"] == ("under 64 px", "64 to 127 px", "256 px and more")
    assert [name.split()[0] for name in found["brightness"]] == ["dark", "middling", "bright"]
    assert [name.split()[0] for name in found["compression"]] == ["strong", "usual", "weak"]
    assert found["method"] == ("", "FaceSwap", "")


def test_what_is_not_known_is_not_named():
    found = name_traits([0, float("nan")], [-1, float("nan")], [0, float("nan")], ["", ""])
    assert all(value == ("", "") for value in found.values())


def test_a_black_picture_is_dark_and_not_unknown():
    assert name_traits([1], [0], [1], [""])["brightness"][0].startswith("dark")


def test_bins_are_told_from_low_to_high_and_the_unknown_last():
    sizes = ["", "256 px and more", "64 to 127 px", "under 64 px", "64 to 127 px"]
    assert in_order("face size", sizes) == ["under 64 px", "64 to 127 px", "256 px and more", ""]
    assert in_order("method", ["b", "", "a"]) == ["a", "b", ""]
