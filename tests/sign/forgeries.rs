//! Records that someone has tampered with, truly signed where the signature is not what is wrong.

use hutong::sign::sd_jwt::{Expected, Fault, RECORD_TYP, SdJwt, check_complete, issue, verify};
use hutong::sign::{Error, Secret, Signer as _, SigningKey, sha256};
use serde_json::{Value, json};

use crate::{base64url, claims, from_base64url, jwt, key, record, salts};

fn verified(presentation: &str) -> Result<(), Error> {
    verify(presentation, key().verifying_key(), &Expected::default()).map(drop)
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": RECORD_TYP, "kid": key().kid()})
}

fn payload() -> Value {
    let record = record();
    let payload = record.split('.').nth(1).unwrap();
    serde_json::from_slice(&from_base64url(payload)).unwrap()
}

/// The record's disclosures after a JWT.
fn with_disclosures(jwt: &str) -> String {
    let record = record();
    format!("{jwt}~{}", record.split_once('~').unwrap().1)
}

#[test]
fn headers_other_than_a_record_s_are_refused() {
    verified(&with_disclosures(&jwt(&header().to_string(), &payload().to_string()))).unwrap();
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("eddsa")),
        ("alg", json!("HS256")),
        ("alg", Value::Null),
        ("typ", json!("sd+jwt")),
        ("typ", json!(RECORD_TYP.to_uppercase())),
        ("kid", json!("another")),
        ("kid", Value::Null),
        ("crit", json!(["exp"])),
        ("jwk", json!({})),
        ("b64", json!(false)),
    ] {
        let mut header = header();
        header[name] = value;
        assert!(verified(&with_disclosures(&jwt(&header.to_string(), &payload().to_string()))).is_err(), "{header}");
    }
    let twice = header().to_string().replacen('{', r#"{"alg":"EdDSA","#, 1);
    assert!(matches!(verified(&with_disclosures(&jwt(&twice, &payload().to_string()))), Err(Error::Json { .. })));
}

#[test]
fn payloads_other_than_a_record_s_are_refused() {
    let unsorted: Vec<_> = payload()["_sd"].as_array().unwrap().iter().rev().cloned().collect();
    for (name, value) in [
        ("iss", json!("11100000mb0327169x")),
        ("iss", Value::Null),
        ("vct", json!("")),
        ("jti", json!("short")),
        ("ver", json!(0)),
        ("ver", json!(1.5)),
        ("ver", json!("1")),
        ("iat", json!(-1)),
        ("exp", json!(1)),
        ("name", json!("明文")),
        ("_sd_alg", json!("sha-384")),
        ("_sd_alg", Value::Null),
        ("_sd", Value::Null),
        ("_sd", json!(unsorted)),
        ("_sd", json!(["digest"])),
    ] {
        let mut payload = payload();
        payload[name] = value;
        let forged = with_disclosures(&jwt(&header().to_string(), &payload.to_string()));
        assert!(verified(&forged).is_err(), "{payload}");
    }
}

#[test]
fn texts_other_than_an_sd_jwt_are_refused() {
    let record = record();
    let jwt = record.split('~').next().unwrap().to_owned();
    let first = record.split('~').nth(1).unwrap().to_owned();
    let parts: Vec<&str> = jwt.split('.').collect();
    for (text, name) in [
        (String::new(), "empty"),
        ("~".into(), "no JWT"),
        (jwt.clone(), "no final tilde"),
        (record.trim_end_matches('~').to_owned(), "cut before the final tilde"),
        (format!("{record}{jwt}"), "key binding"),
        (format!("{record}~"), "an empty disclosure"),
        (format!("{record}{first}~"), "a repeated disclosure"),
        (format!("{record}{first}"), "no final tilde after a disclosure"),
        (format!("{record}\n"), "a line end"),
        (format!(" {record}"), "a space before"),
        (format!("{jwt}~{first}=~"), "padding"),
        (format!("{jwt}~{}~", base64url(r#"["c2FsdA","name","乙"]"#)), "a disclosure of one's own"),
        (format!("{}.{}.~", parts[0], parts[1]), "no signature"),
        (format!("{}.{}~", parts[0], parts[1]), "two parts"),
        (format!("{jwt}.{}~", parts[2]), "four parts"),
    ] {
        assert!(verified(&text).is_err(), "{name}");
    }
    assert_eq!(verified(&format!("{record}{jwt}")), Err(Error::KeyBinding));
    assert_eq!(verified(record.trim_end_matches('~')), Err(Error::MissingFinalTilde));
}

#[test]
fn another_key_or_another_expectation_is_refused() {
    let (record, other) = (record(), SigningKey::from_seed(&Secret::from_bytes(&[1; 32])).unwrap());
    assert!(matches!(verify(&record, other.verifying_key(), &Expected::default()), Err(Error::Kid { .. })));
    let right =
        Expected { iss: Some("11100000MB0327169X"), vct: Some("business-licence.v3"), latest_iat: Some(1_790_000_000) };
    verify(&record, key().verifying_key(), &right).unwrap();
    for wrong in [
        Expected { iss: Some("91110000MB03271699"), ..right },
        Expected { vct: Some("business-licence.v2"), ..right },
        Expected { latest_iat: Some(1_789_999_999), ..right },
    ] {
        assert!(matches!(verify(&record, key().verifying_key(), &wrong), Err(Error::Expectation { .. })));
    }
}

#[test]
fn digests_within_a_field_are_refused() {
    let disclosure = base64url(json!(["c2FsdHNhbHRzYWx0c2FsdA", "name", {"_sd": []}]).to_string());
    let mut payload = payload();
    payload["_sd"] = json!([base64url(sha256(disclosure.as_bytes()))]);
    let forged = format!("{}~{disclosure}~", jwt(&header().to_string(), &payload.to_string()));
    assert_eq!(verified(&forged), Err(Error::Reserved { name: "_sd" }));
    let faults = check_complete(&SdJwt::parse(&forged).unwrap()).unwrap();
    assert_eq!(faults.iter().map(|violation| violation.fault).collect::<Vec<_>>(), [Fault::NestedDigest]);
}

#[test]
fn what_keeps_a_record_from_being_complete_is_said_at_once() {
    let (record, salt) = (record(), "c2FsdHNhbHRzYWx0c2FsdA");
    let (jwt_part, rest) = record.split_once('~').unwrap();
    let disclosures: Vec<&str> = rest.trim_end_matches('~').split('~').collect();
    let strange = base64url(format!(r#"["{salt}","name","乙"]"#));
    let short = base64url(r#"["c2FsdA","iss","乙"]"#);
    let text =
        format!("{jwt_part}~{0}~{0}~{1}~{strange}~{short}~{2}~", disclosures[0], disclosures[1], base64url("[]"));
    let found: Vec<_> = check_complete(&SdJwt::parse(&text).unwrap())
        .unwrap()
        .into_iter()
        .map(|violation| (violation.fault, violation.at))
        .collect();
    let missing = base64url(sha256(disclosures[2].as_bytes()));
    for expected in [
        (Fault::RepeatedDisclosure, "name"),
        (Fault::RepeatedSalt, "name"),
        (Fault::RepeatedField, "name"),
        (Fault::DisclosureWithoutDigest, "name"),
        (Fault::ShortSalt, "iss"),
        (Fault::RepeatedField, "iss"),
        (Fault::DisclosureWithoutDigest, "iss"),
        (Fault::DisclosureForm, "5"),
        (Fault::DisclosureWithoutDigest, "5"),
        (Fault::DigestWithoutDisclosure, &missing),
    ] {
        assert!(found.contains(&(expected.0, expected.1.to_owned())), "{expected:?} in {found:?}");
    }
    let mut payload = payload();
    payload["_sd"] = json!([missing, missing]);
    let repeated = format!("{}~{}~", jwt(&header().to_string(), &payload.to_string()), disclosures[2]);
    let faults = check_complete(&SdJwt::parse(&repeated).unwrap()).unwrap();
    assert_eq!(faults.iter().map(|violation| violation.fault.code()).collect::<Vec<_>>(), ["REPEATED_DIGEST"]);
}

#[test]
fn records_that_could_not_be_verified_are_not_issued() {
    let issued = |fields: &[(&str, Value)]| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        issue(&key(), &salts(2), &claims(), &fields)
    };
    issued(&[]).unwrap();
    for fields in [
        vec![("a", json!(1)), ("a", json!(2))],
        vec![("", json!(1))],
        vec![("_sd", json!(1))],
        vec![("...", json!(1))],
        vec![("iss", json!(1))],
        vec![("a", json!({"b": [{"...": "x"}]}))],
        vec![("a", json!(1)), ("b", json!(2)), ("c", json!(3))],
    ] {
        assert!(issued(&fields).is_err(), "{fields:?}");
    }
    let repeating = crate::Tape::new(vec![0; 32]);
    let fields = [("a".to_owned(), json!(1)), ("b".to_owned(), json!(2))];
    assert_eq!(issue(&key(), &repeating, &claims(), &fields), Err(Error::Randomness));
    let wrong = hutong::sign::sd_jwt::RecordClaims { ver: 0, ..claims() };
    assert!(issue(&key(), &salts(0), &wrong, &[]).is_err());
}

#[test]
fn fields_are_selected_all_or_none() {
    let record = record();
    let sd_jwt = SdJwt::parse(&record).unwrap();
    assert_eq!(sd_jwt.fields().unwrap(), ["name", "until", "capital"]);
    assert_eq!(sd_jwt.select(&["capital", "name"]).unwrap(), sd_jwt.select(&["name", "capital"]).unwrap());
    assert_eq!(sd_jwt.select(&["name", "phone"]), Err(Error::NoSuchField { name: "phone".into() }));
}
