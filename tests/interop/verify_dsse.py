"""PyPI securesystemslib on the log's statements, exported as DSSE. Usage: FOLDER HUTONG"""

import base64
import json
import subprocess
import sys
from pathlib import Path

from checks import Checks, flipped, public_keys
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

checks = Checks("securesystemslib 1.6.0")
kept, program = Path(sys.argv[1]), sys.argv[2]


def key_of(kid: str, jwk: dict) -> SSlibKey:
    x = base64.urlsafe_b64decode(jwk["x"] + "=")
    return SSlibKey(kid, "ed25519", "ed25519", {"public": x.hex()})


def read(line: str) -> Envelope:
    return Envelope.from_dict(json.loads(line))


keys = {kid: key_of(kid, jwk) for kid, jwk in public_keys(kept).items()}
checks.require(bool(keys), f"{kept} has no keys")
shown = subprocess.run(
    [program, "audit", "show", str(kept / "log"), "--dsse"], check=True, capture_output=True, text=True, timeout=300
)
for line in shown.stdout.splitlines():
    kid = json.loads(line)["signatures"][0]["keyid"]
    checks.require(kid in keys, f"a statement is signed with key {kid}, which the folder does not have")
    key = keys[kid]
    read(line).verify([key], 1)
    checks.count("statements")

    changed = read(line)
    changed.payload = flipped(changed.payload, len(changed.payload) // 2)
    checks.refuses("changed payload", lambda: changed.verify([key], 1))
    retyped = read(line)
    retyped.payload_type += "x"
    checks.refuses("changed type", lambda: retyped.verify([key], 1))
    others = [other for other in keys.values() if other.keyid != kid]
    if others:
        checks.refuses("another's key", lambda: read(line).verify(others, 1))
checks.done()
