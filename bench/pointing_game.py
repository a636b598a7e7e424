"""How often a heatmap points at the forged part of a face, and passes its own check.

    .venv/bin/python bench/pointing_game.py ../shared/data/dfdc-faces --faces 150

Real faces of the set's val part, and ddaemon's portrait, get one region forged (mouth, nose or an
eye, self-blended); each is judged as a video of one frame. A hit is a map whose hottest pixel lies
in the forged region. A blind guess hits by the region's share of the crop; "dealt to other faces"
is how often the same peaks hit the regions of the other faces, which is what maps reach that all
point at the middle of the face. Then the check that serving makes (deletion and insertion against
random orders) for the same pictures, and for the set's own fakes. Intervals are 95 % (Wilson).
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from ddaemon.stages.explanation.activation import ACTIVATIONS, Heat
from ddaemon.stages.explanation.blurring import occlusion
from ddaemon.stages.explanation.faithfulness import check_heats
from ddaemon.stages.faces import crop_square, face_square
from ddaemon.stages.media.video import Image
from ddaemon.stages.networks.detector import Detector, load_detector
from ddaemon.stages.settings import FeaturesSettings
from ddaemon.storage.registry import Registry
from ddaemon.training.array_types import Floats32
from ddaemon.training.datasets.media import read_image
from ddaemon.training.evaluation.calibration import wilson_interval
from ddaemon.training.features.crops import image_landmarks
from ddaemon.training.forgery.clips import portrait_landmarks, read_portrait
from ddaemon.training.forgery.pointing import REGIONS, forge_region, inside, peak

RISEN = 0.1  # by so much the forgery must raise the probability to count as seen
METHODS = (*ACTIVATIONS, "occlusion")

Face = tuple[Image, Floats32]  # the picture and its landmarks in it


@dataclass(frozen=True)
class Looked:
    """One picture: its maps, and whether each passed its check (None: it had no heat)."""

    probability: float
    heats: dict[str, Heat]
    passed: dict[str, bool | None]


@dataclass(frozen=True)
class Forged:
    """One picture with a forged region."""

    look: Looked
    raised: float  # by so much the forgery raised the probability
    mask: Floats32  # (size, size), 0..1: where it is in what the network saw


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--faces", default=150, show_default=True)
@click.option("--detector", help="By default the bundled one.")
@click.option("--seed", default=0, show_default=True)
def main(folder: Path, faces: int, detector: str | None, seed: int) -> None:
    registry = Registry.of_bundled()
    chosen = registry.get(detector) if detector else registry.active()
    judge = load_detector(chosen, FeaturesSettings(device="cpu"))
    random = np.random.default_rng(seed)
    portrait = read_portrait()
    reals = chain([(portrait, portrait_landmarks(portrait))], _faces(folder, "real", random))
    forged = [_forge(face, judge, random) for face in islice(reals, faces + 1)]
    print(f"{chosen.name} {chosen.record.version}: {len(forged)} real faces, one region forged")
    _print_pointing("all", forged)
    seen = [one for one in forged if one.raised >= RISEN]
    _print_pointing(f"those whose probability it raised by {RISEN} or more", seen)
    _print_checks("check, all of them", [one.look for one in forged])
    drawn = islice(_faces(folder, "fake", random), faces)
    fakes = [_look(_crop(face, judge), judge, random) for face in drawn]
    _print_checks("check, the set's own fakes", fakes)
    called = [look for look in fakes if look.probability >= judge.record.thresholds.fake]
    _print_checks("check, those of them called fake", called)
    _print_likeness([one.look for one in forged] + fakes)


def _faces(folder: Path, label: str, random: np.random.Generator) -> Iterator[Face]:
    """Faces of the val part in a random order."""
    with (folder / "faces.csv").open(newline="") as stream:
        rows = [r for r in csv.DictReader(stream) if (r["split"], r["label"]) == ("val", label)]
    for place in random.permutation(len(rows)):
        image = read_image(folder, f"{rows[place]['archive']}/{rows[place]['file']}")
        yield image, image_landmarks(image).points


def _forge(face: Face, detector: Detector, random: np.random.Generator) -> Forged:
    image, landmarks = face
    region = str(random.choice(list(REGIONS)))
    forged, mask = forge_region(image, landmarks, region, random)
    vectors, _ = detector.extract(_crop(face, detector)[None])
    before = detector.probability(detector.judge(vectors).logit)
    look = _look(_crop((forged, landmarks), detector), detector, random)
    shown = np.repeat(np.round(255 * mask).astype(np.uint8)[..., None], 3, axis=2)
    seen = np.asarray(_crop((shown, landmarks), detector)[..., 0] / 255, np.float32)
    return Forged(look, look.probability - before, seen)


def _crop(face: Face, detector: Detector) -> Image:
    """What the network sees of a face, cut as serving cuts it."""
    preprocessing = detector.record.preprocessing
    square = face_square(face[1], preprocessing.crop.side)
    return crop_square(face[0], square, preprocessing.size)


def _look(crop: Image, detector: Detector, random: np.random.Generator) -> Looked:
    vectors, maps = detector.extract(crop[None])
    output = detector.judge(vectors)

    def judge(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return detector.judge_exchanged(vectors, 0, detector.extract(crops)[0])

    heats = {name: method(maps[0], output.gradient[0]) for name, method in ACTIVATIONS.items()}
    heats["occlusion"] = occlusion(crop, maps.shape[1:3], judge)
    checks = check_heats(list(heats.values()), crop, judge, random)
    passed = [None if check is None else check.better_than_chance for check in checks]
    return Looked(detector.probability(output.logit), heats, dict(zip(heats, passed, strict=True)))


def _print_pointing(title: str, forged: list[Forged]) -> None:
    print(f"pointing game, {title}: {len(forged)} faces")
    if not forged:
        return
    size, rows = forged[0].mask.shape[0], forged[0].look.heats[METHODS[0]].shape[0]
    for slack, words in ((0, "in the region"), (size // rows // 2, "within half a cell of it")):
        regions = np.stack([inside(one.mask, slack) for one in forged])
        print(f"  {words}: a blind guess hits {regions.mean():.1%}")
        for method in METHODS:
            _print_hits(method, [one.look.heats[method] for one in forged], regions)


def _print_hits(method: str, heats: list[Heat], regions: NDArray[np.bool_]) -> None:
    """Hits of maps with heat, in their own region and in those of all other faces."""
    used = [place for place, heat in enumerate(heats) if heat.any()]
    rows, columns = zip(*(peak(heats[place], regions.shape[1]) for place in used), strict=True)
    hits = regions[used][:, rows, columns]  # (regions, maps)
    others = (hits.sum() - np.trace(hits)) / max(1, hits.size - len(used))
    print(
        f"    {method:10} {_rate(np.diag(hits).tolist())}; dealt to other faces {others:.1%}; "
        f"{len(heats) - len(used)} more are empty"
    )


def _print_checks(title: str, looks: list[Looked]) -> None:
    print(f"{title}: {len(looks)} faces")
    for method in METHODS:
        known = [passed for look in looks if (passed := look.passed[method]) is not None]
        if known:
            print(f"    {method:10} better than chance {_rate(known)}")


def _print_likeness(looks: list[Looked]) -> None:
    """How alike two methods' maps are, where neither is empty."""
    for other in METHODS[1:]:
        pairs = [(look.heats["gradcam"].ravel(), look.heats[other].ravel()) for look in looks]
        pairs = [pair for pair in pairs if pair[0].any() and pair[1].any()]
        alike = [float(np.corrcoef(*pair)[0, 1]) for pair in pairs]
        same = [bool(one.argmax() == two.argmax()) for one, two in pairs]
        print(
            f"gradcam and {other}: median correlation {np.median(alike):.2f}, "
            f"hottest cell the same {np.mean(same):.0%} ({len(pairs)} maps)"
        )


def _rate(hits: list[bool]) -> str:
    low, high = wilson_interval(sum(hits), len(hits))
    return f"{np.mean(hits):6.1%} ({low:.1%} to {high:.1%}), {sum(hits)} of {len(hits)}"


if __name__ == "__main__":
    main()
