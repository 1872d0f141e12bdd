"""numpy's arrays stay with the process: glibc would give large ones back to the kernel at once, and take each page anew by a fault.

Importing it is all; a few times less processor time. A C library without mallopt does as it likes.
"""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h
MOST = 2**31 - 1

try:
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, MOST)
except (OSError, AttributeError):
    pass
