//! Golden vectors: made by another program in another language, and never changed once released.

use hutong::sign::commitment::{Month, Opening, Scheme, operator_pseudonym, record_handle, record_salt};
use hutong::sign::sd_jwt::{Expected, RecordClaims, SdJwt, check_complete, issue, sd_hash, verify};
use hutong::sign::sealing::{VaultKey, place};
use hutong::sign::{Secret, Signer as _, SigningKey, VerifyingKey, dsse, sha256};
use serde_json::Value;

use crate::{Tape, base64url, from_base64url, key};

macro_rules! vectors {
    ($file:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../vectors/sign/", $file))).unwrap()
    };
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

fn secret(value: &Value) -> Secret {
    Secret::from_bytes(&bytes32(value))
}

fn bytes32(value: &Value) -> [u8; 32] {
    bytes(value).try_into().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    list(value).iter().map(text).collect()
}

#[test]
fn keys_and_their_files() {
    let (vector, key) = (vectors!("key.json"), key());
    assert_eq!(key.verifying_key().as_bytes().as_slice(), bytes(&vector["public"]));
    assert_eq!(key.verifying_key().thumbprint().as_slice(), bytes(&vector["thumbprint"]));
    assert_eq!(key.kid(), text(&vector["kid"]));
    let public = text(&vector["public_jwk"]);
    assert_eq!(key.verifying_key().to_jwk(), public);
    assert_eq!(&VerifyingKey::from_jwk(public).unwrap(), key.verifying_key());

    let private = public.replace('}', &format!(r#","d":"{}"}}"#, base64url(sha256(b"vector seed 0"))));
    assert_eq!(*key.to_private_jwk(), private);
    assert_eq!(SigningKey::from_jwk(&private).unwrap().verifying_key(), key.verifying_key());
}

#[test]
fn envelopes() {
    let vector = vectors!("dsse.json");
    let (payload_type, payload) = (text(&vector["payload_type"]), bytes(&vector["payload"]));
    assert_eq!(dsse::payload_type("query"), payload_type);
    assert_eq!(dsse::pae(payload_type, &payload), bytes(&vector["pae"]));
    let envelope = dsse::Envelope::sign(&key(), payload_type, payload).unwrap();
    assert_eq!(envelope.signatures[0].sig, bytes(&vector["signature"]));
    assert_eq!(envelope.to_json(), text(&vector["json"]));
    assert_eq!(dsse::Envelope::from_json(text(&vector["json"])).unwrap(), envelope);
}

#[test]
fn commitments_handles_and_pseudonyms() {
    let vector = vectors!("commitment.json");
    for case in list(&vector["commitments"]) {
        let scheme = Scheme::from_name(text(&case["scheme"])).unwrap();
        let opening = Opening::new(&Tape::new(bytes(&case["salt"])), scheme, text(&case["written"])).unwrap();
        assert_eq!(opening.value(), text(&case["value"]));
        opening.verify(&bytes32(&case["commitment"])).unwrap();
    }
    for case in list(&vector["handles"]) {
        let (resource, id) = (text(&case["resource"]), text(&case["record_id"]));
        let salt = record_salt(&secret(&vector["provider_secret"]), resource, id).unwrap();
        assert_eq!(salt, bytes32(&case["record_salt"]));
        assert_eq!(record_handle(&salt, resource, id).unwrap(), bytes32(&case["handle"]));
    }
    for case in list(&vector["pseudonyms"]) {
        let (year, month) = text(&case["month"]).split_once('-').unwrap();
        let month = Month::new(year.parse().unwrap(), month.parse().unwrap()).unwrap();
        let pseudonym = operator_pseudonym(&secret(&vector["consumer_secret"]), month, text(&case["operator"]));
        assert_eq!(pseudonym.unwrap(), bytes32(&case["pseudonym"]));
    }
}

#[test]
fn seals_and_blind_indexes() {
    let vector = vectors!("sealing.json");
    let vault = VaultKey::new(secret(&vector["vault_key"]));
    for case in list(&vector["seals"]) {
        let file_id = text(&case["file_id"]);
        let (key, place) = (vault.file_key(file_id, 0).unwrap(), place(file_id, case["slot"].as_u64().unwrap()));
        assert_eq!(place, bytes(&case["place"]));
        let sealed = key.seal(&Tape::new(bytes(&case["nonce"])), &place, &bytes(&case["plaintext"])).unwrap();
        assert_eq!(sealed, bytes(&case["sealed"]));
        assert_eq!(key.unseal(&place, &sealed).unwrap(), bytes(&case["plaintext"]));
    }
    for case in list(&vector["blind_index"]) {
        let label = std::ffi::CString::new(text(&case["label"])).unwrap();
        let parts: Vec<_> = texts(&case["parts"]).into_iter().map(str::as_bytes).collect();
        assert_eq!(vault.blind_index().key(&label, &parts), bytes32(&case["key"]));
    }
}

#[test]
fn records_and_presentations() {
    let vector = vectors!("record.json");
    let claims = RecordClaims {
        iss: text(&vector["claims"]["iss"]).to_owned(),
        vct: text(&vector["claims"]["vct"]).to_owned(),
        jti: from_base64url(text(&vector["claims"]["jti"])).try_into().unwrap(),
        ver: vector["claims"]["ver"].as_u64().unwrap(),
        iat: vector["claims"]["iat"].as_i64().unwrap(),
    };
    let fields: Vec<_> =
        list(&vector["fields"]).iter().map(|pair| (text(&pair[0]).to_owned(), pair[1].clone())).collect();
    let record = issue(&key(), &Tape::new(bytes(&vector["randomness"])), &claims, &fields).unwrap();
    assert_eq!(record, text(&vector["record"]));

    let sd_jwt = SdJwt::parse(&record).unwrap();
    assert_eq!(sd_jwt.disclosures(), texts(&vector["disclosures"]));
    assert_eq!(sd_jwt.jwt_hash(), bytes32(&vector["jwt_hash"]));
    assert_eq!(sd_jwt.kid().unwrap(), key().kid());
    assert_eq!(sd_jwt.claims_unverified().unwrap(), claims);
    assert_eq!(check_complete(&sd_jwt).unwrap(), []);
    for case in list(&vector["presentations"]) {
        let selected = texts(&case["fields"]);
        let presentation = sd_jwt.select(&selected).unwrap();
        assert_eq!(presentation, text(&case["presentation"]));
        assert_eq!(sd_hash(&presentation), bytes32(&case["sd_hash"]));
        let verified = verify(&presentation, key().verifying_key(), &Expected::default()).unwrap();
        assert_eq!(verified.claims, claims);
        assert!(verified.fields.keys().eq(selected));
    }
}

#[test]
fn a_record_of_another_implementation() {
    let vector = vectors!("record-sd-jwt-python.json");
    let record = text(&vector["record"]);
    assert_eq!(check_complete(&SdJwt::parse(record).unwrap()).unwrap(), []);
    let verified = verify(record, key().verifying_key(), &Expected::default()).unwrap();
    assert_eq!(Value::Object(verified.fields), vector["fields"]);
    assert_eq!(verified.claims.iss, text(&vector["claims"]["iss"]));
}
