"""Applies the sandbox to a worker process, from the inside, before it sees an untrusted byte."""

import os
import sys
import threading

from .confinement import Confinement


def apply_rules(confinement: Confinement) -> tuple[str, ...]:
    """Confine this process for good; return what could not be applied, in words.

    Must run before the first thread is started: Landlock applies to the calling thread and to
    threads that it starts later. Raises RuntimeError when other threads run already.
    """
    if confinement.mode == "off":
        return ()
    if sys.platform != "linux":
        return (f"all: {sys.platform} has neither Landlock nor seccomp",)
    if threading.active_count() > 1:
        raise RuntimeError("a worker must be confined before it starts threads")
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
    calls.load()  # last: it refuses calls that the other rules need
    return tuple(missing)
