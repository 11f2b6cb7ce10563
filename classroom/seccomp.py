"""Which system calls a program in the sandbox may not make, as a filter for `bwrap --seccomp`.

A namespace keeps files, processes and addresses apart, not the kernel itself. What no notebook
needs and what reaches further is refused: keyrings, namespaces and mounts, other processes'
memory, memory that no process's size shows, sockets other than Unix and IPv4, and the parts of
the kernel in which escapes are found. The list follows those of Flatpak and Docker.
"""

import ctypes
import errno
import tempfile

DENIED = """
    add_key keyctl request_key
    unshare setns mount umount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig
    fsmount fspick mount_setattr name_to_handle_at open_by_handle_at quotactl quotactl_fd
    ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp
    bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register
    memfd_create memfd_secret shmget shmat shmctl shmdt msgget msgsnd msgrcv msgctl
    mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
    mbind move_pages migrate_pages set_mempolicy set_mempolicy_home_node
    acct swapon swapoff reboot syslog uselib personality modify_ldt iopl ioperm lookup_dcookie
    kexec_load kexec_file_load init_module finit_module delete_module fanotify_init vhangup
    settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname
"""
#: Newer than some versions of libseccomp, which do not know their names: statmount, listmount,
#: lsm_set_self_attr, open_tree_attr. From 424 on numbers are the same on every architecture.
DENIED_NUMBERS = (457, 458, 460, 467)
#: clone's flags for namespaces: NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
NAMESPACES = (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
TERMINAL_INPUT = (0x5412, 0x541C)  # ioctl: TIOCSTI, TIOCLINUX
AF_UNIX, AF_INET = 1, 2

ALLOW, ERROR = 0x7FFF0000, 0x00050000
EQUAL, GREATER, MASKED_EQUAL = 4, 6, 7


class _Compare(ctypes.Structure):
    """libseccomp's scmp_arg_cmp."""

    _fields_ = [
        ("argument", ctypes.c_uint),
        ("operation", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    ]


def write_filter():
    """An open file, at its beginning, with the compiled filter.

    Raises:
        OSError: libseccomp is not installed, or does not take the list.
    """
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(ALLOW)))

    def deny(number, error, *compare):
        conditions = (_Compare * len(compare))(*compare)
        action = ctypes.c_uint32(ERROR | error)
        done = library.seccomp_rule_add_array(rules, action, number, len(compare), conditions)
        if done < 0:
            raise OSError(-done, f"libseccomp refused the rule for system call {number}")

    def number_of(name):
        return library.seccomp_syscall_resolve_name(name.encode())

    try:
        numbers = {number_of(name) for name in DENIED.split()} - {-1}  # -1: not known
        for number in sorted(numbers.union(DENIED_NUMBERS)):
            deny(number, errno.EPERM)
        for flag in NAMESPACES:
            deny(number_of("clone"), errno.EPERM, _Compare(0, MASKED_EQUAL, flag, flag))
        deny(number_of("clone3"), errno.ENOSYS)  # its flags are out of sight; clone is tried next
        for request in TERMINAL_INPUT:
            low = _Compare(1, MASKED_EQUAL, 0xFFFFFFFF, request)
            deny(number_of("ioctl"), errno.EPERM, low)
        for name in ("socket", "socketpair"):  # ZeroMQ gives up on any other error
            deny(number_of(name), errno.EOPNOTSUPP, _Compare(0, GREATER, AF_INET, 0))
            deny(number_of(name), errno.EOPNOTSUPP, _Compare(0, EQUAL, 0, 0))
        program = tempfile.TemporaryFile()
        if library.seccomp_export_bpf(rules, program.fileno()) < 0:
            raise OSError("libseccomp could not write its filter")
    finally:
        library.seccomp_release(rules)
    program.seek(0)
    return program
