//! `decide` against a policy in Rego, run by an engine of others: `access.rego`, over the same cases as JSON.
//!
//! `HUTONG_POLICY_DECISIONS=100000` for more than the usual few.

use regorus::Engine;
use serde_json::{Value, json};

use super::{Case, naive, naive::Answer};
use crate::domain::{
    agreement::{AgreementState, AgreementVersion, LookupKind},
    catalog::{Resource, SharingClass},
    decide::Usage,
    record::RecordStatus,
    time::{Date, Moment, days_of_date},
};

/// Cases in every run of the tests: some five seconds.
const CASES: u64 = 2_000;

fn state(state: AgreementState) -> String {
    format!("{state:?}").to_uppercase()
}

fn class(class: SharingClass) -> &'static str {
    match class {
        SharingClass::Unconditional => "UNCONDITIONAL",
        SharingClass::Conditional => "CONDITIONAL",
        SharingClass::NotShared => "NOT_SHARED",
    }
}

fn status(status: RecordStatus) -> String {
    format!("{status:?}").to_uppercase()
}

fn day(day: Option<Date>) -> Value {
    day.map(days_of_date).into()
}

fn lookup(kind: LookupKind) -> &'static str {
    kind.as_str()
}

fn strings<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

fn version(version: &AgreementVersion, resource: &Resource) -> Value {
    let text = &version.text;
    let condition = text.condition.as_ref();
    json!({
        "number": text.version,
        "state": state(version.state),
        "accepted": version.accepted,
        "consumer": text.consumer.as_str(),
        "resource": text.resource_id.as_str(),
        "fields": strings(&text.fields),
        "purposes": strings(&text.purposes),
        "matters": strings(&text.matters),
        "lookups": text.lookups.iter().copied().map(lookup).collect::<Vec<_>>(),
        "valid_from": text.valid_from.as_millis(),
        "valid_until": text.valid_until.as_millis(),
        "daily_limit": text.daily_limit,
        "minute_limit": text.minute_limit,
        "batch_limit": text.batch_limit,
        "networks": text.networks.iter().map(naive::network_bits).collect::<Vec<_>>(),
        "condition_fields": condition.map(naive::fields_of).unwrap_or_default(),
        "condition_fits": condition.is_none_or(|condition| naive::fits_all(condition, resource)),
    })
}

fn data(case: &Case) -> Value {
    let newest = case.resources.last().unwrap();
    let classes: serde_json::Map<_, _> =
        newest.fields.iter().map(|field| (field.code.to_string(), class(field.sharing_class).into())).collect();
    let agreement = |(versions, usage): &(Vec<AgreementVersion>, Usage)| {
        let usage = json!({
            "day": usage.day,
            "minute_began": usage.minute_began.as_millis().div_euclid(60_000),
            "minute": usage.minute,
        });
        let id = versions[0].text.agreement_id.to_string();
        let versions: Vec<_> = versions.iter().map(|one| version(one, newest)).collect();
        (id, json!({ "versions": versions, "usage": usage }))
    };
    json!({
        "resources": { newest.resource_id.as_str(): { "classes": classes } },
        "agreements": case.agreements.iter().map(agreement).collect::<serde_json::Map<_, _>>(),
        "max_lookups": 64,
    })
}

fn input(case: &Case) -> Value {
    let query = &case.query;
    let now = case.now.as_millis();
    let found = case.found.iter().enumerate().map(|(position, found)| {
        let resource = &case.resources[found.head.resource_version as usize - 1];
        let meets = case.agreements.iter().flat_map(|(versions, _)| {
            let governing = naive::governing(versions);
            let condition = governing.text.condition.as_ref();
            let meets = condition.is_none_or(|condition| naive::holds(condition, resource, &found.values));
            [(governing.text.agreement_id.to_string(), Value::Bool(meets))]
        });
        // Each replaces the one before it, or none.
        let first = (0..=position).rev().find(|earlier| case.found[*earlier].replaces.is_none()).unwrap();
        json!({
            "status": status(found.head.status),
            "from": day(found.head.validity.from),
            "until": day(found.head.validity.until),
            "published_at": found.head.published_at.as_millis(),
            "fields": strings(resource.fields.iter().map(|field| &field.code)),
            "record_id": resource.record_id_field.as_str(),
            "is_successor": found.replaces.is_some(),
            "meets": meets.collect::<serde_json::Map<_, _>>(),
            "chain": (first..=position).collect::<Vec<_>>(),
        })
    });
    json!({
        "consumer": case.actor.department().as_str(),
        "resource": query.resource_id.as_str(),
        "agreement": query.agreement_id.as_ref().map(ToString::to_string),
        "fields": strings(&query.fields),
        "purpose": query.purpose.as_str(),
        "matter": query.matter.as_str(),
        "lookup": lookup(query.lookup),
        "asked": query.commitments.len(),
        "address": naive::address_bits(case.address),
        "now": now,
        "minute": now.div_euclid(60_000),
        "today": (now + 8 * 3_600_000).div_euclid(86_400_000),
        "compromised_since": case.compromised_since.map(|since| since.as_millis()),
        "found": found.collect::<Vec<_>>(),
    })
}

/// What `decide` says, in the policy's words; a refusal is no answer, for whatever reason.
fn told(answer: Answer) -> Option<Value> {
    let Answer::Permitted((agreement, version), _, records) = answer else { return None };
    let record = |released| match released {
        None => Value::Null,
        Some((of, fields)) => json!({ "status": status(of), "fields": strings(&fields) }),
    };
    let records: Vec<_> = records.into_iter().map(record).collect();
    Some(json!({ "agreement": agreement, "version": version, "records": records }))
}

#[test]
fn decisions_are_those_of_a_policy_in_rego() {
    let cases = std::env::var("HUTONG_POLICY_DECISIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(CASES);
    let mut engine = Engine::new();
    engine.add_policy("access.rego".to_owned(), include_str!("access.rego").to_owned()).unwrap();
    let (mut permitted, mut withheld) = (0, 0);
    for number in 0..cases {
        let case = Case::of(number);
        let decided = told(case.decided(&case.rules(), &Moment::new(case.now)));
        engine.clear_data();
        engine.add_data_json(&data(&case).to_string()).unwrap();
        engine.set_input_json(&input(&case).to_string()).unwrap();
        let said = engine.eval_rule("data.hutong.access.answer".to_owned()).unwrap();
        let said = (said != regorus::Value::Undefined).then(|| serde_json::to_value(&said).unwrap());
        assert_eq!(said, decided, "case {number}: {} at {}", naive::told(&case.query), case.now);
        permitted += u64::from(decided.is_some());
        withheld +=
            u64::from(decided.is_some_and(|answer| answer["records"].as_array().unwrap().contains(&Value::Null)));
    }
    println!("{cases} cases: {permitted} permitted, of them {withheld} with records withheld");
    assert!(permitted > 0 && withheld > 0, "no case says anything");
}
