"""Verdicts made up for the page: a record, and the pictures that belong to it in a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ddaemon.record.words import words_of
from ddaemon.stages.verdict import LIMITS
from ddaemon.training.forgery.clips import read_portrait

HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}\n\u202e4pm.x \U0001f600 שלום \udcff.mp4"
HOSTILE_SHOWN = "<script>alert(1)</script>\"'&{{7*7}}\\n\\u202e4pm.x \U0001f600 שלום \\xff.mp4"
SHA = "8c60" * 16
THRESHOLDS = {
    "fake": 0.78,
    "real": 0.28,
    "false_positive_rate": 0.066,
    "false_positive_interval": [0.047, 0.091],
    "false_negative_rate": 0.104,
    "false_negative_interval": [0.086, 0.125],
    "inconclusive_rate": 0.395,
    "measured_on": "made-up faces",
    "videos": 1442,
}
STREAM = {
    "index": 0,
    "kind": "video",
    "codec": "h264",
    "profile": "High",
    "width": 320,
    "height": 240,
    "pixel_format": "yuv420p",
    "fps": 25.0,
    "bit_rate": 24000,
    "start_s": 0.0,
    "duration_s": 4.0,
    "language": None,
    "sample_rate": None,
    "channels": None,
    "encoder": None,
}


def face_of(track: int, scores: Sequence[float], step: float = 0.5) -> dict[str, Any]:
    """One person, looked at every `step` seconds from half a step on."""
    frames = [
        {
            "t": round((i + 0.5) * step, 6),
            "box": [100 + i, 60, 120, 120],
            "score": score,
            "attention": 1 / len(scores),
        }
        for i, score in enumerate(scores)
    ]
    return {"track": track, "probability": max(scores), "frames": frames}


def record_of(
    decision: str, probability: float | None, faces: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """A verdict of a video of 4 seconds; without any face nothing was judged."""
    refused = decision == "not_analysable"
    record: dict[str, Any] = {
        "format": 2,
        "job": "a1b2c3",
        "input": {
            "name": "clip.mp4",
            "sha256": SHA,
            "bytes": 12345,
            "received_at": "2026-01-01T00:00:00.000Z",
            "container": {
                "format": "mov,mp4,m4a,3gp,3g2,mj2",
                "codec": "h264",
                "width": 320,
                "height": 240,
                "fps": 25.0,
                "duration_s": 4.0,
                "rotation": 0,
            },
        },
        "decision": decision,
        "reason": "no_face" if refused else None,
        "detail": "No face was found." if refused else None,
        "probability": probability,
        "thresholds": THRESHOLDS,
        "faces": list(faces),
        "heatmaps": [
            {"file": "heatmaps/01.png", "t": faces[0]["frames"][1]["t"], "track": 0},
            {"file": "heatmaps/02.png", "t": faces[0]["frames"][2]["t"], "track": 0},
        ]
        if faces
        else [],
        "facts": {},
        "limits": LIMITS,
        "stages": [
            {"name": "frames", "version": "1", "seconds": 0.1},
            {"name": "report", "version": "2", "seconds": 0.0},
        ],
        "detector": {"name": "made", "version": "1", "sha256": SHA, "backbone": "none"},
        "software": {"ddaemon": "0.1.0", "python": "3.11.7"},
        "attempts": 1,
        "started_at": "2026-01-01T00:00:01.000Z",
        "finished_at": "2026-01-01T00:00:02.000Z",
    }
    return {**record, "words": words_of(record)}


def fake_record() -> dict[str, Any]:
    """Two people; the second is seen at the beginning and at the end only."""
    second = face_of(1, [0.1, 0.2, 0.15, 0.1, 0.2, 0.15, 0.1, 0.2])
    second["frames"] = second["frames"][:2] + second["frames"][6:]
    first = face_of(0, [0.8, 0.85, 0.9, 0.97, 0.6, 0.7, 0.9, 0.8])
    return record_of("fake", 0.97, [first, second])


def with_everything(record: dict[str, Any], text: str = "plain") -> dict[str, Any]:
    """The same with all that a verdict holds; `text` is what a video's maker wrote."""
    heatmaps = [
        {
            **entry,
            "method": "gradcam++",
            "frame_file": entry["file"].replace(".png", "-frame.jpg"),
            "faithfulness": {
                "deletion": 0.2,
                "insertion": 0.8,
                "random_deletion": 0.5,
                "random_insertion": 0.5,
                "better_than_chance": True,
                "text": "Better than chance.",
            },
        }
        for entry in record["heatmaps"]
    ]
    more = {
        "input": {**record["input"], "name": text},
        "heatmaps": heatmaps,
        "facts": {"brightness": 103.25, "note": text},
        "examination": {
            "container": {"format": "mov,mp4", "duration_s": 4.0, "bit_rate": 24690},
            "streams": [STREAM],
            "tags": {"title": text, text: "x"},
            "traces": [{"kind": "re-encoded", "text": f"Written by Lavf60 {text}"}],
            "limits": "A trace is a fact about the file, not proof of manipulation.",
        },
        "provenance": {
            "state": "untrusted",
            "detail": text,
            "claim_generator": text,
            "signed_by": "Nobody",
            "signed_at": None,
        },
        "envelope": {
            "inside": False,
            "measures": {"face_width": 41.5},
            "outside": [
                {
                    "measure": "face_width",
                    "value": 41.5,
                    "low": 64.0,
                    "high": 900.0,
                    "text": "The face is small.",
                }
            ],
        },
        "stability": {
            "looks": [{"name": "halved", "decision": "inconclusive", "probability": 0.5}],
            "flipped": True,
            "text": "Halved, it says otherwise.",
        },
        "custody": [{"at": "2026-01-01T00:00:00.000Z", "what": "received", "detail": f"as {text}"}],
        "settings": {"stages": ["frames", "report"], "frames": {"count": 8}},
        "files": {"report.html": SHA},
    }
    whole = {**record, **more}
    return {**whole, "words": words_of(whole)}


def lay_pictures(record: dict[str, Any], folder: Path) -> Path:
    """The pictures that the record names, drawn from the portrait, and the contact sheet."""
    portrait = cv2.resize(read_portrait()[..., ::-1], (320, 240))
    (folder / "heatmaps").mkdir(parents=True, exist_ok=True)
    for entry in record["heatmaps"]:
        cv2.imwrite(str(folder / entry["file"]), portrait)
        if "frame_file" in entry:
            cv2.imwrite(str(folder / entry["frame_file"]), portrait)
    if record["heatmaps"]:
        cv2.imwrite(str(folder / "heatmap.png"), np.vstack([portrait] * 2))
    return folder
