//! The examples of RFC 9901 through the general algorithm, and what its §7.1 rejects.

use hutong::sign::sd_jwt::process;
use hutong::sign::{Error, sha256};
use serde_json::{Map, Value, json};

use crate::base64url;

#[test]
fn the_standard_s_examples_give_the_standard_s_payloads() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/sign/rfc9901.json")).unwrap();
    for example in vectors["examples"].as_array().unwrap() {
        let payload = example["payload"].as_object().unwrap();
        let disclosures = |name: &str| -> Vec<String> {
            example[name].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let presented = disclosures("presented");
        assert_eq!(Value::Object(processed(payload.clone(), &presented).unwrap()), example["processed"]);

        let whole = Value::Object(processed(payload.clone(), &disclosures("issued")).unwrap()).to_string();
        assert!(!whole.contains("\"_sd") && !whole.contains("\"...\""), "{}: {whole}", example["name"]);
    }
}

fn processed(payload: Map<String, Value>, disclosures: &[String]) -> Result<Map<String, Value>, Error> {
    process(payload, &disclosures.iter().map(String::as_str).collect::<Vec<_>>())
}

fn disclosure(content: &Value) -> String {
    base64url(content.to_string())
}

fn digest(disclosure: &str) -> String {
    base64url(sha256(disclosure.as_bytes()))
}

/// Processes a payload in which `"D0"`, `"D1"`, … stand for the digests of the disclosures.
fn outcome(payload: Value, contents: &[Value]) -> Result<Value, Error> {
    let mut disclosures: Vec<String> = Vec::new();
    let mut digests: Vec<String> = Vec::new();
    let fill = |value: &Value, digests: &[String]| -> Value {
        let text = digests.iter().enumerate().fold(value.to_string(), |text, (position, digest)| {
            text.replace(&format!("\"D{position}\""), &format!("\"{digest}\""))
        });
        serde_json::from_str(&text).unwrap()
    };
    for content in contents {
        let disclosure = disclosure(&fill(content, &digests));
        digests.push(digest(&disclosure));
        disclosures.push(disclosure);
    }
    let Value::Object(payload) = fill(&payload, &digests) else { panic!("a payload is an object") };
    processed(payload, &disclosures).map(Value::Object)
}

#[test]
fn recursive_disclosures_connect() {
    let inner = json!(["s", "DE"]);
    let middle = json!(["s", "nationalities", [{"...": "D0"}, "FR", {"...": "unknown"}]]);
    let got = outcome(json!({"a": {"_sd": ["D1", "decoy"]}, "_sd_alg": "sha-256"}), &[inner.clone(), middle]);
    assert_eq!(got.unwrap(), json!({"a": {"nationalities": ["DE", "FR"]}}));

    let unconnected = outcome(json!({"_sd": ["elsewhere"]}), &[inner]);
    assert_eq!(unconnected, Err(Error::UnreferencedDisclosure { position: 0 }));
}

#[test]
fn what_section_7_1_rejects() {
    let claim = json!(["s", "name", 1]);
    let other = json!(["t", "name", 2]);
    let nesting = json!(["s", "outer", {"_sd": ["x"]}]);
    let element = json!(["s", 1]);
    let form = |expected| Error::DisclosureForm { position: 0, expected };
    let (of_claim, of_element) =
        (form("three: salt (text), claim name (text), value"), form("two: salt (text), value"));
    let colliding = || Error::CollidingName { name: "name".into() };
    let reserved = |name| Error::Reserved { name };
    for (name, payload, contents, expected) in [
        ("repeated in one list", json!({"_sd": ["D0", "D0"]}), vec![&claim], Error::RepeatedDigest),
        ("repeated, undisclosed", json!({"_sd": ["x"], "a": {"_sd": ["x"]}}), vec![], Error::RepeatedDigest),
        ("repeated in an array", json!({"_sd": ["x"], "a": [{"...": "x"}]}), vec![], Error::RepeatedDigest),
        ("repeated in a disclosure", json!({"_sd": ["D0", "x"]}), vec![&nesting], Error::RepeatedDigest),
        ("disclosed twice", json!({"_sd": ["D0"]}), vec![&claim; 2], Error::RepeatedDisclosure { position: 1 }),
        ("unreferenced", json!({"_sd": []}), vec![&claim], Error::UnreferencedDisclosure { position: 0 }),
        ("colliding with a claim", json!({"_sd": ["D0"], "name": 0}), vec![&claim], colliding()),
        ("colliding with a disclosure", json!({"_sd": ["D0", "D1"]}), vec![&claim, &other], colliding()),
        ("claim named _sd", json!({"_sd": ["D0"]}), vec![&json!(["s", "_sd", []])], reserved("_sd")),
        ("claim named ...", json!({"_sd": ["D0"]}), vec![&json!(["s", "...", "x"])], reserved("...")),
        ("claim named _sd_alg", json!({"_sd": ["D0"]}), vec![&json!(["s", "_sd_alg", "x"])], reserved("_sd_alg")),
        ("an element among claims", json!({"_sd": ["D0"]}), vec![&element], of_claim.clone()),
        ("four parts", json!({"_sd": ["D0"]}), vec![&json!(["s", "name", 1, 2])], of_claim.clone()),
        ("no array", json!({"_sd": ["D0"]}), vec![&json!({"salt": "s"})], of_claim.clone()),
        ("a salt that is no text", json!({"_sd": ["D0"]}), vec![&json!([1, "name", 1])], of_claim.clone()),
        ("a name that is no text", json!({"_sd": ["D0"]}), vec![&json!(["s", 1, 1])], of_claim),
        ("a claim among elements", json!({"a": [{"...": "D0"}]}), vec![&claim], of_element.clone()),
        ("one part", json!({"a": [{"...": "D0"}]}), vec![&json!(["s"])], of_element),
        ("_sd that is no list", json!({"_sd": "D0"}), vec![], reserved("_sd")),
        ("_sd of numbers", json!({"_sd": [1]}), vec![], reserved("_sd")),
        ("... outside an array", json!({"a": {"...": "x"}}), vec![], reserved("...")),
        ("... with a neighbour", json!({"a": [{"...": "x", "b": 1}]}), vec![], reserved("...")),
        ("... that is no text", json!({"a": [{"...": 1}]}), vec![], reserved("...")),
        ("another hash", json!({"_sd_alg": "sha-512"}), vec![], Error::HashAlgorithm),
        ("a hash in other letters", json!({"_sd_alg": "SHA-256"}), vec![], Error::HashAlgorithm),
        ("a hash that is no text", json!({"_sd_alg": 256}), vec![], Error::HashAlgorithm),
        ("a nested hash", json!({"a": {"_sd_alg": "sha-256"}}), vec![], reserved("_sd_alg")),
    ] {
        let contents: Vec<_> = contents.into_iter().cloned().collect();
        assert_eq!(outcome(payload, &contents), Err(expected), "{name}");
    }
}

#[test]
fn nesting_through_disclosures_is_bounded() {
    let mut contents = vec![json!(["s", "leaf", 1])];
    for level in 0..300 {
        contents.push(json!([level.to_string(), "next", {"_sd": [format!("D{level}")]}]));
    }
    let payload = json!({"_sd": [format!("D{}", contents.len() - 1)]});
    assert!(matches!(outcome(payload, &contents), Err(Error::AboveBound { .. })));
}

#[test]
fn base64url_that_is_not_canonical_and_repeated_members_are_refused() {
    for text in [r#"["s","name",{"a":1,"a":2}]"#, r#"["s","name",1] x"#, r#"["s","name""#] {
        let disclosure = base64url(text);
        let payload = json!({"_sd": [digest(&disclosure)]});
        assert!(process(payload.as_object().unwrap().clone(), &[&disclosure]).is_err(), "{text}");
    }
    // Trailing bits that are not zero, padding, a line end.
    for disclosure in ["WyJzIiwibiIsMV1", "WyJzIiwibiIsMV0=", "WyJzIiwibiIsMV0\n"] {
        let payload = json!({"_sd": [digest(disclosure)]});
        assert!(process(payload.as_object().unwrap().clone(), &[disclosure]).is_err(), "{disclosure}");
    }
}
