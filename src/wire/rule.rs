//! Statements about the rules.

use std::sync::Arc;

use prost::Message;

use super::{
    agreement_change,
    answer::{answer_terms_to_proto, read_answer_terms},
    calendar::{calendar_year_to_proto, read_calendar_year},
    catalog::{read_resource, resource_to_proto},
    code_table::{code_table_to_proto, read_code_table},
    directory::{capabilities_to_numbers, read_capabilities, read_key, read_kid},
    issuing, proto,
    reading::{Malformed, Reading, decode_canonical, timestamp},
    statement::{MAX_NAME_CHARS, read_header},
};
use crate::{
    domain::{
        catalog::CatalogPart,
        id::{Commitment, Digest},
        statement::{RuleChange, Statement},
    },
    sign::sha256,
};

pub(super) type Header = proto::StatementHeader;

/// The kind and the bytes of a statement.
pub(super) fn encode(header: Header, change: &RuleChange) -> (&'static str, Vec<u8>) {
    let header = Some(header);
    let bytes = |commitment: &Option<Commitment>| commitment.map(|c| c.0.to_vec()).unwrap_or_default();
    match change {
        RuleChange::RegisterDepartment { uscc, name } => (
            "register-department",
            proto::RegisterDepartmentStatement { header, uscc: uscc.as_str().to_owned(), name: name.clone() }
                .encode_to_vec(),
        ),
        RuleChange::RegisterSystem { system, capabilities } => (
            "register-system",
            proto::RegisterSystemStatement {
                header,
                system: system.to_string(),
                capabilities: capabilities_to_numbers(capabilities),
            }
            .encode_to_vec(),
        ),
        RuleChange::RegisterKey { system, public_key, possession, .. } => (
            "register-key",
            proto::RegisterKeyStatement {
                header,
                system: system.to_string(),
                public_key: public_key.to_vec(),
                possession: possession.clone(),
            }
            .encode_to_vec(),
        ),
        RuleChange::RetireKey { kid, compromised_since } => (
            "retire-key",
            proto::RetireKeyStatement {
                header,
                kid: super::kid_to_text(kid),
                compromised_since: compromised_since.map(timestamp),
            }
            .encode_to_vec(),
        ),
        RuleChange::GrantIssuingRight(grant) => {
            ("grant-issuing-right", issuing::grant_to_proto(header, grant).encode_to_vec())
        }
        RuleChange::WithdrawIssuingRight { resource_id, department } => (
            "withdraw-issuing-right",
            proto::WithdrawIssuingRightStatement {
                header,
                resource_id: resource_id.to_string(),
                department: department.as_str().to_owned(),
            }
            .encode_to_vec(),
        ),
        RuleChange::CatalogPart { content, .. } => (
            "catalog-part",
            proto::CatalogPartStatement {
                header,
                resources: content.resources.iter().map(|resource| resource_to_proto(resource)).collect(),
                code_tables: content.code_tables.iter().map(|table| code_table_to_proto(table)).collect(),
            }
            .encode_to_vec(),
        ),
        RuleChange::CatalogRelease { base_version, parts, allow_breaking } => (
            "catalog-release",
            proto::CatalogReleaseStatement {
                header,
                base_version: *base_version,
                parts: parts.iter().map(|part| part.0.to_vec()).collect(),
                allow_breaking: *allow_breaking,
            }
            .encode_to_vec(),
        ),
        RuleChange::CalendarYear(year) => (
            "calendar-year",
            proto::CalendarYearStatement { header, calendar_year: Some(calendar_year_to_proto(year)) }.encode_to_vec(),
        ),
        RuleChange::AnswerTerms(terms) => (
            "answer-terms",
            proto::AnswerTermsStatement { header, terms: answer_terms_to_proto(terms) }.encode_to_vec(),
        ),
        RuleChange::AgreementProposal { serialized, digest, signature, .. } => (
            "agreement-proposal",
            proto::AgreementProposalStatement {
                header,
                text: serialized.to_vec(),
                text_digest: digest.0.to_vec(),
                text_signature: signature.clone(),
            }
            .encode_to_vec(),
        ),
        RuleChange::AgreementAcceptance(consent) => (
            "agreement-acceptance",
            proto::AgreementAcceptanceStatement {
                header,
                agreement_id: consent.agreement_id.to_string(),
                version: consent.version,
                text_digest: consent.digest.0.to_vec(),
                text_signature: consent.signature.clone(),
            }
            .encode_to_vec(),
        ),
        RuleChange::AgreementActivation(consent) => (
            "agreement-activation",
            proto::AgreementActivationStatement {
                header,
                agreement_id: consent.agreement_id.to_string(),
                version: consent.version,
                text_digest: consent.digest.0.to_vec(),
                text_signature: consent.signature.clone(),
            }
            .encode_to_vec(),
        ),
        RuleChange::AgreementRejection { agreement_id, version, digest, reason } => (
            "agreement-rejection",
            proto::AgreementRejectionStatement {
                header,
                agreement_id: agreement_id.to_string(),
                version: *version,
                text_digest: digest.0.to_vec(),
                reason_commitment: reason.0.to_vec(),
            }
            .encode_to_vec(),
        ),
        RuleChange::AnswerDeferral { agreement_id, version, digest, reason } => (
            "answer-deferral",
            proto::AnswerDeferralStatement {
                header,
                agreement_id: agreement_id.to_string(),
                version: *version,
                text_digest: digest.0.to_vec(),
                reason_commitment: reason.0.to_vec(),
            }
            .encode_to_vec(),
        ),
        RuleChange::AgreementWithdrawal { agreement_id, version, reason } => (
            "agreement-withdrawal",
            proto::AgreementWithdrawalStatement {
                header,
                agreement_id: agreement_id.to_string(),
                version: *version,
                reason_commitment: bytes(reason),
            }
            .encode_to_vec(),
        ),
        RuleChange::AgreementSuspension { agreement_id, reason } => (
            "agreement-suspension",
            proto::AgreementSuspensionStatement {
                header,
                agreement_id: agreement_id.to_string(),
                reason_commitment: bytes(reason),
            }
            .encode_to_vec(),
        ),
        RuleChange::AgreementResumption { agreement_id } => (
            "agreement-resumption",
            proto::AgreementResumptionStatement { header, agreement_id: agreement_id.to_string() }.encode_to_vec(),
        ),
        RuleChange::AgreementTermination { agreement_id, reason } => (
            "agreement-termination",
            proto::AgreementTerminationStatement {
                header,
                agreement_id: agreement_id.to_string(),
                reason_commitment: bytes(reason),
            }
            .encode_to_vec(),
        ),
    }
}

/// Reads a statement about the rules; `None` where the kind is none of theirs.
pub(super) fn read(reading: &mut Reading, kind: &str, payload: &[u8]) -> Option<Result<Option<Statement>, Malformed>> {
    Some(match kind {
        "register-department" => decoded(reading, payload, register_department),
        "register-system" => decoded(reading, payload, register_system),
        "register-key" => decoded(reading, payload, register_key),
        "retire-key" => decoded(reading, payload, retire_key),
        "grant-issuing-right" => decoded(reading, payload, grant_issuing_right),
        "withdraw-issuing-right" => decoded(reading, payload, withdraw_issuing_right),
        "catalog-part" => decoded(reading, payload, |reading, message| catalog_part(reading, message, payload)),
        "catalog-release" => decoded(reading, payload, catalog_release),
        "calendar-year" => decoded(reading, payload, calendar_year),
        "answer-terms" => decoded(reading, payload, answer_terms),
        _ => return agreement_change::read(reading, kind, payload),
    })
}

pub(super) type Change = (Option<Header>, Option<RuleChange>);

pub(super) fn decoded<M: Message + Default>(
    reading: &mut Reading,
    payload: &[u8],
    change_of: impl FnOnce(&mut Reading, M) -> Change,
) -> Result<Option<Statement>, Malformed> {
    let message = decode_canonical(payload, "payload")?;
    let (header, change) = change_of(reading, message);
    let header = read_header(reading, header.as_ref());
    Ok(header.zip(change).map(|(header, change)| Statement::Rule(header, change)))
}

fn register_department(reading: &mut Reading, message: proto::RegisterDepartmentStatement) -> Change {
    let uscc = reading.name("uscc", &message.uscc);
    let name = reading.text("name", &message.name, MAX_NAME_CHARS);
    (message.header, uscc.zip(name).map(|(uscc, name)| RuleChange::RegisterDepartment { uscc, name }))
}

fn register_system(reading: &mut Reading, message: proto::RegisterSystemStatement) -> Change {
    let system = reading.name("system", &message.system);
    let capabilities = read_capabilities(reading, "capabilities", &message.capabilities);
    let change =
        system.zip(capabilities).map(|(system, capabilities)| RuleChange::RegisterSystem { system, capabilities });
    (message.header, change)
}

fn register_key(reading: &mut Reading, message: proto::RegisterKeyStatement) -> Change {
    let system = reading.name("system", &message.system);
    let key = read_key(reading, "public_key", &message.public_key);
    let possession = message.possession;
    let change = system.zip(key).map(|(system, (kid, public_key))| RuleChange::RegisterKey {
        system,
        kid,
        public_key,
        possession,
    });
    (message.header, change)
}

fn retire_key(reading: &mut Reading, message: proto::RetireKeyStatement) -> Change {
    let kid = read_kid(reading, "kid", &message.kid);
    let compromised_since = match &message.compromised_since {
        None => Some(None),
        some => reading.time("compromised_since", some.as_ref()).map(Some),
    };
    let change =
        kid.zip(compromised_since).map(|(kid, compromised_since)| RuleChange::RetireKey { kid, compromised_since });
    (message.header, change)
}

fn grant_issuing_right(reading: &mut Reading, message: proto::GrantIssuingRightStatement) -> Change {
    let grant = issuing::read_grant(reading, &message);
    (message.header, grant.map(RuleChange::GrantIssuingRight))
}

fn withdraw_issuing_right(reading: &mut Reading, message: proto::WithdrawIssuingRightStatement) -> Change {
    let resource_id = reading.name("resource_id", &message.resource_id);
    let department = reading.name("department", &message.department);
    let change = resource_id
        .zip(department)
        .map(|(resource_id, department)| RuleChange::WithdrawIssuingRight { resource_id, department });
    (message.header, change)
}

fn catalog_part(reading: &mut Reading, message: proto::CatalogPartStatement, payload: &[u8]) -> Change {
    let is_empty = message.resources.is_empty() && message.code_tables.is_empty();
    reading.require(!is_empty, "resources", "must not be empty where code_tables are");
    let resources: Vec<_> = message
        .resources
        .iter()
        .enumerate()
        .map(|(i, resource)| read_resource(reading, &format!("resources[{i}]."), resource).map(Arc::new))
        .collect();
    let code_tables: Vec<_> = message
        .code_tables
        .iter()
        .enumerate()
        .map(|(i, table)| read_code_table(reading, &format!("code_tables[{i}]."), table).map(Arc::new))
        .collect();
    let resources = resources.into_iter().collect::<Option<Vec<_>>>();
    let content = resources
        .zip(code_tables.into_iter().collect::<Option<Vec<_>>>())
        .map(|(resources, code_tables)| CatalogPart { resources, code_tables });
    let change = content.map(|content| RuleChange::CatalogPart { part: Digest(sha256(payload)), content });
    (message.header, change)
}

fn catalog_release(reading: &mut Reading, message: proto::CatalogReleaseStatement) -> Change {
    reading.require(!message.parts.is_empty(), "parts", "must not be empty");
    let parts: Vec<_> =
        message.parts.iter().enumerate().map(|(i, part)| reading.bytes(format_args!("parts[{i}]"), part)).collect();
    let change = parts.into_iter().collect::<Option<Vec<_>>>().map(|parts| RuleChange::CatalogRelease {
        base_version: message.base_version,
        parts,
        allow_breaking: message.allow_breaking,
    });
    (message.header, change)
}

fn answer_terms(reading: &mut Reading, message: proto::AnswerTermsStatement) -> Change {
    (message.header, read_answer_terms(reading, "terms", &message.terms).map(RuleChange::AnswerTerms))
}

fn calendar_year(reading: &mut Reading, message: proto::CalendarYearStatement) -> Change {
    let year = message.calendar_year.unwrap_or_default();
    (message.header, read_calendar_year(reading, &year).map(RuleChange::CalendarYear))
}
