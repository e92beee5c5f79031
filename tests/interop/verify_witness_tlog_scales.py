"""PyPI tlog-scales and a witness: cosignatures on a kept demo's log as it grew, and a trust policy. Usage: FOLDER HUTONG"""

import json
import shutil
import subprocess
import sys
import tempfile
from base64 import b64encode
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from checks import Checks, files
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint

checks = Checks("tlog-scales 0.0.3 with a witness")
kept, hutong = Path(sys.argv[1]), sys.argv[2]
log = kept / "log"
log_vkey = (log / "log.vkey").read_text().strip()
reader = TilesReader(LocalBackend(log))
reader.get_checkpoint()


def checkpoints() -> dict[int, str]:
    """The log's signed checkpoints by size: those of the receipts, and the newest."""
    notes = [proof.read_text().split("\n\n", 1)[1] for proof in files(kept, "receipts/*.tlog-proof", checks)]
    notes.append((log / "checkpoint").read_text())
    return {Checkpoint.from_text(note).size: note for note in notes}


def ask(url: str, old: int, proof: list[bytes], note: str) -> tuple[int, str, str]:
    """The status, the content type and the body of an add-checkpoint."""
    lines = "".join(f"{b64encode(hash).decode()}\n" for hash in proof)
    request = Request(f"{url}/add-checkpoint", data=f"old {old}\n{lines}\n{note}".encode(), method="POST")
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except HTTPError as answer:
        return answer.code, answer.headers["content-type"], answer.read().decode()


def grow(url: str, witness: Vkey) -> str:
    """Shows the witness each checkpoint in turn; gives the newest with its cosignature."""
    old, cosigned = 0, ""
    for size, note in sorted(checkpoints().items()):
        proof = reader.get_consistency_proof(old, size).node_hashes if old else []
        status, _, body = ask(url, old, proof, note)
        checks.require(status == 200, f"from {old} to {size}: {status} {body}")
        cosigned = note + body
        Checkpoint.from_text(cosigned).verify(witness)
        checks.count("cosignatures")
        other = Checkpoint.from_text(cosigned.replace(f"\n{size}\n", f"\n{size + 1}\n", 1))
        checks.refuses("cosignature of another checkpoint", lambda: other.verify(witness))
        old = size
    status, kind, body = ask(url, 1, [], note)
    held = (status, kind, body) == (409, "text/x.tlog.size", f"{old}\n")
    checks.require(held, f"asked from where it no longer is: {status} {kind} {body!r}")
    return cosigned


def verify_under(policy: Path, copy: Path) -> int:
    command = [hutong, "audit", "verify", str(copy), "--policy", str(policy)]
    return subprocess.run(command, stdout=subprocess.DEVNULL, timeout=120).returncode


with tempfile.TemporaryDirectory() as temporary:
    place = Path(temporary)
    folder = place / "witness"
    made = [hutong, "--json", "witness", "init", str(folder), "--name", "court.example/witness", "--log", log_vkey]
    vkey = json.loads(subprocess.run(made, check=True, capture_output=True, timeout=60).stdout)["vkey"]
    serve = [hutong, "--json", "witness", "serve", str(folder), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            url = "http://" + json.loads(process.stdout.readline())["listening"]
            cosigned = grow(url, Vkey.from_string(vkey))
        finally:
            process.terminate()

    copy, policy = place / "log", place / "policy"
    shutil.copytree(log, copy)
    policy.write_text(f"log {log_vkey}\nwitness court {vkey}\nquorum court\n")
    checks.require(verify_under(policy, copy) == 1, "a checkpoint that nobody cosigned meets the policy")
    (copy / "checkpoint").write_text(cosigned)
    checks.require(verify_under(policy, copy) == 0, "the cosigned checkpoint does not meet the policy")
    checks.count("policy met once cosigned")

checks.done()
