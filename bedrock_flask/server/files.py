"""The limit of open files: the soft one is 1,024 under systemd and in many shells, and each process may raise it."""

import resource

# Linux has no limit of its own below this one.
_ENOUGH = 1 << 20


def raise_file_limit() -> int:
    """Raise the soft limit to the hard one, as Go's runtime does; the number of files it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return _ENOUGH if soft == resource.RLIM_INFINITY else soft
