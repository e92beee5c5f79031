"""PyPI tlog-scales on a mirrored log: checkpoint signature, root from tiles, inclusion of receipts. Usage: FOLDER"""

import shutil
import sys
import tempfile
from base64 import b64decode
from pathlib import Path

from checks import Checks, files, flipped
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint, InclusionProof
from tlog_scales.utils import sha256

checks = Checks("tlog-scales 0.0.3")
kept = Path(sys.argv[1])
log = kept / "log"
vkey = Vkey.from_string((log / "log.vkey").read_text().strip())


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry)


def verify_log(folder: Path) -> TilesReader:
    """The checkpoint under the key, the root from the tiles, and every entry against its leaf hash."""
    reader = TilesReader(LocalBackend(folder))
    checkpoint = reader.get_checkpoint()
    checkpoint.verify(vkey)
    if reader.calculate_root_hash() != checkpoint.root_hash:
        raise ValueError("the tiles have another root")
    for index in range(checkpoint.size):
        if leaf_hash(reader.get_entry(index)) != reader.mth(index, index + 1):
            raise ValueError(f"entry {index} has another hash")
    # Leaf hashes are proved by the root of the tiles above them only where those are made from them.
    leaves = [reader.mth(index, index + 1) for index in range(checkpoint.size)]
    if root_of(leaves) != checkpoint.root_hash:
        raise ValueError("the leaves have another root")
    return reader


def root_of(hashes: list[bytes]) -> bytes:
    """The Merkle tree hash over leaf hashes, by the recursion of RFC 6962 section 2.1."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return sha256(b"\x01" + root_of(hashes[:split]) + root_of(hashes[split:]))


def verify_receipt(proof: str, entry: bytes) -> Checkpoint:
    """A C2SP tlog-proof: index, path and checkpoint, all needed to prove the entry's inclusion."""
    head, note = proof.split("\n\n", 1)
    version, *lines = head.split("\n")
    if version != "c2sp.org/tlog-proof@v1":
        raise ValueError("not a tlog-proof")
    index = int(lines[0].removeprefix("index "))
    checkpoint = Checkpoint.from_text(note)
    checkpoint.verify(vkey)
    hashes = [b64decode(line, validate=True) for line in lines[1:]]
    InclusionProof(index, checkpoint.size, hashes).check(leaf_hash(entry), checkpoint.root_hash)
    return checkpoint


def verify_tampered(name: str, position: int) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "log"
        shutil.copytree(log, copy)
        path = copy / name
        path.write_bytes(flipped(path.read_bytes(), position))
        checks.refuses("tampered log", lambda: verify_log(copy))


reader = verify_log(log)
checks.count("log")
checks.counts["entries"] = reader.size

for proof in files(kept, "receipts/*.tlog-proof", checks):
    text, entry = proof.read_text(), proof.with_suffix(".entry").read_bytes()
    checkpoint = verify_receipt(text, entry)
    checks.count("receipts")
    reader.get_consistency_proof(checkpoint.size, reader.size).check(
        checkpoint.root_hash, reader.calculate_root_hash()
    )
    checks.count("receipt checkpoints continued by the log")
    checks.refuses("receipt of another entry", lambda: verify_receipt(text, flipped(entry, len(entry) // 2)))
    checks.refuses("receipt at another index", lambda: verify_receipt(text.replace("index ", "index 1", 1), entry))

for name, position in [
    (str(path.relative_to(log)), path.stat().st_size // 2)
    for pattern in ("checkpoint", "tile/0/**/*", "tile/1/**/*", "tile/entries/**/*")
    for path in log.glob(pattern)
    if path.is_file()
]:
    verify_tampered(name, position)

checks.done()
