//! The decision as the documents tell it, written a second time and naively: by scanning lists and comparing numbers, with nothing
//! of `decide` but its data types.

use std::net::IpAddr;

use serde_json::Value;

use super::{AREAS, Case, LICENCES, Record};
use crate::domain::{
    agreement::{AgreementState, AgreementText, AgreementVersion},
    catalog::{Field, FieldType, Resource, SharingClass},
    condition::{Comparison, Condition, Literal, Relation, Test},
    decide::Usage,
    id::FieldCode,
    network::Network,
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
        let version = governing(versions);
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

/// The last version in force or suspended; where there is none, the last.
pub(super) fn governing(versions: &[AgreementVersion]) -> &AgreementVersion {
    let in_force = |version: &&AgreementVersion| {
        version.state == AgreementState::Active || version.state == AgreementState::Suspended
    };
    versions.iter().rfind(in_force).unwrap_or(&versions[versions.len() - 1])
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
        (text.condition.iter().all(|condition| fits_all(condition, resource)), Reason::ConditionInapplicable),
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

/// An address as its bits, after which kind of address it is.
pub(super) fn address_bits(address: IpAddr) -> String {
    let bits = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:08b}")).collect::<String>();
    match address {
        IpAddr::V4(address) => format!("v4 {}", bits(&address.octets())),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => address_bits(mapped.into()),
            None => format!("v6 {}", bits(&address.octets())),
        },
    }
}

/// The bits with which every address of a network begins.
pub(super) fn network_bits(network: &Network) -> String {
    let written = network.to_string();
    let (first, length) = written.split_once('/').unwrap();
    let (bits, length) = (address_bits(first.parse().unwrap()), length.parse::<usize>().unwrap());
    bits[..3 + length].to_owned()
}

fn within(text: &AgreementText, address: IpAddr) -> bool {
    text.networks.iter().any(|network| address_bits(address).starts_with(&network_bits(network)))
}

/// The fields that a condition looks at.
pub(super) fn fields_of(condition: &Condition) -> Vec<String> {
    flat(condition).into_iter().map(|comparison| comparison.field.to_string()).collect()
}

/// Whether each comparison of a condition may be made in a resource, of fields that are shared.
pub(super) fn fits_all(condition: &Condition, resource: &Resource) -> bool {
    flat(condition).into_iter().all(|comparison| {
        let is_shared = |field: &Field| field.sharing_class != SharingClass::NotShared;
        fits(resource, comparison) && field(resource, comparison.field.as_str()).is_some_and(is_shared)
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
        || matches!(field.field_type, FieldType::CitizenId | FieldType::HolderCode)
        || (field.sensitive && matches!(field.field_type, FieldType::Text { .. }))
}

/// Whether a comparison is one that may be made in a resource.
fn fits(resource: &Resource, comparison: &Comparison) -> bool {
    let Some(field) = field(resource, comparison.field.as_str()) else { return false };
    let literals: Vec<&Literal> = match &comparison.test {
        Test::Empty | Test::NotEmpty => return true,
        Test::StartsWith(prefix) => {
            let longest = match field.field_type {
                FieldType::Integer | FieldType::Decimal | FieldType::Boolean => return false,
                FieldType::Date | FieldType::DateTime | FieldType::Seal => return false,
                _ if !identifies(resource, field) => usize::MAX,
                // As long as root, type and issuer of a licence; an area of any other identifier.
                FieldType::LicenceId => 56,
                _ => 8,
            };
            return prefix.chars().count() <= longest;
        }
        Test::Is(_, literal) => vec![literal],
        Test::OneOf(literals) => literals.iter().collect(),
    };
    let ordered = [FieldType::Integer, FieldType::Decimal, FieldType::Date, FieldType::DateTime];
    let has_order = ordered.contains(&field.field_type);
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
        (FieldType::DateTime, Literal::Text(text)) => text.contains('T'),
        (FieldType::LicenceId, Literal::Text(text)) => LICENCES.contains(&text.as_str()),
        (FieldType::AdministrativeDivision, Literal::Text(text)) => AREAS.contains(&text.as_str()),
        (FieldType::Uscc, Literal::Text(text)) => text.len() == 18,
        _ => false,
    }
}

/// What is released of each record found.
fn release(case: &Case, text: &AgreementText) -> Vec<Option<(RecordStatus, Vec<FieldCode>)>> {
    let mut withheld = Vec::new();
    let mut released = Vec::new();
    for Record { head, values, replaces } in &case.found {
        let resource = &case.resources[head.resource_version as usize - 1];
        let follows = replaces.is_some_and(|replaced| withheld.contains(&replaced));
        if follows || !text.condition.as_ref().is_none_or(|condition| holds(condition, resource, values)) {
            withheld.push(head.handle);
            released.push(None);
            continue;
        }
        let of_successor = |code: &str| replaces.is_none() || resource.record_id_field.as_str() == code;
        let is_told = |code: &&FieldCode| field(resource, code.as_str()).is_some() && of_successor(code.as_str());
        let status = status(case, head);
        let fields = case.query.fields.iter().filter(is_told).cloned();
        released.push(Some((status, if status == RecordStatus::Active { fields.collect() } else { Vec::new() })));
    }
    released
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

pub(super) fn holds(condition: &Condition, resource: &Resource, values: &[(String, Value)]) -> bool {
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
        (FieldType::DateTime, Value::String(text)) => Worth::Number(instant(text)),
        (_, Value::Number(number)) => Worth::Number(number.as_i64().unwrap() * 100),
        (_, Value::Bool(boolean)) => Worth::Number(i64::from(*boolean)),
        // Dates in this form are in the order of their texts.
        (_, value) => Worth::Text(value.as_str().unwrap().to_owned()),
    }
}

/// Milliseconds since 1970, counted year by year and month by month.
fn instant(text: &str) -> i64 {
    let number = |digits: &str| digits.parse::<i64>().unwrap();
    let (date, rest) = text.split_once('T').unwrap();
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (year, month, day) = (number(&date[..4]), number(&date[5..7]), number(&date[8..]));
    let days_of_years: i64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let months = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = days_of_years + months[..month as usize - 1].iter().sum::<i64>() + day - 1;
    let (clock, offset_minutes) = match rest.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => {
            let (clock, offset) = rest.split_at(rest.len() - 6);
            let minutes = number(&offset[1..3]) * 60 + number(&offset[4..]);
            (clock, if offset.starts_with('-') { -minutes } else { minutes })
        }
    };
    let millis = clock.split_once('.').map_or(0, |(_, fraction)| number(&format!("{fraction:0<3}")));
    let minutes = number(&clock[..2]) * 60 + number(&clock[3..5]) - offset_minutes;
    ((days * 1_440 + minutes) * 60 + number(&clock[6..8])) * 1_000 + millis
}

/// The query's fields, for a message.
pub(super) fn told(query: &Query) -> String {
    query.fields.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(" ")
}
