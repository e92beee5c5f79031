"""PyPI sd-jwt on the records that consumers got, under their providers' keys. Usage: FOLDER"""

import json
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

from checks import Checks, files
from jwcrypto.jwk import JWK
from sd_jwt.verifier import SDJWTVerifier

checks = Checks("sd-jwt 0.10.4")
kept = Path(sys.argv[1])
key_files = files(kept, "keys/*.jwk.json", checks)
keys = {path.name.removesuffix(".jwk.json"): JWK.from_json(path.read_text()) for path in key_files}
for kid, key in keys.items():
    checks.require(key.thumbprint() == kid, f"the key in {kid}.jwk.json has another thumbprint")
    checks.require(not key.has_private, f"{kid}.jwk.json holds a private key")


def verify(presentation: str, known: dict[str, JWK]) -> dict:
    """The payload with the fields disclosed, under the key that the header names."""

    def key_of(issuer: str, header: dict) -> JWK:
        if header.get("alg") != "EdDSA" or header.get("typ") != "hutong-record+sd-jwt":
            raise ValueError(f"unexpected header {header}")
        return known[header["kid"]]

    return SDJWTVerifier(presentation, key_of).get_verified_payload()


ALWAYS = {"iss", "vct", "jti", "ver", "iat"}

for path in files(kept, "credentials/*.sd-jwt", checks):
    presentation = path.read_text().strip()
    jwt, *disclosures, last = presentation.split("~")
    checks.require(last == "", f"{path.name} does not end with ~")
    payload = verify(presentation, keys)
    checks.require(ALWAYS <= payload.keys(), f"{path.name} lacks {ALWAYS - payload.keys()}")
    fields = payload.keys() - ALWAYS
    checks.require(len(fields) == len(disclosures), f"{path.name} discloses {sorted(fields)}")
    checks.count("credentials")
    checks.counts["fields"] = checks.counts.get("fields", 0) + len(fields)

    middle = len(jwt) // 2
    changed = jwt[:middle] + ("A" if jwt[middle] != "A" else "B") + jwt[middle + 1 :]
    checks.refuses("changed JWT", lambda: verify(presentation.replace(jwt, changed, 1), keys))
    checks.refuses("unknown issuer key", lambda: verify(presentation, {}))
    others = {kid: JWK.generate(kty="OKP", crv="Ed25519") for kid in keys}
    checks.refuses("another's key", lambda: verify(presentation, others))
    # A disclosure that no digest vouches for is an error, or at the least never becomes a field.
    forged = urlsafe_b64encode(json.dumps(["AAAAAAAAAAAAAAAAAAAAAA", "forged", "value"]).encode()).rstrip(b"=").decode()
    try:
        taken = verify(f"{presentation}{forged}~", keys)
    except Exception:
        taken = {}
    checks.require("forged" not in taken, f"{path.name} takes a forged field")
    checks.count("forged disclosures without effect")
checks.done()
