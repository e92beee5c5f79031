//! What holds for every record and every input.

use hutong::sign::commitment::Scheme;
use hutong::sign::dsse::Envelope;
use hutong::sign::sd_jwt::{Expected, SdJwt, check_complete, issue, process, verify};
use hutong::sign::{SigningKey, VerifyingKey};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{claims, key, record, salts};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[a-z]{1,4}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// Everything that reads what others wrote; it may refuse and must not panic.
fn read_everything(text: &str) {
    let key = key();
    let _ = verify(text, key.verifying_key(), &Expected::default());
    if let Ok(sd_jwt) = SdJwt::parse(text) {
        let _ = (sd_jwt.kid(), sd_jwt.claims_unverified(), sd_jwt.select(&["name"]), check_complete(&sd_jwt));
    }
    let _ = Envelope::from_json(text);
    let _ = (VerifyingKey::from_jwk(text), SigningKey::from_jwk(text));
    for scheme in Scheme::ALL {
        if let Ok(form) = scheme.canonical_form(text) {
            assert_eq!(scheme.canonical_form(&form).as_ref(), Ok(&form));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_selection_verifies_and_yields_exactly_its_fields(
        fields in btree_map("[A-Za-z_项]{1,12}", (value(), any::<bool>()), 0..12)
    ) {
        let all: Vec<_> = fields.iter().map(|(name, (value, _))| (name.clone(), value.clone())).collect();
        let Ok(record) = issue(&key(), &salts(all.len()), &claims(), &all) else {
            // The few names that claims have.
            return Ok(());
        };
        let chosen: Vec<_> = fields.iter().filter(|(_, (_, chosen))| *chosen).collect();
        let names: Vec<_> = chosen.iter().map(|(name, _)| name.as_str()).collect();
        let presentation = SdJwt::parse(&record).unwrap().select(&names).unwrap();
        let verified = verify(&presentation, key().verifying_key(), &Expected::default()).unwrap();
        prop_assert!(verified.fields.iter().eq(chosen.iter().map(|(name, (value, _))| (*name, value))));
        prop_assert_eq!(verified.claims, claims());
        prop_assert_eq!(check_complete(&SdJwt::parse(&record).unwrap()).unwrap(), []);
    }

    #[test]
    fn any_byte_changed_is_an_error(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = record().into_bytes();
        let position = position.index(bytes.len());
        prop_assume!(bytes[position] != byte);
        bytes[position] = byte;
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert!(verify(&text, key().verifying_key(), &Expected::default()).is_err());
        }
    }

    #[test]
    fn nothing_panics_on_text(text in any::<String>()) {
        read_everything(&text);
    }

    #[test]
    fn nothing_panics_on_text_of_about_the_right_shape(text in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,3}(~[A-Za-z0-9_=-]{0,40}){0,4}~?") {
        read_everything(&text);
    }

    #[test]
    fn nothing_panics_on_a_record_cut_and_joined(from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()) {
        let record = record();
        let (from, to) = (from.index(record.len()), to.index(record.len()));
        read_everything(&format!("{}{}", &record[..from], &record[to..]));
    }

    #[test]
    fn nothing_panics_on_any_payload(value in value(), disclosures in vec("[A-Za-z0-9_-]{0,24}", 0..4)) {
        let payload = json!({"a": value, "_sd": disclosures});
        let texts: Vec<_> = disclosures.iter().map(String::as_str).collect();
        let _ = process(payload.as_object().unwrap().clone(), &texts);
    }
}

#[test]
fn every_single_bit_of_a_record_counts() {
    let record = record();
    for position in 0..record.len() {
        for bit in 0..7 {
            let mut bytes = record.clone().into_bytes();
            bytes[position] ^= 1 << bit;
            let text = String::from_utf8(bytes).unwrap();
            assert!(verify(&text, key().verifying_key(), &Expected::default()).is_err(), "byte {position}, bit {bit}");
        }
    }
}
