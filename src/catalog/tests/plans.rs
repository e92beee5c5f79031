//! What files would do to a catalog in force, and whom it touches.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    super::*,
    GOOD, any_text, broken,
    valid::{any_content, in_force},
};
use crate::domain::{
    agreement::{AgreementState, AgreementText, AgreementVersion, LookupKind},
    catalog::{Breaking, SharingClass},
    condition::{Comparison, Condition, Literal, Relation, Test},
    id::{Digest, FieldCode},
    identifier::Uscc,
    time::Time,
};

const TABLE: &str =
    "[[code_table]]\nid = \"types\"\nversion = 1\nname = \"类型\"\ncodes = [{ code = \"1\", name = \"甲\" }]\n";

fn content(text: &str) -> Content {
    parse(text.as_bytes()).unwrap_or_else(|findings| panic!("{findings:?}: {text}"))
}

/// What is in force where [`GOOD`] is, with a code table.
fn good_in_force() -> InForce {
    let mut found = in_force(content(&format!("{TABLE}{GOOD}")));
    let (_, resource) = &found.resources["samr.business-licence"];
    found.departments.insert(resource.provider, "国家市场监督管理总局".to_owned());
    found
}

fn plan_of(text: &str) -> Plan {
    plan(&good_in_force(), content(text)).unwrap()
}

proptest! {
    #[test]
    fn what_is_exported_lints_clean_and_plans_to_no_change(content in any_content(any_text().boxed())) {
        let in_force = in_force(content.clone());
        let tables = in_force.code_tables.values().map(AsRef::as_ref);
        let file = render(tables, in_force.resources.values().map(|(_, resource)| resource.as_ref()));
        prop_assert_eq!(lint(file.as_bytes()), Vec::new());
        let plan = plan(&in_force, parse(file.as_bytes()).unwrap()).unwrap();
        prop_assert!(plan.is_empty() && !plan.is_breaking(), "{plan:?}");
        prop_assert_eq!(plan.content, CatalogPart::default());
    }

    #[test]
    fn what_was_applied_plans_to_no_change(
        content in any_content(any_text().boxed()),
        mut next in any_content(any_text().boxed()),
    ) {
        let before = in_force(content);
        // A version of a code table never changes.
        next.code_tables = before.code_tables.values().map(|table| (**table).clone()).collect();
        for resource in &mut next.resources {
            // Nor does what records are found by.
            let Some((_, old)) = before.resources.get(&resource.resource_id) else { continue };
            for field in &mut resource.fields {
                let identifies = ["ZZBS", "CZZTDM", "OLD"].contains(&field.code.as_str());
                let old = old.field(field.code.as_str()).filter(|_| identifies);
                old.into_iter().for_each(|old| field.field_type = old.field_type.clone());
            }
        }
        let planned = plan(&before, next.clone()).unwrap();
        let mut after = before.clone();
        for (change, resource) in planned.changes.iter().zip(&planned.content.resources) {
            prop_assert_eq!(&change.resource_id, &resource.resource_id);
            after.resources.insert(change.resource_id.clone(), (change.version, Arc::clone(resource)));
        }
        prop_assert!(plan(&after, next).unwrap().is_empty());
    }
}

#[test]
fn everything_that_is_in_the_way_is_told_at_once_in_both_languages() {
    let other_table = TABLE.replace("甲", "乙");
    for (text, said) in [
        (
            format!("{TABLE}{}", broken("13338W", "13661B")),
            vec!["provider 11100000000013661B is not registered", "cannot change"],
        ),
        (broken("record_id = \"ZZBS\"", "record_id = \"CZZTDM\""), vec!["record_id and the type of its field"]),
        (
            broken(
                "holder = \"CZZTDM\"",
                "holder = \"CZZTDM\"\ncopy_of = { resource = \"city.other\", original = \"CZZTDM\" }",
            ),
            vec!["names no resource of originals", "copy_of cannot change"],
        ),
        (other_table, vec!["version 1 is not what is in force under that number, and the next is 2"]),
        (TABLE.replace("version = 1", "version = 3"), vec!["and the next is 2"]),
        (
            broken("codes = [{ code = \"1\", name = \"有限责任公司\" }]", "table = \"divisions\""),
            vec!["field[KZ_LX]: there is no code table divisions"],
        ),
        (
            broken("codes = [{ code = \"1\", name = \"有限责任公司\" }]", "table = \"types\"\ntable_version = 2"),
            vec!["there is no code table types version 2"],
        ),
    ] {
        let found = plan(&good_in_force(), content(&text)).unwrap_err();
        assert_eq!(found.len(), said.len(), "{found:?}");
        for (obstacle, said) in found.iter().zip(said) {
            assert!(obstacle.english().contains(said), "{said}: {}", obstacle.english());
            assert!(!obstacle.chinese().is_ascii(), "{obstacle:?}");
        }
    }
    let twice =
        Content { resources: [content(GOOD).resources, content(GOOD).resources].concat(), ..Content::default() };
    let found = plan(&good_in_force(), twice).unwrap_err();
    assert_eq!(found, [Obstacle::Twice("samr.business-licence".to_owned())]);
}

#[test]
fn a_field_follows_the_newest_version_of_a_table_or_the_one_that_it_names() {
    let newer = TABLE.replace("version = 1", "version = 2").replace("}]", "}, { code = \"2\", name = \"乙\" }]");
    let of = |line: &str| broken("codes = [{ code = \"1\", name = \"有限责任公司\" }]", line);
    for (text, version, added) in [
        (of("table = \"types\""), 1, vec![]),
        (format!("{newer}{}", of("table = \"types\"")), 2, vec![1]),
        (format!("{newer}{}", of("table = \"types\"\ntable_version = 1")), 1, vec![1]),
    ] {
        let planned = plan_of(&text);
        let follows: Vec<u32> = planned.content.resources[0].code_table_refs().map(|own| own.version).collect();
        assert_eq!(follows, [version], "{text}");
        assert!(planned.content.resources[0].code_table_refs().all(|own| own.table.is_some()));
        assert_eq!(planned.code_tables.iter().map(|table| table.added).collect::<Vec<_>>(), added);
    }
    let other = TABLE.replace("version = 1", "version = 2").replace("甲", "乙");
    let [changed] = &plan_of(&other).code_tables[..] else { panic!("one table changes") };
    assert_eq!((changed.version, changed.added, changed.altered, changed.removed.len()), (2, 0, 1, 0));
}

fn agreement(state: AgreementState, accepted: bool, condition: Option<Condition>) -> AgreementVersion {
    let codes = |codes: &[&str]| -> BTreeSet<FieldCode> { codes.iter().map(|code| code.parse().unwrap()).collect() };
    AgreementVersion {
        text: AgreementText {
            hub: "hub.gov.example".parse().unwrap(),
            agreement_id: "housing".parse().unwrap(),
            version: 2,
            previous_digest: None,
            consumer: Uscc::complete("11440399X0000004").unwrap(),
            provider: "11100000000013338W".parse().unwrap(),
            resource_id: "samr.business-licence".parse().unwrap(),
            fields: codes(&["CZZTDM", "ZZYXQJZRQ", "KZ_FDDBR_MASKED"]),
            purposes: BTreeSet::new(),
            matters: BTreeSet::new(),
            lookups: [LookupKind::Holder].into(),
            valid_from: Time::MIN,
            valid_until: Time::MAX,
            daily_limit: 1,
            batch_limit: 1,
            legal_basis: None,
            scenario: None,
            condition,
            minute_limit: None,
            networks: BTreeSet::new(),
            retention_days: None,
            scope: None,
        },
        serialized: Vec::new().into(),
        digest: Digest([0; 32]),
        state,
        suspended_by: None,
        reason: None,
        accepted,
        waiting: None,
        entry_indexes: Vec::new(),
    }
}

/// Only enterprises of a type.
fn of_a_type() -> Condition {
    let test = Test::Is(Relation::Equal, Literal::Text("1".to_owned()));
    Condition::Comparison(Comparison { field: "KZ_LX".parse().unwrap(), test })
}

#[test]
fn agreements_are_touched_by_what_they_lose_and_by_nothing_else() {
    let unconditional = || {
        let mut found = good_in_force();
        let (_, resource) = found.resources.get_mut("samr.business-licence").unwrap();
        let open = Arc::make_mut(resource);
        open.sharing_class = SharingClass::Unconditional;
        open.fields
            .iter_mut()
            .for_each(|field| field.sharing_class = field.sharing_class.min(SharingClass::Unconditional));
        found
    };
    let open = GOOD.replace("\"CONDITIONAL\"", "\"UNCONDITIONAL\"").replace("\"NOT_SHARED\"", "\"UNCONDITIONAL\"");
    let date = "name = \"有效期\"\ntype = \"DATE\"";
    let codes = "name = \"类型\"\ntype = \"CODE\"\ncodes = [{ code = \"1\", name = \"有限责任公司\" }]";
    let not_valid = |text: &str| text.replace("valid_until = \"ZZYXQJZRQ\"\n", "");
    let gone = not_valid(&open).replace(&format!("[[resource.field]]\ncode = \"ZZYXQJZRQ\"\n{date}\n"), "");
    let class = |of: &str, class: &str| open.replace(of, &format!("{of}\nsharing_class = \"{class}\""));
    let texts = open.replace("type = \"CODE\"\ncodes = [{ code = \"1\", name = \"有限责任公司\" }]", "type = \"DATE\"");
    let (lost, rests, unfit) = (&["lost ZZYXQJZRQ"][..], &["rests ZZYXQJZRQ"][..], &["unfit KZ_LX"][..]);
    for (name, text, expected) in [
        ("nothing", open.clone(), &[][..]),
        ("a summary", open.replace("update_cycle", "summary = \"新\"\nupdate_cycle"), &[]),
        ("a field gone", gone, lost),
        ("a field no longer shared", class(date, "NOT_SHARED"), lost),
        ("a field to accept", class(date, "CONDITIONAL"), rests),
        ("a compared field to accept", class(codes, "CONDITIONAL"), &["rests KZ_LX"]),
        ("a compared field no longer shared", class(codes, "NOT_SHARED"), unfit),
        ("a compared field of another type", texts, unfit),
    ] {
        let planned = plan(&unconditional(), content(&text)).unwrap();
        let told = |version: AgreementVersion| {
            let found = agreement_impacts(&unconditional(), &planned, &[version]);
            let lines = found.into_iter().flat_map(|impact| {
                let lost = impact.lost.into_iter().map(|code| format!("lost {code}"));
                let rests = impact.unaccepted.into_iter().map(|code| format!("rests {code}"));
                lost.chain(rests).chain(impact.condition.map(|code| format!("unfit {code}"))).collect::<Vec<_>>()
            });
            lines.collect::<Vec<_>>()
        };
        for state in [AgreementState::Proposed, AgreementState::Active, AgreementState::Suspended] {
            assert_eq!(told(agreement(state, false, Some(of_a_type()))), expected, "{name}, {state:?}");
        }
        assert_eq!(told(agreement(AgreementState::Terminated, false, Some(of_a_type()))), [""; 0], "{name}");
        // What the provider has accepted goes on with CONDITIONAL fields.
        let of_accepted = told(agreement(AgreementState::Active, true, None));
        assert_eq!(of_accepted, if expected == lost { lost } else { &[] }, "{name}");
    }
}

#[test]
fn records_are_told_by_version_and_by_what_narrows_their_values() {
    let planned =
        plan_of(&broken("name = \"类型\"\ntype = \"CODE\"", "name = \"类型\"\nrequired = true\ntype = \"CODE\""));
    let (_, newest) = good_in_force().resources.remove("samr.business-licence").unwrap();
    let mut older = Resource::clone(&newest);
    older.fields.iter_mut().for_each(|field| field.required = true);
    let published = [
        Published { resource: Arc::new(older), version: 1, records: 7 },
        Published { resource: newest, version: 2, records: 1_000 },
    ];
    let told: Vec<_> = record_impacts(&planned, &published)
        .into_iter()
        .map(|impact| {
            let kinds: Vec<Breaking> = impact.narrowed.iter().map(|change| change.breaking).collect();
            (impact.resource_version, impact.records, kinds)
        })
        .collect();
    assert_eq!(told, [(1, 7, vec![]), (2, 1_000, vec![Breaking::FieldRequired])]);
}
