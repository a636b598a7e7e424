"""Resource limits that the kernel keeps, and the capabilities of root, given up."""

import ctypes
import os
import resource
from pathlib import Path

from .confinement import Confinement

MAX_FILE_BYTES = 8 * 1024**3  # an overlay of the longest video allowed stays far below
MAX_DESCRIPTORS = 1024
# Memory that a process requests but never touches: stacks of threads and arenas of the
# allocator. `bench/sandbox.py` measures how much that is.
ROOM_BYTES = 1024**3

PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h
CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h
CAP_DAC_OVERRIDE = 1  # reads and writes files of others, within what Landlock leaves


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def restrict_resources(confinement: Confinement) -> None:
    """Lower the limits of this process, for good: the filter of calls refuses to raise them.

    RLIMIT_DATA counts private writable memory. RLIMIT_AS would also count what is only mapped: the
    files of libraries, and the address space that allocators and CUDA reserve.
    The limit of processor time is set from outside, before each call.
    """
    _lower(resource.RLIMIT_CORE, 0)  # a dump holds the video
    _lower(resource.RLIMIT_FSIZE, MAX_FILE_BYTES)
    _lower(resource.RLIMIT_NOFILE, MAX_DESCRIPTORS)
    if confinement.memory_bytes is not None:
        _lower(resource.RLIMIT_DATA, confinement.memory_bytes + ROOM_BYTES)


def _lower(which: int, most: int) -> None:
    hard = resource.getrlimit(which)[1]
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (least, least))


def drop_privileges() -> None:
    """Gain no privilege by running a program, and of root's capabilities keep only the one without
    which it could not read somebody else's video.

    A process without capabilities skips the call that drops them: where the service manager forbids
    that call, there are none. Uses prctl(2) and capset(2), two calls, not worth a dependency.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise _failed("prctl")
    if not _permitted():
        return
    kept = _permitted() & (1 << CAP_DAC_OVERRIDE)
    header = _CapabilityHeader(CAPABILITY_VERSION_3, 0)
    data = (_CapabilityData * 2)(_CapabilityData(kept, kept, 0), _CapabilityData(0, 0, 0))
    if libc.capset(ctypes.byref(header), data) != 0:
        raise _failed("capset")


def _failed(call: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{call}: {os.strerror(number)}")


def _permitted() -> int:
    status = Path("/proc/self/status").read_text()
    return int(
        next(line.split()[1] for line in status.splitlines() if line.startswith("CapPrm")), 16
    )
