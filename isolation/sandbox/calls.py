"""seccomp: the system calls that no worker needs, refused by the kernel.

https://docs.kernel.org/userspace-api/seccomp_filter.html, by way of seccompy, which assembles the
filter. A refused call fails with EPERM, as it would without the privilege for it. A call that the
table does not know, such as the 32-bit variants on a 64-bit machine, fails with ENOSYS, so that a
call added by a later kernel stays blocked until somebody has looked at it.
"""

import errno
import os

import seccompy
from seccompy import Action, ArgCmp, CmpOp, Filter, FilterFlag, UnsupportedError
from seccompy.syscalls import AARCH64_SYSCALLS, X86_64_SYSCALLS

TABLES = {"x86_64": X86_64_SYSCALLS, "aarch64": AARCH64_SYSCALLS}
CLONE_THREAD = 0x10000
TIOCSTI, TIOCLINUX = 0x5412, 0x541C  # put words into the terminal that `ddaemon check` runs in
LOW_WORD = 0xFFFFFFFF  # the kernel looks at these bits of an ioctl's number, and at no others

REFUSED = {
    # A network, or another process of this machine by a socket. socketpair leads nowhere.
    "network": "socket connect bind listen accept accept4",
    # Another program. Threads come by clone; clone3 hides its flags from a filter.
    "processes": "execve execveat fork vfork clone3",
    # Other processes: looking into them, stopping them, slowing them.
    "other processes": (
        "ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp "
        "pidfd_open pidfd_getfd pidfd_send_signal tkill rt_sigqueueinfo rt_tgsigqueueinfo "
        "setpriority ioprio_set sched_setscheduler sched_setparam sched_setattr migrate_pages "
        "move_pages setpgid setsid perf_event_open"
    ),
    # Rights and owners of files, which Landlock leaves alone wherever the file is.
    "owners of files": (
        "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat setxattr lsetxattr fsetxattr "
        "setxattrat removexattr lremovexattr fremovexattr removexattrat utime utimes utimensat "
        "futimesat file_setattr mknod mknodat"
    ),
    # Who this process is, and its limits.
    "identity": (
        "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset "
        "setrlimit personality unshare setns"
    ),
    # Calls that run outside of this filter, and parts of the kernel with a history of holes.
    "kernel": (
        "io_uring_setup io_uring_enter io_uring_register bpf userfaultfd keyctl add_key "
        "request_key open_by_handle_at name_to_handle_at fanotify_init fanotify_mark "
        "lookup_dcookie modify_ldt iopl ioperm vhangup quotactl quotactl_fd nfsservctl"
    ),
    # The machine.
    "machine": (
        "mount umount2 pivot_root chroot open_tree open_tree_attr move_mount fsopen fsconfig "
        "fsmount fspick mount_setattr swapon swapoff reboot kexec_load kexec_file_load init_module "
        "finit_module delete_module create_module acct syslog settimeofday clock_settime "
        "clock_adjtime adjtimex sethostname setdomainname"
    ),
    # Memory, messages and locks of other programs of this user, by name.
    "System V": (
        "shmget shmat shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl mq_open "
        "mq_unlink"
    ),
}


NO_FILTER = "calls: no seccomp filter (Linux 3.17, on x86-64 or arm64)"


def make_filter() -> Filter | None:
    """The filter, to be loaded; None where there can be none.

    Made before any rule is applied: seccompy looks for the C library by running ldconfig.
    """
    try:
        return _filter() if seccompy.supported() else None
    except UnsupportedError:  # it has no table for this processor
        return None


def _filter() -> Filter:
    made = Filter(Action.ERRNO | errno.ENOSYS, flags=FilterFlag.TSYNC)
    for name in (name for names in REFUSED.values() for name in names.split()):
        if name in _known():
            # clone3 fails like a call that is not there: then the C library takes clone.
            made.errno(name, errno.ENOSYS if name == "clone3" else errno.EPERM)
    _bound(made)
    for name in _known():
        made.allow(name)
    return made


def _bound(made: Filter) -> None:
    """Calls that are refused for some arguments only. The first rule that fits wins."""
    own = os.getpid()
    made.allow("clone", args=[ArgCmp(0, CmpOp.MASKED_EQ, CLONE_THREAD, CLONE_THREAD)])
    made.errno("clone", errno.EPERM)
    for name in ("kill", "tgkill"):  # abort() is a signal to oneself
        made.allow(name, args={0: own})
        made.errno(name, errno.EPERM)
    made.allow("prlimit64", args={2: 0})  # reads a limit
    made.errno("prlimit64", errno.EPERM)
    for number in (TIOCSTI, TIOCLINUX):
        made.errno("ioctl", errno.EPERM, args=[ArgCmp(1, CmpOp.MASKED_EQ, number, LOW_WORD)])


def _known() -> dict[str, int]:
    """Every call of this kind of processor, by name."""
    return TABLES[seccompy.arch()]
