"""Landlock: which files may be read and written, no TCP, no signal to a process outside.

https://docs.kernel.org/userspace-api/landlock.html, by way of landlockpy, which hands the three
system calls through and drops what a kernel does not know.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import landlockpy
from landlockpy import AccessFS, AccessNet, Scope

from .confinement import Confinement
from .system_paths import NULL, OWN_PROCESS, SYSTEM, libraries

FILES_ABI = 1  # Linux 5.13
WHOLE_FILES_ABI = 3  # 6.2: truncation too; without it a file outside can be emptied
TCP_ABI = 4  # 6.7
SIGNALS_ABI = 6  # 6.12

READ = AccessFS.READ_FILE | AccessFS.READ_DIR
# No link, FIFO, socket or device: the service reads what it finds in work/.
WRITE = (
    READ
    | AccessFS.WRITE_FILE
    | AccessFS.TRUNCATE
    | AccessFS.MAKE_REG
    | AccessFS.MAKE_DIR
    | AccessFS.REMOVE_FILE
    | AccessFS.REMOVE_DIR
    | AccessFS.REFER
)
DEVICE = AccessFS.READ_FILE | AccessFS.WRITE_FILE | AccessFS.IOCTL_DEV
OF_A_FILE = AccessFS.READ_FILE | AccessFS.WRITE_FILE | AccessFS.TRUNCATE | AccessFS.IOCTL_DEV

_held: list[int] = []


def restrict_files(confinement: Confinement) -> list[str]:
    """Confine the calling thread and all that it will start; return what the kernel lacks."""
    abi = landlockpy.abi_version()
    if abi < FILES_ABI:
        return ["files: no Landlock (Linux 5.13, and `landlock` in the kernel's list of LSMs)"]
    scopes = Scope.SIGNAL | Scope.ABSTRACT_UNIX_SOCKET
    net = AccessNet.BIND_TCP | AccessNet.CONNECT_TCP
    with landlockpy.Ruleset(handled_net=net, scoped=scopes) as ruleset:
        _allow(ruleset, map(Path, SYSTEM), READ)
        _allow(ruleset, libraries(confinement.private), READ)
        _allow(ruleset, [_own_process()], READ)
        _allow(ruleset, [Path(NULL)], AccessFS.READ_FILE | AccessFS.WRITE_FILE)
        _allow(ruleset, confinement.read, READ)
        _allow(ruleset, confinement.devices, DEVICE)
        _allow(ruleset, confinement.write, WRITE)
        ruleset.restrict()
    return list(_missing(abi))


def _missing(abi: int) -> Iterable[str]:
    if abi < WHOLE_FILES_ABI:
        yield f"files: Landlock {abi} does not refuse truncation (3: Linux 6.2)"
    if abi < TCP_ABI:
        yield f"network: Landlock {abi} has no rules of TCP (4: Linux 6.7)"
    if abi < SIGNALS_ABI:
        yield f"signals: Landlock {abi} has no scopes (6: Linux 6.12)"


def _allow(ruleset: landlockpy.Ruleset, paths: Iterable[Path], access: AccessFS) -> None:
    for path in paths:
        try:
            kept = access if path.is_dir() else access & OF_A_FILE
            ruleset.allow_path(path, kept)
        except FileNotFoundError:  # not on this machine, or not yet
            continue


def _own_process() -> Path:
    """A rule holds for an inode, and the kernel may drop and remake this one unless it is held."""
    _held.append(os.open(OWN_PROCESS, os.O_PATH | os.O_CLOEXEC))
    return Path(OWN_PROCESS)
