"""Builds the walls of a worker process, from the inside, before it sees an untrusted byte."""

import os
import sys
import threading

from .confinement import Confinement


def apply_rules(confinement: Confinement) -> tuple[str, ...]:
    """Shut this process in for good; what could not be had, in words.

    Must run before the first thread is started: Landlock holds for the calling thread and for
    those that it starts. Raises RuntimeError when there are others.
    """
    if confinement.mode == "off":
        return ()
    if sys.platform != "linux":
        return (f"all: {sys.platform} has neither Landlock nor seccomp",)
    if threading.active_count() > 1:
        raise RuntimeError("a worker must be shut in before it starts threads")
    from .calls import NO_FILTER, make_filter
    from .files import restrict_files
    from .resources import drop_privileges, restrict_resources

    if confinement.write:
        os.environ["TMPDIR"] = str(confinement.write[0])
    calls = make_filter()
    restrict_resources(confinement)
    drop_privileges()
    missing = restrict_files(confinement)
    if calls is None:
        return (*missing, NO_FILTER)
    calls.load()  # the last one: it refuses what the others are built with
    return tuple(missing)
