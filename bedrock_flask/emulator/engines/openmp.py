"""The OpenMP runtime of the language model's engine, for a machine that has none.

`xllamacpp` needs `libgomp.so.1`, which Debian and Ubuntu install with a compiler only. The wheel of `treelite` has one
in it, but under another name. The loader takes a loaded library for the one it looks for if that name stands in it (its
SONAME): so the name is written into a copy, and the copy is loaded before the engine.
"""

import contextlib
import importlib.metadata

_NAME = "libgomp.so.1"
_HOLDER = "treelite"
_MFD_CLOEXEC = 1


def provide() -> None:
    """Load the wheel's library where the machine has none; raises OSError where it cannot be loaded."""
    # Neither that wheel nor ctypes is a need: if the engine misses the library then, importing it says so.
    with contextlib.suppress(ImportError):
        import ctypes

        with contextlib.suppress(OSError):
            ctypes.CDLL(_NAME)
            return
        for file in importlib.metadata.files(_HOLDER) or []:
            if file.match("*.libs/libgomp-*.so.*"):
                _load(file.read_binary().replace(file.name.encode(), _NAME.encode().ljust(len(file.name), b"\0")))


def _load(library: bytes) -> None:
    """Load it from memory: a disk may be read-only, or mounted so that nothing on it can be run."""
    import ctypes

    # By libc's own name: a Python that was built for old systems has no os.memfd_create.
    descriptor = ctypes.CDLL(None, use_errno=True).memfd_create(_NAME.encode(), _MFD_CLOEXEC)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), f"{_NAME} is missing, and a copy of it cannot be held in memory")
    with open(descriptor, "wb") as copy:
        copy.write(library)
        copy.flush()
        ctypes.CDLL(f"/proc/self/fd/{descriptor}")
