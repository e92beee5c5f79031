"""One signed query, from nothing but the protos: Python 3.11, PyPI grpcio, protobuf, cryptography.

Usage: python query.py PROFILE RESOURCE PURPOSE MATTER CASE HOLDER FIELD…
The stubs come from: python -m grpc_tools.protoc -I proto --python_out=OUT --grpc_python_out=OUT proto/hutong/v1/*.proto
Put OUT into PYTHONPATH.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.rpc import error_details_pb2, status_pb2

from hutong.v1 import entry_pb2, envelope_pb2, exchange_service_pb2, exchange_service_pb2_grpc, statement_pb2
from hutong.v1.agreement_pb2 import LOOKUP_KIND_HOLDER

path, resource, purpose, matter, case, holder, *fields = sys.argv[1:]
profile = tomllib.loads(Path(path).read_text())


def read(key: str) -> bytes:
    return (Path(path).parent / profile[key]).read_bytes()


def from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# The connection: TLS 1.3, the system's certificate, the hub's CA.
credentials = grpc.ssl_channel_credentials(read("ca"), read("private_key"), read("certificate"))
hub = urlsplit(profile["hub"])
options = [("grpc.ssl_target_name_override", profile.get("server_name", hub.hostname))]
channel = grpc.secure_channel(hub.netloc, credentials, options)

# The key: a JWK. Its thumbprint is the SHA-256 of the three required members, sorted, without spaces.
jwk = json.loads(read("signing_key"))
key = Ed25519PrivateKey.from_private_bytes(from_base64url(jwk["d"]))
thumbprint = hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{jwk["x"]}"}}'.encode()).digest()
kid = base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()


def commit(scheme: str, value: str) -> tuple[bytes, envelope_pb2.Opening]:
    """HMAC-SHA256(salt, scheme ‖ 0x00 ‖ value), and what opens it."""
    salt = os.urandom(32)
    commitment = hmac.digest(salt, scheme.encode() + b"\0" + value.encode(), "sha256")
    return commitment, envelope_pb2.Opening(scheme=scheme, value=value, salt=salt)


case_commitment, case_opening = commit("case", case)
holder_commitment, holder_opening = commit("uscc", holder)

# The statement, serialized once: these bytes are signed, and these bytes are sent.
statement = statement_pb2.QueryStatement(
    resource_id=resource,
    purpose=purpose,
    matter=matter,
    case_commitment=case_commitment,
    operator_pseudonym=os.urandom(32),  # A real system derives it: see "Operator pseudonym".
    fields=sorted(fields),
    lookup=LOOKUP_KIND_HOLDER,
    commitments=[holder_commitment],
)
statement.header.request_id = os.urandom(16)
statement.header.issued_at.FromMilliseconds(time.time_ns() // 1_000_000)
statement.header.actor = profile["system"]
statement.header.hub = profile["hub_domain"]
payload = statement.SerializeToString(deterministic=True)

payload_type = "application/vnd.hutong.query.v1+protobuf"
pae = b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)
envelope = envelope_pb2.Envelope(payload=payload, payload_type=payload_type)
envelope.signatures.add(keyid=kid, sig=key.sign(pae))

request = exchange_service_pb2.SubmitQueryRequest(envelope=envelope, openings=[case_opening, holder_opening])
try:
    answer = exchange_service_pb2_grpc.ExchangeServiceStub(channel).SubmitQuery(request, timeout=20)
except grpc.RpcError as error:
    status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            print(error.code().name, info.reason, dict(info.metadata))
    sys.exit(77)

# Steps 2 and 3 of "Verifying an answer"; 1, 4 and 5 are for libraries.
entry = entry_pb2.Entry.FromString(answer.receipt.entry)
assert entry.statement == envelope, "the entry is about another statement"
for released, record in zip(entry.outcome.query_permitted.records, answer.records, strict=True):
    assert hashlib.sha256(record.presentation.encode()).digest() == released.sd_hash, "not what was released"
    _, *disclosures, _ = record.presentation.split("~")
    print(answer.receipt.proof.splitlines()[1], [json.loads(from_base64url(text))[1:] for text in disclosures])
