use serde_json::{Value, json};

use super::*;
use crate::{
    catalog,
    domain::{
        catalog::{FieldType, MAX_VALUES, Resource},
        condition::{Comparison, Literal, Relation, Test},
        value::warnings,
    },
};

/// A resource with a field of every type.
const CATALOG: &str = include_str!("../../tests/vectors/schema/catalog.toml");

const LICENCE_ID: &str = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U";

fn resource() -> Resource {
    catalog::parse(CATALOG.as_bytes()).unwrap().resources.remove(0)
}

fn record() -> Vec<(String, Value)> {
    [
        ("ID", json!(LICENCE_ID)),
        ("HOLDER", json!(["91440300708461136T", "11010519491231002X"])),
        ("HOLDER_TYPE", json!(["001", "111"])),
        ("TEXT", json!("一二三四")),
        ("INTEGER", json!(-9_007_199_254_740_991_i64)),
        ("DECIMAL", json!("-1200.50")),
        ("DATE", json!("2024-02-29")),
        ("DATE_TIME", json!("2026-01-05T08:00:00+08:00")),
        ("BOOLEAN", json!(false)),
        ("USCC", json!("11100000000013338W")),
        ("CITIZEN_ID", json!("440524188001010014")),
        ("DIVISION", json!("340100")),
        ("CODE", json!("2")),
    ]
    .map(|(code, value)| (code.to_owned(), value))
    .to_vec()
}

fn schema() -> Schema {
    Schema::compile(&resource(), 3).unwrap()
}

/// What is found in a record with one value replaced.
fn found(code: &str, value: Value) -> Vec<(RecordViolation, Option<String>, String)> {
    let mut record = record();
    record.iter_mut().find(|(own, _)| own == code).unwrap().1 = value;
    let found = schema().check(&record).into_iter();
    found.map(|found| (found.violation, found.field, found.description)).collect()
}

#[test]
fn a_record_in_order_passes_with_empty_fields_null() {
    assert_eq!(schema().check(&record()), []);
    for code in resource().fields.iter().filter(|field| !field.required).map(|field| field.code.as_str()) {
        assert_eq!(found(code, Value::Null), [], "{code}");
    }
}

/// The rules of the field's standards that have a vector, each by its name: `tests/vectors/schema/values.json`, which
/// `tests/interop/verify_schema_jsonschema.py` holds against a validator of others.
#[test]
fn values_are_taken_refused_and_warned_of_as_the_standards_vectors_say() {
    let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/schema/values.json")).unwrap();
    let publisher = vectors["publisher"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        vectors["record"],
        Value::Object(record().into_iter().collect()),
        "the record of the vectors is another"
    );
    for case in vectors["cases"].as_array().unwrap() {
        let (rule, code, value) = (&case["rule"], case["field"].as_str().unwrap(), &case["value"]);
        let found = found(code, value.clone());
        assert_eq!(found.is_empty(), case["accepted"].as_bool().unwrap(), "{rule}: {found:?}");
        let alone = [(code.to_owned(), value.clone())];
        let warned = warnings(&resource(), &alone, &publisher).into_iter().map(|(field, warning)| {
            assert_eq!(field, code);
            json!(warning.code())
        });
        let warned = if found.is_empty() { warned.collect() } else { Value::Array(Vec::new()) };
        assert_eq!(warned, case["warnings"], "{rule}");
    }
}

#[test]
fn a_value_at_fault_is_named_once_with_what_is_allowed() {
    use RecordViolation::{CheckCharacter, Required, Type};
    let long = vec![json!("91440300708461136T"); MAX_VALUES + 1];
    let table = [
        ("ID", Value::Null, Required, "is required, but empty"),
        ("ID", json!(LICENCE_ID.replace(".U", ".V")), CheckCharacter, "check character"),
        (
            "ID",
            json!(LICENCE_ID.strip_prefix("1.2.156.3005.2.").unwrap()),
            Type,
            "is not a licence id in canonical form",
        ),
        ("HOLDER", json!("91440300708461136T"), Type, "is a string, not a list"),
        ("HOLDER", json!([]), Type, "is an empty list; an empty value is null"),
        ("HOLDER", json!(long), Type, "has 33 values, allowed are 32"),
        ("HOLDER", json!(["91440300708461136T", "e 1"]), Type, "value 2 is not an identifier of 1 to 40 characters"),
        ("HOLDER", json!([null]), Type, "value 1 is empty, not a string"),
        ("HOLDER_TYPE", json!(["001", "7"]), Type, "value 2 is not one of the codes 001, 111, 414"),
        ("TEXT", json!("一二三四五"), Type, "has 5 characters, allowed are 4"),
        ("TEXT", json!(""), Type, "is an empty string; an empty value is null"),
        ("TEXT", json!(1), Type, "is a number, not a string"),
        ("TEXT", json!(["一"]), Type, "is a list, not a string"),
        ("INTEGER", json!("1"), Type, "is a string, not a whole number"),
        ("INTEGER", json!(1.5), Type, "is a number, not a whole number"),
        ("INTEGER", json!(9_007_199_254_740_992_i64), Type, "is not a whole number from -(2^53-1) to 2^53-1"),
        ("DECIMAL", json!("1e5"), Type, "is not a decimal number such as 1200.50"),
        ("DECIMAL", json!(".5"), Type, "is not a decimal number such as 1200.50"),
        ("DATE", json!("2026-02-29"), Type, "is not a date YYYY-MM-DD"),
        ("DATE", json!("2026-2-1"), Type, "is not a date YYYY-MM-DD"),
        ("DATE_TIME", json!("2026-01-05 08:00:00"), Type, "is not a date and time"),
        ("DATE_TIME", json!("2026-01-05T08:00:00"), Type, "is not a date and time"),
        ("DATE_TIME", json!("2026-13-05T08:00:00Z"), Type, "is not a date and time"),
        ("BOOLEAN", json!("true"), Type, "is a string, not true or false"),
        ("USCC", json!("11100000000013338A"), CheckCharacter, "check character 18 does not fit"),
        ("USCC", json!("1110000000001333"), Type, "has 16 characters, expected 18"),
        ("CITIZEN_ID", json!("440524188001010015"), CheckCharacter, "check character 18 does not fit"),
        ("CITIZEN_ID", json!("990524188001010014"), Type, "characters 1 to 2 are not a province code"),
        ("CITIZEN_ID", json!("440524188013010014"), Type, "characters 7 to 14 are not a date"),
        ("DIVISION", json!("990000"), Type, "characters 1 to 2 are not a province code"),
        ("DIVISION", json!("34"), Type, "has 2 characters, expected 6"),
        ("CODE", json!("3"), Type, "is not one of the codes 1, 2"),
    ];
    for (code, value, violation, said) in table {
        let found = found(code, value.clone());
        let [(found, field, description)] = found.as_slice() else { panic!("{code} {value}: {found:?}") };
        assert_eq!((*found, field.as_deref()), (violation, Some(code)), "{value}");
        assert!(description.contains(said), "{code} {value}: {description}");
    }
}

#[test]
fn all_that_is_wrong_comes_at_once_in_the_order_of_the_catalog() {
    let mut record = record();
    record.retain(|(code, _)| code != "TEXT");
    record[0].1 = Value::Null;
    record[4].1 = json!("2026/1/1");
    record.push(("KZ_EXTRA".to_owned(), json!(1)));
    let found = schema().check(&record);
    let found: Vec<_> = found.iter().map(|found| (found.violation, found.field.as_deref().unwrap())).collect();
    use RecordViolation::{FieldSet, Required, Type};
    assert_eq!(found, [(FieldSet, "KZ_EXTRA"), (Required, "ID"), (FieldSet, "TEXT"), (Type, "DECIMAL")]);
}

#[test]
fn the_document_is_a_schema_of_its_dialect_and_says_what_the_catalog_says() {
    let document = document(&resource(), 3);
    assert!(jsonschema::meta::is_valid(&document));
    assert_eq!(document["$id"], "urn:hutong:city.everything:3");
    assert_eq!(document["additionalProperties"], false);
    assert_eq!(document["required"].as_array().unwrap().len(), resource().fields.len());
    let properties = &document["properties"];
    assert_eq!(
        properties["CODE"],
        json!({ "title": "代码", "enum": ["1", "2", null], "x-names": { "1": "一", "2": "二" } })
    );
    let date = json!({
        "title": "日期", "type": ["string", "null"], "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
    });
    assert_eq!(properties["DATE"], date);
    assert_eq!(properties["HOLDER"]["type"], "array");
    assert_eq!(properties["HOLDER"]["items"]["type"], "string");
}

#[test]
fn a_validator_that_knows_no_format_of_ours_still_checks_patterns() {
    let plain = jsonschema::options().should_ignore_unknown_formats(true).build(&document(&resource(), 3)).unwrap();
    let object = |record: Vec<(String, Value)>| Value::Object(record.into_iter().collect());
    assert!(plain.is_valid(&object(record())));
    for field in resource().fields {
        let is_identifier = !matches!(
            field.field_type,
            FieldType::Text { .. } | FieldType::Integer | FieldType::Boolean | FieldType::Code(_)
        );
        let mut faulty = record();
        let value = if field.repeated { json!(["a b"]) } else { json!("a b") };
        faulty.iter_mut().find(|(code, _)| code == field.code.as_str()).unwrap().1 = value;
        assert!(!is_identifier || !plain.is_valid(&object(faulty)), "{}", field.code);
    }
}

#[test]
fn a_schema_is_compiled_once_for_a_version() {
    let schemas = Schemas::default();
    let (first, second) = (Arc::new(resource()), Arc::new(resource()));
    let compiled = schemas.of(&first, 1).unwrap();
    assert!(Arc::ptr_eq(&compiled, &schemas.of(&first, 1).unwrap()));
    assert!(!Arc::ptr_eq(&compiled, &schemas.of(&second, 2).unwrap()));
}

#[test]
fn a_row_condition_compares_a_field_with_what_its_records_may_hold_and_with_nothing_else() {
    let long = |digits| "9".repeat(digits);
    let texts = [
        "a",
        "abcd",
        "abcde",
        "1",
        "2",
        "3",
        "-1.50",
        "1.",
        ".5",
        "+1",
        "1e3",
        &long(40),
        &long(41),
        "2026-01-05",
        "2026-1-5",
        "2026-02-30",
        "2026-01-05T08:00:00+08:00",
        "2026-01-05T08:00:00-04:30",
        "2026-01-05 08:00:00+08:00",
        "2026-01-05t08:00:00z",
        "2026-01-05T08:00:00",
        "2026-01-05T08:00Z",
        "2026-01-05T08:00:00+08",
        "2026-01-05T08:00:00.Z",
        "2026-01-05T08:00:00.123456789Z",
        "2026-01-05T08:00:00.1234567890Z",
        "2026-01-05T25:00:00Z",
        "440305",
        "990000",
        "91440300708461136T",
        "91440300708461136A",
    ];
    let literals = texts.iter().map(|text| Literal::Text((*text).to_owned()));
    let integers = [0, 1, (1 << 53) - 1, 1 << 53, -(1 << 53)].map(Literal::Integer);
    let literals: Vec<_> = literals.chain(integers).chain([true, false].map(Literal::Boolean)).collect();
    let resource = resource();
    let comparable = ["TEXT", "INTEGER", "DECIMAL", "DATE", "DATE_TIME", "BOOLEAN", "USCC", "DIVISION", "CODE"];
    for code in comparable {
        let mut fitting = 0;
        for literal in &literals {
            let test = Test::Is(Relation::Equal, literal.clone());
            let fits = Comparison { field: code.parse().unwrap(), test }.misfit(&resource).is_none();
            let value = match literal {
                Literal::Text(text) => json!(text),
                Literal::Integer(integer) => json!(integer),
                Literal::Boolean(boolean) => json!(boolean),
            };
            assert_eq!(fits, found(code, value).is_empty(), "{code} {literal}");
            fitting += u32::from(fits);
        }
        assert!(fitting > 0, "nothing fits {code}");
    }
}
