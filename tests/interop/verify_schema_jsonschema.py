"""PyPI jsonschema on the schema that `hutong catalog schema` prints: takes and refuses what the hub does. Usage: HUTONG

The formats of identifiers are written here anew, from the standards' text, so that two programs check each vector.
"""

import json
import re
import subprocess
import sys
from base64 import b64decode
from datetime import date, datetime
from pathlib import Path

from checks import Checks
from jsonschema import Draft202012Validator, FormatChecker

BASE_36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
PROVINCES = set(map(int, "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82".split()))
ROOT = "1.2.156.3005.2."

checks = Checks("jsonschema 4.26.0")
hutong = sys.argv[1]
vectors = Path(__file__).parents[1] / "vectors" / "schema"
formats = FormatChecker(formats=())


def uscc(text: str) -> bool:
    """GB 32100."""
    *body, check = (USCC.index(c) for c in text)
    return len(body) == 17 and check == -sum(value * 3**i for i, value in enumerate(body)) % 31


def citizen_id(text: str) -> bool:
    """GB 11643: MOD 11-2, a province or 83, and a day that was."""
    born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    weighted = sum(int(c) * 2 ** (17 - i) for i, c in enumerate(text[:17]))
    return (
        len(text) == 18
        and int(text[:2]) in PROVINCES | {83}
        and born.year >= 1850
        and text[17] == "10X98765432"[weighted % 11]
    )


def licence_id(text: str) -> bool:
    """GB/T 36904: ISO/IEC 7064 MOD 37,36 over type, issuer, serial and version."""
    licence_type, issuer, serial, version, check = text.removeprefix(ROOT).split(".")
    p = 36
    for c in licence_type + issuer + serial + version:
        p = ((p + BASE_36.index(c)) % 36 or 36) * 2 % 37
    return text.startswith(ROOT) and (p + BASE_36.index(check)) % 36 == 1


def division(text: str) -> bool:
    """GB/T 2260."""
    return len(text) == 6 and int(text[:2]) in PROVINCES and (text[2:4] != "00" or text[4:] == "00")


def holder_code(text: str) -> bool:
    return len(text) <= 40 and not re.search(r"\s", text) and text == text.upper()


def moment(text: str) -> bool:
    return datetime.fromisoformat(text).tzinfo is not None


for name, check in {
    "uscc": uscc,
    "citizen-id": citizen_id,
    "licence-id": licence_id,
    "administrative-division": division,
    "holder-code": holder_code,
    "date": lambda text: date.fromisoformat(text).isoformat() == text,
    "date-time": moment,
    "e-seal": lambda text: bool(b64decode(text, validate=True)),
}.items():
    # What is no text is the type's matter.
    formats.checks(name, raises=(ValueError, IndexError))(lambda value, own=check: not isinstance(value, str) or own(value))

said = json.loads((vectors / "values.json").read_text())
command = [hutong, "catalog", "schema", said["resource"], "--file", str(vectors / "catalog.toml")]
schema = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema, format_checker=formats)
checks.require(validator.is_valid(said["record"]), "the record in order is refused")
for case in said["cases"]:
    record = said["record"] | {case["field"]: case["value"]}
    taken = validator.is_valid(record)
    checks.require(taken == case["accepted"], f"{case['rule']}: {case['value']} is {'taken' if taken else 'refused'}")
    checks.count("values taken" if taken else "values refused")
for change in ({"KZ_EXTRA": "1"}, {"TEXT": ...}):
    record = {code: value for code, value in (said["record"] | change).items() if value is not ...}
    checks.require(not validator.is_valid(record), f"a record with {change} is taken")
    checks.count("records of other fields refused")
checks.done()
