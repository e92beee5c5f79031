"""Cuts the power of a mounted ext4: `EXT4_IOC_SHUTDOWN` without flushing its journal.

Whatever was not synced is gone at the next mount. Usage: shutdown_fs.py MOUNTPOINT
"""

import fcntl
import os
import struct
import sys

EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2  # EXT4_GOING_FLAGS_NOLOGFLUSH

folder = os.open(sys.argv[1], os.O_RDONLY)
fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
