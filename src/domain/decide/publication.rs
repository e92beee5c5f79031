//! May these records be published, and is each in order?

use std::sync::Arc;

use serde_json::Value;

use crate::domain::{
    catalog::Resource,
    derive::day_of_issue,
    id::{Code, FieldCode, Handle, SystemId},
    identifier::{HolderCodeType, Uscc},
    outcome::{RecordViolation as Violation, Refusal, RefusalReason},
    record::{RecordHead, RecordStatus, Validity},
    rules::Rules,
    statement::{Publication, PublishedRecord},
    time::{Moment, Time},
    value,
};

/// Decides whether a publication is taken at all; its records are then checked one by one. Only the resource's provider may
/// publish, and whoever has the right to issue it now.
///
/// # Errors
/// The refusal.
pub fn decide_publication(
    rules: &Rules,
    actor: &SystemId,
    publication: &Publication,
    now: &Moment,
) -> Result<Arc<Resource>, Refusal> {
    let id = publication.resource_id.as_str();
    let Some((version, resource)) = rules.catalog.newest(id) else {
        return Err(Refusal::new(RefusalReason::ResourceUnknown, id));
    };
    if resource.provider != *actor.department() {
        may_issue(rules, resource, actor.department(), now)?;
    }
    if version != publication.resource_version {
        return Err(Refusal::new(RefusalReason::ResourceVersionStale, format!("the newest version is {version}")));
    }
    let most = rules.policy.max_publication_records as usize;
    let mut handles: Vec<_> = publication.records.iter().map(|record| record.handle).collect();
    handles.sort();
    handles.dedup();
    if publication.records.len() > most {
        return Err(Refusal::new(RefusalReason::PublicationInvalid, format!("max_publication_records {most}")));
    }
    if handles.len() != publication.records.len() {
        return Err(Refusal::new(RefusalReason::PublicationInvalid, "a handle stands twice"));
    }
    Ok(Arc::clone(resource))
}

fn may_issue(rules: &Rules, resource: &Resource, department: &Uscc, now: &Moment) -> Result<(), Refusal> {
    let Some(right) = rules.issuing_rights.standing(&resource.resource_id, department) else {
        return Err(Refusal::new(RefusalReason::ResourceNotOwned, resource.resource_id.as_str()));
    };
    if right.is_valid(now) {
        return Ok(());
    }
    let term = format!("valid_from {} valid_until {}", right.grant.valid_from, right.grant.valid_until);
    Err(Refusal::new(RefusalReason::IssuingRightNotValid, term))
}

/// Whether a department may publish the next version of a record whose current one another's key, or its own, signed: a record
/// stays with the department that published it first, until another is granted to succeed that one.
pub fn may_continue(rules: &Rules, resource: &Resource, department: &Uscc, current: &RecordHead, now: &Moment) -> bool {
    let Some(owner) = rules.directory.keys.get(&current.issuer_key).map(|key| key.system.department()) else {
        return false;
    };
    let right = || rules.issuing_rights.standing(&resource.resource_id, department);
    owner == department || right().is_some_and(|right| right.grant.succeeds.contains(owner) && right.is_valid(now))
}

/// What a record's JWT claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordClaims {
    /// The credit code of the department that published it.
    pub iss: String,
    /// The resource and its version.
    pub vct: String,
    /// The handle.
    pub jti: Handle,
    /// The record's version.
    pub ver: u32,
    /// When it was issued.
    pub iat: Time,
}

/// What the hub knows of a record beside its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFacts<'a> {
    /// Who publishes it.
    pub issuer: &'a Uscc,
    /// The current version, where there is one.
    pub current: Option<&'a RecordHead>,
    /// Whether the publisher [`may_continue`] the current version; true where there is none.
    pub may_continue: bool,
    /// The handle of the record that has this one's identifier now.
    pub identifier_owner: Option<Handle>,
    /// The handle that the record salt makes of the identifier; `None` where the body has no identifier.
    pub expected_handle: Option<Handle>,
    /// The record that has the identifier that `replaces_field` names, where one has it.
    pub replaced: Option<Replaced>,
    /// The record that has the identifier that a copy names as its original's, where one has it.
    pub original: Option<OriginalFacts>,
    /// What the resource's schema finds wrong with the values, each by itself.
    pub unfit: Vec<FieldViolation>,
}

/// What the hub knows of a record that another is to replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaced {
    /// The record.
    pub handle: Handle,
    /// What has replaced it already.
    pub successor: Option<Handle>,
    /// Whether the publisher [`may_continue`] it, and so may put another in its place.
    pub may_continue: bool,
}

/// What the hub knows of a record that another is to be an annotated copy of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginalFacts {
    /// The record.
    pub handle: Handle,
    /// The days on which it is valid.
    pub validity: Validity,
    /// Whether the publisher [`may_continue`] it, and so may make copies of it.
    pub may_continue: bool,
}

/// One thing wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// The code that the log holds.
    pub violation: Violation,
    /// The field at fault, where one is.
    pub field: Option<String>,
    /// What is wrong and what is allowed; may quote the value, and is for the provider alone.
    pub description: String,
}

impl FieldViolation {
    /// A violation by the record as a whole.
    pub fn of_record(violation: Violation, description: impl Into<String>) -> Self {
        Self { violation, field: None, description: description.into() }
    }

    /// A violation by one field.
    pub fn of_field(violation: Violation, field: &str, description: impl Into<String>) -> Self {
        Self { violation, field: Some(field.to_owned()), description: description.into() }
    }
}

/// A record's identifier and its holders', where the body has them as text.
pub fn record_terms<'a>(resource: &Resource, fields: &'a [(String, Value)]) -> Option<(&'a str, Vec<&'a str>)> {
    let record = value::text_of(fields, resource.record_id_field.as_str())?;
    let holders = value::values_of(fields, resource.holder_field.as_str());
    let holders: Vec<&str> = holders.iter().map(Value::as_str).collect::<Option<_>>()?;
    (!holders.is_empty()).then_some((record, holders))
}

/// Checks everything about a record that the rules can tell, and finds all that is wrong.
pub fn check_record(
    resource: &Resource,
    resource_version: u32,
    record: &PublishedRecord,
    claims: &RecordClaims,
    fields: &[(String, Value)],
    facts: &RecordFacts<'_>,
) -> Vec<FieldViolation> {
    let mut found = Vec::new();
    check_claims(resource, resource_version, record, claims, facts.issuer, &mut found);
    check_succession(record, facts, &mut found);
    found.extend(facts.unfit.iter().cloned());
    check_holders(resource, fields, &mut found);
    check_derived(resource, claims, fields, &mut found);
    check_validity(resource, record, fields, &mut found);
    check_replaced(resource, record, fields, facts, &mut found);
    check_copy(resource, record, fields, facts, &mut found);
    found
}

fn check_claims(
    resource: &Resource,
    resource_version: u32,
    record: &PublishedRecord,
    claims: &RecordClaims,
    issuer: &Uscc,
    found: &mut Vec<FieldViolation>,
) {
    let vct = resource.vct(resource_version);
    for (holds, description) in [
        (claims.iss == issuer.as_str(), format!("iss must be {issuer}")),
        (claims.vct == vct, format!("vct must be {vct}")),
        (claims.jti == record.handle, "jti must be the handle in the statement".to_owned()),
        (claims.ver == record.version, format!("ver must be {}, as in the statement", record.version)),
    ] {
        if !holds {
            found.push(FieldViolation::of_record(Violation::Claim, description));
        }
    }
}

fn check_succession(record: &PublishedRecord, facts: &RecordFacts<'_>, found: &mut Vec<FieldViolation>) {
    let next = facts.current.map_or(1, |current| current.version.saturating_add(1));
    if record.version != next {
        found.push(FieldViolation::of_record(
            Violation::Version,
            format!("version is {}, the next one is {next}", record.version),
        ));
    }
    if !facts.may_continue {
        found.push(FieldViolation::of_record(
            Violation::Issuer,
            "the record is another department's, and the right to issue does not name that one as succeeded",
        ));
    }
    if facts.expected_handle != Some(record.handle) {
        found.push(FieldViolation::of_record(
            Violation::Handle,
            "the handle is not the HMAC of the record's identifier under the record salt",
        ));
    }
    if facts.identifier_owner.is_some_and(|owner| owner != record.handle) {
        found.push(FieldViolation::of_record(
            Violation::IdentifierTaken,
            "another record of the resource has this identifier; a record keeps its salt over its versions",
        ));
    }
    if record.status == RecordStatus::Expired {
        found.push(FieldViolation::of_record(
            Violation::Status,
            "status must be ACTIVE, SUSPENDED, REVOKED or SUPERSEDED; EXPIRED follows from valid_until",
        ));
    }
}

/// Holders of a record are each named once, and each by an identifier of the kind that is said.
fn check_holders(resource: &Resource, fields: &[(String, Value)], found: &mut Vec<FieldViolation>) {
    let code = resource.holder_field.as_str();
    let holders = value::values_of(fields, code);
    let twice = |(position, holder): (usize, &Value)| holders.iter().take(position).any(|earlier| earlier == holder);
    if let Some((position, _)) = holders.iter().enumerate().find(|holder| twice(*holder)) {
        let problem = format!("value {} stands there before; each holder stands once", position + 1);
        found.push(FieldViolation::of_field(Violation::Holder, code, problem));
    }
    let Some(type_field) = &resource.holder_type_field else { return };
    let kinds = value::values_of(fields, type_field.as_str());
    if kinds.len() != holders.len() {
        let problem = format!("has {} values for {} holders; each holder has its type", kinds.len(), holders.len());
        found.push(FieldViolation::of_field(Violation::Holder, type_field.as_str(), problem));
        return;
    }
    for (kind, holder) in kinds.iter().zip(holders) {
        let (Some(kind), Some(holder)) = (kind.as_str(), holder.as_str()) else { continue };
        if let Err(error) = HolderCodeType::of_code(kind).check(holder) {
            let problem = format!("is not an identifier of type {kind}: {error}");
            found.push(FieldViolation::of_field(Violation::Holder, code, problem));
        }
    }
}

fn check_derived(
    resource: &Resource,
    claims: &RecordClaims,
    fields: &[(String, Value)],
    found: &mut Vec<FieldViolation>,
) {
    let day = day_of_issue(claims.iat);
    let value_of = |code: &str| fields.iter().find(|(name, _)| name == code).map(|(_, value)| value);
    for field in &resource.fields {
        let Some(derivation) = &field.derivation else { continue };
        let source = value_of(derivation.source_field.as_str()).unwrap_or(&Value::Null);
        let expected = derivation.rule.derive(source, day);
        if value_of(field.code.as_str()).is_some_and(|stated| *stated != expected) {
            found.push(FieldViolation::of_field(
                Violation::Derivation,
                field.code.as_str(),
                format!("is not {} of {} on {day}", derivation.rule, derivation.source_field),
            ));
        }
    }
}

fn check_validity(
    resource: &Resource,
    record: &PublishedRecord,
    fields: &[(String, Value)],
    found: &mut Vec<FieldViolation>,
) {
    let date_of = |code: &FieldCode| value::text_of(fields, code.as_str()).and_then(value::parse_date);
    for (bound, field, stated) in [
        ("valid_from", &resource.valid_from_field, record.validity.from),
        ("valid_until", &resource.valid_until_field, record.validity.until),
    ] {
        if field.as_ref().and_then(date_of) != stated {
            let source = field.as_ref().map_or("empty", |code| code.as_str());
            found.push(FieldViolation::of_record(Violation::Validity, format!("{bound} must be that of {source}")));
        }
    }
    if let (Some(from), Some(until)) = (record.validity.from, record.validity.until)
        && from > until
    {
        found.push(FieldViolation::of_record(Violation::Validity, format!("{until} is before {from}")));
    }
}

/// A record replaces one that its own field names, that nothing else has replaced, and that is not among those that replace it:
/// each record has at most one successor, and their order no circle.
fn check_replaced(
    resource: &Resource,
    record: &PublishedRecord,
    fields: &[(String, Value)],
    facts: &RecordFacts<'_>,
    found: &mut Vec<FieldViolation>,
) {
    let named = resource.replaces_field.as_ref().filter(|code| value::text_of(fields, code.as_str()).is_some());
    let mut wrong = |problem: &str| {
        let field = resource.replaces_field.as_ref().map(ToString::to_string);
        found.push(FieldViolation { violation: Violation::Succession, field, description: problem.to_owned() });
    };
    let replaced = match (named, facts.replaced) {
        (None, _) if record.replaces.is_none() => return,
        (None, _) => return wrong("is empty, but the statement says that the record replaces one"),
        (Some(_), None) => return wrong("is the identifier of no record of the resource; publish that one first"),
        (Some(_), Some(replaced)) => replaced,
    };
    if record.replaces != Some(replaced.handle) {
        wrong("names another record than the statement does, whose replaces must be that record's handle");
    } else if replaced.handle == record.handle {
        wrong("names the record itself");
    } else if replaced.successor.is_some_and(|successor| successor != record.handle) {
        wrong("names a record that another has replaced already");
    } else if !replaced.may_continue {
        wrong("names another department's record");
    } else if replaced.successor.is_none() && facts.current.is_some_and(|current| current.successor.is_some()) {
        wrong("names a record, though another has replaced this one: what is replaced can take no other's place");
    }
}

/// A copy names its original and its purpose in its own fields as in the statement, is made by who may continue the original, and
/// ends no later than that. Whether the original is in force does not matter here: the copy falls with it.
fn check_copy(
    resource: &Resource,
    record: &PublishedRecord,
    fields: &[(String, Value)],
    facts: &RecordFacts<'_>,
    found: &mut Vec<FieldViolation>,
) {
    let (copy_of, copy) = match (&resource.copy_of, &record.copy) {
        (Some(copy_of), Some(copy)) => (copy_of, copy),
        (None, None) => return,
        (Some(_), None) => {
            return found.push(FieldViolation::of_record(Violation::Copy, "the statement names no original"));
        }
        (None, Some(_)) => {
            let problem = "the statement names an original, though the resource is none of copies";
            return found.push(FieldViolation::of_record(Violation::Copy, problem));
        }
    };
    let mut wrong = |code: &FieldCode, problem: String| {
        found.push(FieldViolation::of_field(Violation::Copy, code.as_str(), problem));
    };
    if let Some(code) = &copy_of.purpose_field {
        let own = value::text_of(fields, code.as_str());
        if own.is_some_and(|own| own.parse::<Code>().is_err()) {
            wrong(code, "is not a purpose code".to_owned());
        } else if own != copy.purpose.as_ref().map(Code::as_str) {
            wrong(code, "is not the purpose in the statement".to_owned());
        }
    } else if copy.purpose.is_some() {
        wrong(
            &copy_of.original_field,
            "the statement names a purpose, though copies of the resource have none".to_owned(),
        );
    }
    let original = match facts.original {
        Some(original) => original,
        None => {
            let problem = format!("is the identifier of no record of {}; publish that one first", copy_of.resource_id);
            return wrong(&copy_of.original_field, problem);
        }
    };
    if copy.original != original.handle {
        wrong(&copy_of.original_field, "names another record than the statement does".to_owned());
    } else if !original.may_continue {
        wrong(&copy_of.original_field, "names another department's record".to_owned());
    } else if record.validity.outlives(&original.validity) {
        let last = original.validity.until.map_or_else(|| "any day".to_owned(), |last| last.to_string());
        let until = resource.valid_until_field.as_ref().unwrap_or(&copy_of.original_field);
        wrong(until, format!("a copy has an end, no later than its original's: {last}"));
    }
}
