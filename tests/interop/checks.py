"""What the checks share: reading a kept demo folder, and counting what was accepted and what was refused."""

import json
import sys
from pathlib import Path


class Checks:
    """Counts; a surprise ends the program at once, with its reason."""

    def __init__(self, tool: str):
        self.tool = tool
        self.counts: dict[str, int] = {}

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def require(self, holds: bool, surprise: str) -> None:
        if not holds:
            sys.exit(f"{self.tool}: {surprise}")

    def refuses(self, what: str, check) -> None:
        """What was tampered with must not pass: any exception will do, a quiet return will not."""
        try:
            check()
        except Exception:
            self.count(f"{what} refused")
        else:
            sys.exit(f"{self.tool}: {what} was accepted")

    def done(self) -> None:
        told = ", ".join(f"{count} {what}" for what, count in self.counts.items())
        self.require(bool(told), "nothing was checked")
        print(f"{self.tool}: {told}")


def files(folder: Path, pattern: str, checks: Checks) -> list[Path]:
    """The files of a pattern, of which there must be some."""
    found = sorted(folder.glob(pattern))
    checks.require(bool(found), f"{folder} has no {pattern}")
    return found


def flipped(data: bytes, position: int) -> bytes:
    """The same bytes but for one bit."""
    changed = bytearray(data)
    changed[position] ^= 1
    return bytes(changed)


def public_keys(kept: Path) -> dict[str, dict]:
    """Every public key in the folder by its thumbprint; of private keys only the public part."""
    keys = {}
    for pattern in ("keys/*.jwk.json", "profiles/**/*.jwk*", "hub/profiles/**/*.jwk*"):
        for path in kept.glob(pattern):
            jwk = json.loads(path.read_text())
            keys[jwk["kid"]] = {name: jwk[name] for name in ("kty", "crv", "x")}
    return keys
