"""Adds logs to litewitness's database, as its own witnessctl does. Usage: DATABASE VKEY…"""

import sqlite3
import sys
from base64 import b64encode
from hashlib import sha256

with sqlite3.connect(sys.argv[1], timeout=10) as database:
    for vkey in sys.argv[2:]:
        origin = vkey.split("+")[0]
        empty_root = b64encode(sha256(b"").digest()).decode()
        database.execute("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", (origin, empty_root))
        database.execute("INSERT INTO key (origin, key) VALUES (?, ?)", (origin, vkey))
