"""Two stages as a plugin author would write them: a tiny useful one, and one that misbehaves."""

import ctypes
import os
import socket
import time

from ddaemon.storage.errors import ConfigError


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
    """Does what `plugins.trouble.deeds` says of videos by their names."""

    name = "trouble"
    version = "0.1"
    needs = frozenset()
    gives = frozenset()
    publishes = frozenset()

    def run(self, context):
        deeds = context.settings.plugins.get("trouble", {}).get("deeds", {})
        if context.subject.name in deeds:
            DEEDS[deeds[context.subject.name]]()
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


def _hoard():
    """At once, faster than anybody could look."""
    bytearray(60_000_000_000)


def _crash():
    """As a decoder does: a write to an address that is nobody's."""
    ctypes.memset(1, 0, 1)


def _hold():
    """One long call that never lets the interpreter go."""
    ctypes.PyDLL(None).sleep(600)


def _burn():
    while True:
        pass


def _blame():
    """Says that the set-up is at fault, whenever it is asked."""
    raise ConfigError("the detector is missing")


def _connect():
    socket.create_connection(("127.0.0.1", 9), 5)


DEEDS = {
    "hoard": _hoard,
    "crash": _crash,
    "hold": _hold,
    "burn": _burn,
    "connect": _connect,
    "blame": _blame,
    "abort": _abort,
    "sleep": _sleep,
    "nap": _nap,
    "eat": _eat,
}
