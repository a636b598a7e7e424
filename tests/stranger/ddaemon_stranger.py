"""Two stages as a plugin author would write them: a tiny useful one, and one that misbehaves."""

import os
import time


class Brightness:
    """Says how bright the video is: the mean of its sampled frames, 0..255."""

    name = "brightness"
    version = "0.1"
    needs = frozenset({"frames"})
    gives = frozenset({"brightness"})
    publishes = frozenset({"brightness"})

    def run(self, context):
        means = [float(frame.image.mean()) for frame in context.facts["frames"]]
        return {"brightness": round(sum(means) / len(means), 2)}


class Trouble:
    """Does what `plugins.trouble.do` says, once for each video whose marker file is not there."""

    name = "trouble"
    version = "0.1"
    needs = frozenset()
    gives = frozenset()
    publishes = frozenset()

    def run(self, context):
        wanted = context.settings.plugins.get("trouble", {})
        if context.subject.name == wanted.get("name"):
            DEEDS[wanted["do"]]()
        return {}


def _abort():
    os.abort()


def _sleep():
    time.sleep(600)


def _nap():
    time.sleep(2)


def _eat():
    hoard = []
    while True:
        hoard.append(bytearray(50_000_000))
        time.sleep(0.02)


DEEDS = {"abort": _abort, "sleep": _sleep, "nap": _nap, "eat": _eat}
