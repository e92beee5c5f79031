#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::json;

use super::*;
use crate::domain::catalog::{CodeValue, Metadata, ResourceKind, UpdateCycle};

fn resource() -> Resource {
    let field = |code: &str, field_type, sharing_class, sensitive| Field {
        code: code.parse().unwrap(),
        name: code.to_owned(),
        name_en: String::new(),
        field_type,
        required: false,
        repeated: false,
        sharing_class,
        sensitive,
        open_to_society: false,
        derivation: None,
        value_range: String::new(),
    };
    let open = SharingClass::Unconditional;
    let text = || FieldType::Text { max_length: 20 };
    let code = |code: &str| CodeValue { code: code.to_owned(), name: code.to_owned() };
    Resource {
        resource_id: "samr.business-licence".parse().unwrap(),
        name: "营业执照".to_owned(),
        name_en: String::new(),
        provider: "11330105002500287C".parse().unwrap(),
        kind: ResourceKind::Licence,
        national_code: String::new(),
        summary: String::new(),
        sharing_class: open,
        sharing_condition: String::new(),
        denial_basis: "x".to_owned(),
        update_cycle: UpdateCycle::Daily,
        metadata: Metadata::default(),
        fields: vec![
            field("ZZBS", FieldType::LicenceId, open, false),
            field("CZZTDM", FieldType::Uscc, open, false),
            field("NAME", text(), open, true),
            field("TOWN", text(), open, false),
            field("KIND", FieldType::Code(vec![code("1"), code("12"), code("2")]), open, false),
            field("COUNT", FieldType::Integer, open, false),
            field("CAPITAL", FieldType::Decimal, SharingClass::Conditional, false),
            field("SINCE", FieldType::Date, open, false),
            field("SEEN", FieldType::DateTime, open, false),
            field("LISTED", FieldType::Boolean, open, false),
            field("PERSON", FieldType::CitizenId, SharingClass::NotShared, false),
            Field { repeated: true, ..field("OWNERS", FieldType::HolderCode, open, false) },
            Field { repeated: true, ..field("TAGS", text(), open, false) },
        ],
        record_id_field: "ZZBS".parse().unwrap(),
        holder_field: "CZZTDM".parse().unwrap(),
        holder_type_field: None,
        replaces_field: None,
        copy_of: None,
        valid_from_field: None,
        valid_until_field: None,
    }
}

fn comparison(field: &str, test: Test) -> Condition {
    Condition::Comparison(Comparison { field: field.parse().unwrap(), test })
}

fn is(field: &str, relation: Relation, literal: Literal) -> Condition {
    comparison(field, Test::Is(relation, literal))
}

fn text(text: &str) -> Literal {
    Literal::Text(text.to_owned())
}

fn starts(field: &str, prefix: &str) -> Condition {
    comparison(field, Test::StartsWith(prefix.to_owned()))
}

fn values(fields: serde_json::Value) -> Vec<(String, Value)> {
    fields.as_object().unwrap().clone().into_iter().collect()
}

#[test]
fn a_comparison_holds_by_the_type_of_its_field() {
    use Relation::{AtLeast, AtMost, Equal, Greater, Less, NotEqual};
    let one_of = |field: &str, codes: &[&str]| comparison(field, Test::OneOf(codes.iter().map(|c| text(c)).collect()));
    let table = [
        (is("TOWN", Equal, text("南山")), json!({"TOWN": "南山"}), true),
        (is("TOWN", Equal, text("南山")), json!({"TOWN": "南山区"}), false),
        (is("TOWN", NotEqual, text("南山")), json!({"TOWN": "福田"}), true),
        (is("TOWN", NotEqual, text("南山")), json!({"TOWN": null}), false),
        (is("TOWN", NotEqual, text("南山")), json!({}), false),
        (starts("KIND", "1"), json!({"KIND": "12"}), true),
        (starts("KIND", "1"), json!({"KIND": "2"}), false),
        (one_of("KIND", &["1", "2"]), json!({"KIND": "2"}), true),
        (one_of("KIND", &["1", "2"]), json!({"KIND": "12"}), false),
        (is("COUNT", Less, Literal::Integer(10)), json!({"COUNT": 9}), true),
        (is("COUNT", AtMost, Literal::Integer(10)), json!({"COUNT": 10}), true),
        (is("COUNT", Greater, Literal::Integer(-3)), json!({"COUNT": -3}), false),
        (is("CAPITAL", Equal, text("1200.5")), json!({"CAPITAL": "1200.50"}), true),
        (is("CAPITAL", Greater, text("999")), json!({"CAPITAL": "1000.00"}), true),
        (is("CAPITAL", Less, text("999")), json!({"CAPITAL": "1000.00"}), false),
        (is("SINCE", AtLeast, text("2020-01-01")), json!({"SINCE": "2020-01-01"}), true),
        (is("SINCE", Less, text("2020-01-01")), json!({"SINCE": "2019-12-31"}), true),
        (is("SEEN", Equal, text("2026-01-01T00:00:00Z")), json!({"SEEN": "2026-01-01T08:00:00+08:00"}), true),
        (is("LISTED", Equal, Literal::Boolean(true)), json!({"LISTED": true}), true),
        (is("LISTED", NotEqual, Literal::Boolean(true)), json!({"LISTED": true}), false),
        (comparison("TOWN", Test::Empty), json!({"TOWN": null}), true),
        (comparison("TOWN", Test::Empty), json!({"TOWN": "南山"}), false),
        (comparison("TOWN", Test::NotEmpty), json!({"TOWN": "南山"}), true),
        (comparison("TOWN", Test::NotEmpty), json!({"TOWN": null}), false),
        // Of a list one value is enough.
        (is("TAGS", Equal, text("b")), json!({"TAGS": ["a", "b"]}), true),
        (is("TAGS", Equal, text("c")), json!({"TAGS": ["a", "b"]}), false),
        (starts("OWNERS", "914403"), json!({"OWNERS": ["11100000000013338W", "91440300708461136T"]}), true),
        (comparison("TAGS", Test::Empty), json!({"TAGS": []}), true),
        (comparison("TAGS", Test::NotEmpty), json!({"TAGS": ["a"]}), true),
        // A value that is not of its field's type stands in no relation to anything.
        (is("COUNT", NotEqual, Literal::Integer(1)), json!({"COUNT": "2"}), false),
        // A field that the record's own version of the resource does not have holds nothing, not even that it is empty.
        (comparison("GONE", Test::Empty), json!({}), false),
    ];
    for (condition, fields, holds) in table {
        assert_eq!(condition.holds(&resource(), &values(fields.clone())), holds, "{condition} of {fields}");
    }
}

#[test]
fn all_and_any_join_what_they_hold() {
    let town = || is("TOWN", Relation::Equal, text("南山"));
    let kind = || starts("KIND", "1");
    for (town_holds, kind_holds) in [(false, false), (false, true), (true, false), (true, true)] {
        let record = values(json!({
            "TOWN": if town_holds { "南山" } else { "福田" },
            "KIND": if kind_holds { "1" } else { "2" },
        }));
        assert_eq!(Condition::All(vec![town(), kind()]).holds(&resource(), &record), town_holds && kind_holds);
        assert_eq!(Condition::Any(vec![town(), kind()]).holds(&resource(), &record), town_holds || kind_holds);
    }
}

#[test]
fn a_condition_fits_its_resource_or_says_where_not() {
    let fits = [
        is("COUNT", Relation::Less, Literal::Integer(3)),
        is("KIND", Relation::Equal, text("12")),
        starts("CZZTDM", "91440300"),
        starts("PERSON", "440300"),
        starts("ZZBS", "1.2.156.3005.2.11100000000013338W011.11430000006122244L."),
        starts("NAME", "示例"),
        comparison("PERSON", Test::NotEmpty),
    ];
    for condition in fits {
        assert_eq!(condition.misfit(&resource()), None, "{condition}");
    }
    let misfits = [
        (is("GHOST", Relation::Equal, text("1")), "condition GHOST: the resource has no such field"),
        (is("KIND", Relation::Equal, text("3")), "condition KIND: a literal is no value of this field"),
        (is("COUNT", Relation::Equal, text("3")), "condition COUNT: a literal is no value of this field"),
        (is("SINCE", Relation::Less, text("2020-13-01")), "condition SINCE: a literal is no value of this field"),
        (is("TOWN", Relation::Less, text("a")), "condition TOWN: values of a field of this type have no order"),
        (is("LISTED", Relation::AtLeast, Literal::Boolean(true)), "have no order"),
        (
            is("TAGS", Relation::NotEqual, text("a")),
            "condition TAGS: NOT_EQUAL is not for a field whose value is a list",
        ),
        (is("OWNERS", Relation::Equal, text("91440300708461136T")), "condition OWNERS: identifies"),
        (starts("SINCE", "2020"), "condition SINCE: STARTS_WITH is not for a field of this type"),
        (starts("CZZTDM", "914403001"), "could name a holder"),
        (starts("PERSON", "440300199"), "could name a holder"),
        (is("CZZTDM", Relation::Equal, text("91350100M000100Y43")), "condition CZZTDM: identifies"),
        (is("PERSON", Relation::NotEqual, text("11010519491231002X")), "condition PERSON: identifies"),
        (comparison("NAME", Test::OneOf([text("张三")].into())), "condition NAME: identifies"),
    ];
    for (condition, said) in misfits {
        let misfit = condition.misfit(&resource()).map(|misfit| misfit.to_string()).unwrap_or_default();
        assert!(misfit.contains(said), "{condition}: {misfit}");
        assert!(!condition.holds(&resource(), &values(json!({}))), "what does not fit never holds: {condition}");
    }
}

#[test]
fn the_first_part_at_fault_is_named_wherever_it_stands() {
    let deep = Condition::All(vec![
        comparison("TOWN", Test::Empty),
        Condition::Any(vec![comparison("PERSON", Test::Empty), comparison("GHOST", Test::Empty)]),
    ]);
    assert_eq!(deep.misfit(&resource()).unwrap().field.as_str(), "GHOST");
    assert_eq!(deep.not_shared_field(&resource()).unwrap().as_str(), "PERSON");
    assert_eq!(deep.field_of_class(&resource(), SharingClass::Conditional), None);
}

#[test]
fn a_condition_keeps_the_bounds_of_its_form() {
    let empty = || comparison("TOWN", Test::Empty);
    let nested = |depth: usize| (1..depth).fold(empty(), |inner, _| Condition::All(vec![inner]));
    let literals = |count: usize| comparison("TOWN", Test::OneOf((0..count).map(|n| text(&n.to_string())).collect()));
    let long = |chars: usize| starts("TOWN", &"区".repeat(chars));
    for good in [nested(MAX_DEPTH), Condition::Any(vec![empty(); 32]), literals(MAX_LITERALS), long(128)] {
        assert_eq!(good.malformation(), None);
    }
    for (bad, said) in [
        (nested(MAX_DEPTH + 1), "nested deeper than 4"),
        (Condition::Any(vec![empty(); 33]), "has 33 comparisons, allowed are 32"),
        (literals(65), "has 65 literals, allowed are 64"),
        (long(129), "a literal of 129 characters, allowed are 128"),
        (Condition::All(Vec::new()), "is empty"),
        (Condition::All(vec![empty(), Condition::Any(Vec::new())]), "is empty"),
        (literals(0), "is empty"),
        (long(0), "is empty"),
    ] {
        let found = bad.malformation().unwrap_or_default();
        assert!(found.contains(said), "{found}, not {said}");
    }
}

#[test]
fn a_condition_reads_in_both_languages() {
    let condition = Condition::All(vec![
        is("SINCE", Relation::AtLeast, text("2020-01-01")),
        Condition::Any(vec![
            comparison("KIND", Test::OneOf([text("1"), text("2")].into())),
            comparison("KIND", Test::Empty),
        ]),
        starts("CZZTDM", "914403"),
        is("COUNT", Relation::NotEqual, Literal::Integer(0)),
    ]);
    assert_eq!(
        condition.to_string(),
        "SINCE >= \"2020-01-01\" and (KIND one of {\"1\", \"2\"} or KIND is empty) and CZZTDM starts with \"914403\" \
         and COUNT != 0"
    );
    assert_eq!(
        condition.in_chinese().to_string(),
        "SINCE 不小于 \"2020-01-01\" 且 (KIND 属于 {\"1\"、\"2\"} 或 KIND 为空) 且 CZZTDM 以 \"914403\" 开头 \
         且 COUNT 不等于 0"
    );
}
