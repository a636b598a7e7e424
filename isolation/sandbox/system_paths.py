"""What every worker has to read: the interpreter, its libraries, and facts of the machine."""

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2]
# Not the package's folder as a whole: in a checkout a home may lie in it.
PARTS_OF_PACKAGE = (
    "__init__.py", "cli", "daemon", "isolation", "record", "stages", "storage", "tests", "training",
)  # fmt: skip

SYSTEM = (
    "/usr",  # shared libraries, and what they read: locales, certificates, time zones
    "/lib",
    "/lib64",
    "/nix/store",
    "/etc/ld.so.cache",  # the dynamic linker, at each import of a compiled module
    "/etc/localtime",
    "/proc/stat",  # psutil and oneTBB count processors
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/proc/version",
    "/proc/filesystems",
    "/proc/sys/vm",  # overcommit, which allocators ask for
    "/sys/devices/system",  # OpenVINO chooses its kernels by processor, caches and nodes
    "/sys/fs/cgroup",  # oneTBB asks how many processors it may use
    "/dev/urandom",
    "/dev/zero",
)
NULL = "/dev/null"
OWN_PROCESS = "/proc/self"


def libraries(private: Iterable[Path]) -> Iterator[Path]:
    """Folders and files that imports read, but none above a private place.

    `python -m` puts the working folder on `sys.path`, and that may be somebody's whole home.
    """
    kept_shut = [path.resolve() for path in (*private, Path(os.path.expanduser("~")))]  # noqa: PTH111  # never raises
    entries = [*map(Path, sys.path), *map(Path, sysconfig.get_paths().values())]
    entries += [Path(prefix) / "lib" for prefix in (sys.prefix, sys.base_prefix)]
    entries += [Path(sys.prefix) / "pyvenv.cfg"]
    entries += [PACKAGE / part for part in PARTS_OF_PACKAGE]
    for entry in dict.fromkeys(entry.resolve() for entry in entries if entry.exists()):
        if not any(place.is_relative_to(entry) for place in kept_shut):
            yield entry
