"""PyPI grpcio over mutual TLS: lists the services by reflection, and calls one knowing nothing of it beforehand.

Usage: PROFILE, of a running hub.
"""

import os
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

# A connection is refused below on purpose, which is no news.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
from checks import Checks
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

DEADLINE_SECONDS = 20
SERVICES = {
    "ExchangeService",
    "PublicationService",
    "RuleService",
    "AuditService",
    "SealService",
    "OpeningService",
}

checks = Checks(f"grpcio {grpc.__version__}")
path = Path(sys.argv[1])
profile = tomllib.loads(path.read_text())


def content(key: str) -> bytes:
    return (path.parent / profile[key]).read_bytes()


def connect(credentials: grpc.ChannelCredentials) -> grpc.Channel:
    hub = urlsplit(profile["hub"])
    name = profile.get("server_name", hub.hostname)
    return grpc.secure_channel(hub.netloc, credentials, [("grpc.ssl_target_name_override", name)])


channel = connect(grpc.ssl_channel_credentials(content("ca"), content("private_key"), content("certificate")))
grpc.channel_ready_future(channel).result(DEADLINE_SECONDS)
database = ProtoReflectionDescriptorDatabase(channel)
services = set(database.get_services())
wanted = {f"hutong.v1.{name}" for name in SERVICES} | {"grpc.health.v1.Health"}
checks.require(wanted <= services, f"reflection does not list {sorted(wanted - services)}")
checks.counts["services listed"] = len(services)

pool = DescriptorPool(database)
for name in SERVICES:
    service = pool.FindServiceByName(f"hutong.v1.{name}")
    checks.require(bool(service.methods), f"{name} has no methods")
    checks.counts["methods described"] = checks.counts.get("methods described", 0) + len(service.methods)

method = pool.FindServiceByName("hutong.v1.RuleService").FindMethodByName("GetHub")
request, answer = GetMessageClass(method.input_type), GetMessageClass(method.output_type)


def get_hub(over: grpc.Channel):
    call = over.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=request.SerializeToString,
        response_deserializer=answer.FromString,
    )
    return call(request(), timeout=DEADLINE_SECONDS)


hub = get_hub(channel)
checks.require(hub.hub == profile["hub_domain"], f"GetHub says {hub.hub}")
checks.require(hub.log_vkey == profile["log_vkey"], f"GetHub's log key is {hub.log_vkey}")
checks.count("call by reflection")

anonymous = connect(grpc.ssl_channel_credentials(content("ca")))
checks.refuses("caller without a certificate", lambda: get_hub(anonymous))
checks.done()
