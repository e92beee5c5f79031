//! The decision as the documents tell it, written a second time and naively: by scanning lists and comparing numbers, with nothing
//! of `decide` but its data types.

use std::net::IpAddr;

use serde_json::Value;

use super::Case;
use crate::domain::{
    agreement::{AgreementState, AgreementText, AgreementVersion},
    catalog::{Field, FieldType, Resource, SharingClass},
    condition::{Comparison, Condition, Literal, Relation, Test},
    decide::Usage,
    id::FieldCode,
    outcome::RefusalReason as Reason,
    record::{RecordHead, RecordStatus},
    statement::Query,
};

/// What becomes of a query, as far as it is compared.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Under which agreement and version, whether the address was looked at, and what of each record: `None` is withheld.
    Permitted((String, u32), bool, Vec<Option<(RecordStatus, Vec<FieldCode>)>>),
    /// Why, by which agreement and version, whether the address was looked at.
    Refused(Reason, Option<(String, u32)>, bool),
}

pub(super) fn answer(case: &Case) -> Answer {
    let Case { query, .. } = case;
    let Some(resource) = case.resources.last().filter(|resource| resource.resource_id == query.resource_id) else {
        return Answer::Refused(Reason::ResourceUnknown, None, false);
    };
    for code in &query.fields {
        match field(resource, code.as_str()) {
            None => return Answer::Refused(Reason::FieldUnknown, None, false),
            Some(field) if field.sharing_class == SharingClass::NotShared => {
                return Answer::Refused(Reason::FieldNotShared, None, false);
            }
            Some(_) => {}
        }
    }
    if query.commitments.len() > 64 {
        return Answer::Refused(Reason::BatchLimitExceeded, None, false);
    }
    let mut looked = false;
    let mut best: Option<(usize, Reason, (String, u32))> = None;
    for (versions, usage) in &case.agreements {
        let in_force = |version: &&AgreementVersion| {
            version.state == AgreementState::Active || version.state == AgreementState::Suspended
        };
        let version = versions.iter().rfind(in_force).unwrap_or(&versions[versions.len() - 1]);
        let text = &version.text;
        if text.consumer != *case.actor.department()
            || text.resource_id != query.resource_id
            || query.agreement_id.as_ref().is_some_and(|id| *id != text.agreement_id)
        {
            continue;
        }
        let name = (text.agreement_id.to_string(), text.version);
        let terms = terms(case, version, resource, usage);
        let unmet = terms.iter().position(|(is_met, _)| !is_met);
        // The networks are the thirteenth: whoever gets so far shows its address.
        looked |= !text.networks.is_empty() && unmet.is_none_or(|first| first >= 12);
        match unmet {
            None => return Answer::Permitted(name, looked, release(case, text)),
            Some(first) if best.as_ref().is_none_or(|(met, ..)| first > *met) => {
                best = Some((first, terms[first].1, name));
            }
            Some(_) => {}
        }
    }
    match best {
        Some((_, reason, name)) => Answer::Refused(reason, Some(name), looked),
        None => Answer::Refused(Reason::NoAgreement, None, looked),
    }
}

fn field<'a>(resource: &'a Resource, code: &str) -> Option<&'a Field> {
    resource.fields.iter().find(|field| field.code.as_str() == code)
}

/// The terms of an agreement in their order, whether each is met, and the reason where it is not.
fn terms(case: &Case, version: &AgreementVersion, resource: &Resource, usage: &Usage) -> Vec<(bool, Reason)> {
    let Case { query, now, .. } = case;
    let text = &version.text;
    let asked = query.commitments.len() as u64;
    let now = now.as_millis();
    let looked_at: Vec<&Comparison> = text.condition.iter().flat_map(flat).collect();
    let of_class =
        |code: &FieldCode, class| field(resource, code.as_str()).is_some_and(|field| field.sharing_class == class);
    let is_conditional = |code: &FieldCode| of_class(code, SharingClass::Conditional);
    let needs_acceptance =
        text.fields.iter().any(is_conditional) || looked_at.iter().any(|comparison| is_conditional(&comparison.field));
    let in_minute =
        if usage.minute_began.as_millis().div_euclid(60_000) == now.div_euclid(60_000) { usage.minute } else { 0 };
    vec![
        (version.state != AgreementState::Terminated, Reason::AgreementTerminated),
        (
            [AgreementState::Active, AgreementState::Suspended, AgreementState::Terminated].contains(&version.state),
            Reason::AgreementNotActivated,
        ),
        (now < text.valid_until.as_millis(), Reason::AgreementExpired),
        (now >= text.valid_from.as_millis(), Reason::AgreementNotYetValid),
        (version.state != AgreementState::Suspended, Reason::AgreementSuspended),
        (version.accepted || !needs_acceptance, Reason::AcceptanceMissing),
        (
            looked_at
                .iter()
                .all(|comparison| fits(resource, comparison) && !of_class(&comparison.field, SharingClass::NotShared)),
            Reason::ConditionInapplicable,
        ),
        (text.lookups.contains(&query.lookup), Reason::LookupNotAgreed),
        (text.purposes.contains(&query.purpose), Reason::PurposeNotAgreed),
        (text.matters.is_empty() || text.matters.contains(&query.matter), Reason::MatterNotAgreed),
        (query.fields.iter().all(|asked| text.fields.contains(asked)), Reason::FieldNotAgreed),
        (asked <= u64::from(text.batch_limit), Reason::BatchLimitExceeded),
        (text.networks.is_empty() || within(text, case.address), Reason::NetworkNotAllowed),
        (text.minute_limit.is_none_or(|limit| in_minute + asked <= limit), Reason::MinuteLimitExceeded),
        (usage.day + asked <= text.daily_limit, Reason::QuotaExhausted),
    ]
}

/// By the bits, as strings of them.
fn within(text: &AgreementText, address: IpAddr) -> bool {
    fn bits(address: IpAddr) -> String {
        match address {
            IpAddr::V4(address) => address.octets().iter().map(|octet| format!("{octet:08b}")).collect(),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(mapped) => bits(mapped.into()),
                None => address.octets().iter().map(|octet| format!("{octet:08b}")).collect(),
            },
        }
    }
    text.networks.iter().any(|network| {
        let written = network.to_string();
        let (first, length) = written.split_once('/').unwrap();
        let (first, length): (IpAddr, usize) = (first.parse().unwrap(), length.parse().unwrap());
        let (ours, theirs) = (bits(first), bits(address));
        ours.len() == theirs.len() && ours[..length] == theirs[..length]
    })
}

fn flat(condition: &Condition) -> Vec<&Comparison> {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().flat_map(flat).collect(),
        Condition::Comparison(comparison) => vec![comparison],
    }
}

fn identifies(resource: &Resource, field: &Field) -> bool {
    resource.record_id_field == field.code
        || resource.holder_field == field.code
        || field.field_type == FieldType::CitizenId
        || (field.sensitive && matches!(field.field_type, FieldType::Text { .. }))
}

/// Whether a comparison is one that may be made in a resource.
fn fits(resource: &Resource, comparison: &Comparison) -> bool {
    let Some(field) = field(resource, comparison.field.as_str()) else { return false };
    let literals: Vec<&Literal> = match &comparison.test {
        Test::Empty | Test::NotEmpty => return true,
        Test::StartsWith(prefix) => {
            let longest = match field.field_type {
                FieldType::Text { .. } | FieldType::Code(_) if !identifies(resource, field) => usize::MAX,
                FieldType::Text { .. } | FieldType::Uscc | FieldType::CitizenId => 8,
                _ => return false,
            };
            return prefix.chars().count() <= longest;
        }
        Test::Is(_, literal) => vec![literal],
        Test::OneOf(literals) => literals.iter().collect(),
    };
    let has_order = [FieldType::Integer, FieldType::Decimal, FieldType::Date].contains(&field.field_type);
    let needs_order = match comparison.test {
        Test::Is(relation, _) => relation != Relation::Equal && relation != Relation::NotEqual,
        _ => false,
    };
    let is_unequal = matches!(comparison.test, Test::Is(Relation::NotEqual, _));
    if identifies(resource, field) || (needs_order && !has_order) || (field.repeated && is_unequal) {
        return false;
    }
    literals.iter().all(|literal| is_of(&field.field_type, literal))
}

fn is_of(field_type: &FieldType, literal: &Literal) -> bool {
    match (field_type, literal) {
        (FieldType::Integer, Literal::Integer(_)) | (FieldType::Boolean, Literal::Boolean(_)) => true,
        (FieldType::Text { max_length }, Literal::Text(text)) => text.chars().count() <= *max_length as usize,
        (FieldType::Code(codes), Literal::Text(text)) => codes.iter().any(|code| code.code == *text),
        (FieldType::Decimal, Literal::Text(text)) => text.parse::<f64>().is_ok(),
        (FieldType::Date, Literal::Text(text)) => text.len() == 10 && text.starts_with("20"),
        _ => false,
    }
}

/// What is released of each record found.
fn release(case: &Case, text: &AgreementText) -> Vec<Option<(RecordStatus, Vec<FieldCode>)>> {
    let of = |(head, values): &(RecordHead, Vec<(String, Value)>)| {
        let resource = &case.resources[head.resource_version as usize - 1];
        if !text.condition.as_ref().is_none_or(|condition| holds(condition, resource, values)) {
            return None;
        }
        let status = status(case, head);
        let fields = case.query.fields.iter().filter(|code| field(resource, code.as_str()).is_some()).cloned();
        Some((status, if status == RecordStatus::Active { fields.collect() } else { Vec::new() }))
    };
    case.found.iter().map(of).collect()
}

fn status(case: &Case, head: &RecordHead) -> RecordStatus {
    // The hub's day is that of +08:00.
    let today = (case.now.as_millis() + 8 * 3_600_000).div_euclid(86_400_000);
    let day = |date: crate::domain::time::Date| {
        let at_noon = format!("{date}T12:00:00Z").parse::<jiff::Timestamp>().unwrap();
        at_noon.as_second().div_euclid(86_400)
    };
    if head.status != RecordStatus::Active {
        head.status
    } else if head.validity.until.is_some_and(|last| today > day(last)) {
        RecordStatus::Expired
    } else if head.validity.from.is_some_and(|first| today < day(first))
        || case.compromised_since.is_some_and(|since| head.published_at >= since)
    {
        RecordStatus::Suspended
    } else {
        RecordStatus::Active
    }
}

fn holds(condition: &Condition, resource: &Resource, values: &[(String, Value)]) -> bool {
    match condition {
        Condition::All(parts) => !parts.iter().any(|part| !holds(part, resource, values)),
        Condition::Any(parts) => !parts.iter().all(|part| !holds(part, resource, values)),
        Condition::Comparison(comparison) => fits(resource, comparison) && compares(comparison, resource, values),
    }
}

fn compares(comparison: &Comparison, resource: &Resource, values: &[(String, Value)]) -> bool {
    let field = field(resource, comparison.field.as_str()).unwrap();
    let value = values.iter().find(|(code, _)| code == field.code.as_str()).map(|(_, value)| value.clone());
    let list = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(value) => vec![value],
    };
    let equal = |value: &Value, literal: &Literal| worth(field, value) == worth(field, &json(literal));
    match &comparison.test {
        Test::Empty => list.is_empty(),
        Test::NotEmpty => !list.is_empty(),
        Test::StartsWith(prefix) => list.iter().any(|value| value.as_str().unwrap().find(prefix.as_str()) == Some(0)),
        Test::OneOf(literals) => list.iter().any(|value| literals.iter().any(|literal| equal(value, literal))),
        Test::Is(relation, literal) => list.iter().any(|value| {
            let (value, literal) = (worth(field, value), worth(field, &json(literal)));
            match relation {
                Relation::Equal => value == literal,
                Relation::NotEqual => value != literal,
                Relation::Less => value < literal,
                Relation::AtMost => value <= literal,
                Relation::Greater => value > literal,
                Relation::AtLeast => value >= literal,
            }
        }),
    }
}

fn json(literal: &Literal) -> Value {
    match literal {
        Literal::Text(text) => text.as_str().into(),
        Literal::Integer(integer) => (*integer).into(),
        Literal::Boolean(boolean) => (*boolean).into(),
    }
}

/// A value by what it is worth: a number in hundredths, or a text.
#[derive(PartialEq, PartialOrd)]
enum Worth {
    Number(i64),
    Text(String),
}

fn worth(field: &Field, value: &Value) -> Worth {
    match (&field.field_type, value) {
        (FieldType::Decimal, Value::String(text)) => {
            Worth::Number((text.parse::<f64>().unwrap() * 100.0).round() as i64)
        }
        (_, Value::Number(number)) => Worth::Number(number.as_i64().unwrap() * 100),
        (_, Value::Bool(boolean)) => Worth::Number(i64::from(*boolean)),
        // Dates in this form are in the order of their texts.
        (_, value) => Worth::Text(value.as_str().unwrap().to_owned()),
    }
}

/// The query's fields, for a message.
pub(super) fn told(query: &Query) -> String {
    query.fields.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(" ")
}
