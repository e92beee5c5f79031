//! Statements: the payloads that actors sign, and their kinds.

use std::fmt;

use prost::Message;

use super::{
    agreement::{lookup_from_number, lookup_to_number},
    directory::{first_department_to_proto, read_first_department, read_kid},
    kid_to_text,
    proto::{self, opening_erasure_statement::Selection},
    reading::{At, Malformed, Reading, decode_canonical, timestamp},
    record::{status_from_number, status_to_number},
    rule,
};
use crate::{
    domain::{
        id::SystemId,
        record::{AnnotatedCopy, Validity},
        statement::{
            ClosingReceipt, Erasure, Genesis, Header, MAX_CLOSINGS, Policy, PreviousLog, Publication, PublishedRecord,
            Query, Statement, Trace,
        },
    },
    sign::dsse,
};

/// The longest payload: an entry of 65,535 bytes (C2SP tlog-tiles) must hold it. Checked before anything is decoded, so that
/// what could never be entered costs nothing.
const MAX_PAYLOAD_BYTES: usize = 65_535;
/// The longest name of a department, in characters.
pub(super) const MAX_NAME_CHARS: usize = 200;

/// The serialized statement and its payload type: what an actor signs.
pub fn encode_statement(statement: &Statement) -> (String, Vec<u8>) {
    let (kind, payload) = match statement {
        Statement::Genesis(genesis) => ("genesis", genesis_to_proto(genesis).encode_to_vec()),
        Statement::Publication(header, publication) => {
            ("publication", publication_to_proto(header, publication).encode_to_vec())
        }
        Statement::Query(header, query) => ("query", query_to_proto(header, query).encode_to_vec()),
        Statement::Trace(header, trace) => ("holder-trace", trace_to_proto(header, trace).encode_to_vec()),
        Statement::Erasure(header, erasure) => ("opening-erasure", erasure_to_proto(header, *erasure).encode_to_vec()),
        Statement::Rule(header, change) => rule::encode(header_to_proto(header), change),
    };
    (dsse::payload_type(kind), payload)
}

/// Reads the statement of an envelope. Says nothing about its signature.
///
/// # Errors
/// Everything that is not well formed, by field.
pub fn read_statement(payload_type: &str, payload: &[u8]) -> Result<Statement, Malformed> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        let problem = format!("has {} bytes; an entry of the log holds at most {MAX_PAYLOAD_BYTES}", payload.len());
        return Err(Malformed::one("payload", problem));
    }
    let kind = payload_type
        .strip_prefix("application/vnd.hutong.")
        .and_then(|rest| rest.strip_suffix(".v1+protobuf"))
        .ok_or_else(|| unknown_kind(payload_type))?;
    let mut reading = Reading::default();
    let statement = match kind {
        "genesis" => {
            let message = decode_canonical(payload, "payload")?;
            read_genesis(&mut reading, &message).map(|genesis| Statement::Genesis(Box::new(genesis)))
        }
        "publication" => {
            let message = decode_canonical(payload, "payload")?;
            read_publication(&mut reading, &message)
        }
        "query" => {
            let message = decode_canonical(payload, "payload")?;
            read_query(&mut reading, &message)
        }
        "holder-trace" => {
            let message = decode_canonical(payload, "payload")?;
            read_trace(&mut reading, &message)
        }
        "opening-erasure" => {
            let message = decode_canonical(payload, "payload")?;
            read_erasure(&mut reading, &message)
        }
        _ => rule::read(&mut reading, kind, payload).ok_or_else(|| unknown_kind(payload_type))??,
    };
    reading.finish(statement)
}

fn unknown_kind(payload_type: &str) -> Malformed {
    // What was received may be anything; it is quoted only where it is short and plain.
    let plain = payload_type.len() <= 100 && payload_type.bytes().all(|b| b.is_ascii_graphic());
    let quoted = if plain { payload_type } else { "what was received" };
    Malformed::one("payload_type", format!("{quoted} is not application/vnd.hutong.<kind>.v1+protobuf of a known kind"))
}

fn header_to_proto(header: &Header) -> proto::StatementHeader {
    proto::StatementHeader {
        request_id: header.request_id.0.to_vec(),
        issued_at: Some(timestamp(header.issued_at)),
        actor: header.actor.to_string(),
        hub: header.hub.to_string(),
    }
}

pub(super) fn read_header(reading: &mut Reading, header: Option<&proto::StatementHeader>) -> Option<Header> {
    let Some(header) = header else {
        return reading.fail("header", "is required");
    };
    let request_id = reading.bytes("header.request_id", &header.request_id);
    let issued_at = reading.time("header.issued_at", header.issued_at.as_ref());
    let actor: Option<SystemId> = reading.name("header.actor", &header.actor);
    let hub = reading.name("header.hub", &header.hub);
    Some(Header { request_id: request_id?, issued_at: issued_at?, actor: actor?, hub: hub? })
}

fn genesis_to_proto(genesis: &Genesis) -> proto::GenesisStatement {
    let policy = &genesis.policy;
    proto::GenesisStatement {
        hub: genesis.hub.to_string(),
        origin: genesis.origin.clone(),
        trust_domain: genesis.trust_domain.to_string(),
        administrators: genesis.administrators.iter().map(first_department_to_proto).collect(),
        policy: Some(proto::Policy {
            clock_skew_seconds: policy.clock_skew_seconds,
            civil_day_offset_seconds: policy.civil_day_offset_seconds,
            max_lookups: policy.max_lookups,
            max_released_records: policy.max_released_records,
            max_publication_records: policy.max_publication_records,
            max_refusals_per_minute: policy.max_refusals_per_minute,
        }),
        decision_version: genesis.decision_version,
        created_at: Some(timestamp(genesis.created_at)),
        previous: genesis.previous.as_ref().map(|previous| proto::PreviousLog {
            vkey: previous.vkey.clone(),
            size: previous.size,
            root: previous.root.0.to_vec(),
            genesis_hash: previous.genesis_hash.0.to_vec(),
            issued_until: Some(timestamp(previous.issued_until)),
            closings: previous.closings.iter().map(closing_receipt_to_proto).collect(),
        }),
    }
}

/// The longest vkey: a key name of 255 bytes, the key ID, and the base64 of 33 bytes, with a sign between two.
pub(super) const MAX_VKEY_LEN: usize = 255 + 1 + 8 + 1 + 44;

/// A closed log's receipt as it travels.
pub fn closing_receipt_to_proto(receipt: &ClosingReceipt) -> proto::ClosingReceipt {
    proto::ClosingReceipt { entry: receipt.entry.clone(), proof: receipt.proof.clone() }
}

/// A closed log's receipt as it came. Nothing of it is verified.
pub fn closing_receipt_from_proto(receipt: &proto::ClosingReceipt) -> ClosingReceipt {
    ClosingReceipt { entry: receipt.entry.clone(), proof: receipt.proof.clone() }
}

fn read_previous(reading: &mut Reading, message: &proto::PreviousLog) -> Option<PreviousLog> {
    let vkey = reading.text("previous.vkey", &message.vkey, MAX_VKEY_LEN);
    // At least a genesis, and what closed it.
    reading.require(message.size >= 2, "previous.size", "must be at least 2");
    let root = reading.bytes("previous.root", &message.root);
    let genesis_hash = reading.bytes("previous.genesis_hash", &message.genesis_hash);
    let issued_until = reading.time("previous.issued_until", message.issued_until.as_ref());
    reading.require(
        (1..=MAX_CLOSINGS).contains(&message.closings.len()),
        "previous.closings",
        "must be 1 to 16 receipts",
    );
    Some(PreviousLog {
        vkey: vkey?,
        size: message.size,
        root: root?,
        genesis_hash: genesis_hash?,
        issued_until: issued_until?,
        closings: message.closings.iter().take(MAX_CLOSINGS).map(closing_receipt_from_proto).collect(),
    })
}

fn read_genesis(reading: &mut Reading, message: &proto::GenesisStatement) -> Option<Genesis> {
    let hub = reading.name("hub", &message.hub);
    let origin = reading.text("origin", &message.origin, 250);
    let trust_domain = reading.name("trust_domain", &message.trust_domain);
    let administrators: Vec<_> = message
        .administrators
        .iter()
        .enumerate()
        .map(|(i, department)| read_first_department(reading, &format!("administrators[{i}]."), department))
        .collect();
    let policy = read_policy(reading, message.policy.as_ref());
    let created_at = reading.time("created_at", message.created_at.as_ref());
    let previous = match &message.previous {
        Some(previous) => Some(read_previous(reading, previous)?),
        None => None,
    };
    Some(Genesis {
        hub: hub?,
        origin: origin?,
        trust_domain: trust_domain?,
        administrators: administrators.into_iter().collect::<Option<_>>()?,
        policy: policy?,
        decision_version: message.decision_version,
        created_at: created_at?,
        previous,
    })
}

fn read_policy(reading: &mut Reading, message: Option<&proto::Policy>) -> Option<Policy> {
    let Some(message) = message else {
        return reading.fail("policy", "is required");
    };
    let most = Policy::GREATEST;
    for (field, value, least, greatest) in [
        ("policy.clock_skew_seconds", message.clock_skew_seconds, 1, most.clock_skew_seconds),
        ("policy.max_lookups", message.max_lookups, 1, most.max_lookups),
        ("policy.max_released_records", message.max_released_records, 1, most.max_released_records),
        ("policy.max_publication_records", message.max_publication_records, 1, most.max_publication_records),
        ("policy.max_refusals_per_minute", message.max_refusals_per_minute, 1, most.max_refusals_per_minute),
    ] {
        reading.require((least..=greatest).contains(&value), field, &format!("must be {least} to {greatest}"));
    }
    reading.require(
        message.civil_day_offset_seconds.abs() <= most.civil_day_offset_seconds,
        "policy.civil_day_offset_seconds",
        "must be within 14 hours of UTC",
    );
    Some(Policy {
        clock_skew_seconds: message.clock_skew_seconds,
        civil_day_offset_seconds: message.civil_day_offset_seconds,
        max_lookups: message.max_lookups,
        max_released_records: message.max_released_records,
        max_publication_records: message.max_publication_records,
        max_refusals_per_minute: message.max_refusals_per_minute,
    })
}

fn publication_to_proto(header: &Header, publication: &Publication) -> proto::PublicationStatement {
    let date = |date: Option<crate::domain::time::Date>| date.map(|date| date.to_string()).unwrap_or_default();
    proto::PublicationStatement {
        header: Some(header_to_proto(header)),
        resource_id: publication.resource_id.to_string(),
        resource_version: publication.resource_version,
        records: publication
            .records
            .iter()
            .map(|record| proto::PublishedRecord {
                handle: record.handle.0.to_vec(),
                version: record.version,
                jwt_sha256: record.jwt_sha256.0.to_vec(),
                source_digest: record.source_digest.0.to_vec(),
                valid_from: date(record.validity.from),
                valid_until: date(record.validity.until),
                status: status_to_number(record.status),
                replaces: record.replaces.map(|handle| handle.0.to_vec()).unwrap_or_default(),
                copy: record.copy.as_ref().map(|copy| proto::AnnotatedCopy {
                    original: copy.original.0.to_vec(),
                    purpose: copy.purpose.as_ref().map(ToString::to_string).unwrap_or_default(),
                }),
            })
            .collect(),
        issuer_kid: kid_to_text(&publication.issuer_key),
    }
}

fn read_publication(reading: &mut Reading, message: &proto::PublicationStatement) -> Option<Statement> {
    let header = read_header(reading, message.header.as_ref());
    let resource_id = reading.name("resource_id", &message.resource_id);
    let most = Policy::GREATEST.max_publication_records as usize;
    reading.require((1..=most).contains(&message.records.len()), "records", "must be 1 to 256");
    let records: Vec<_> = message
        .records
        .iter()
        .take(most)
        .enumerate()
        .map(|(i, record)| read_published_record(reading, format_args!("records[{i}]."), record))
        .collect();
    let issuer_key = read_kid(reading, "issuer_kid", &message.issuer_kid);
    Some(Statement::Publication(
        header?,
        Publication {
            resource_id: resource_id?,
            resource_version: message.resource_version,
            records: records.into_iter().collect::<Option<_>>()?,
            issuer_key: issuer_key?,
        },
    ))
}

fn read_published_record(
    reading: &mut Reading,
    prefix: fmt::Arguments<'_>,
    message: &proto::PublishedRecord,
) -> Option<PublishedRecord> {
    let at = |field| At(prefix, field);
    let handle = reading.bytes(at("handle"), &message.handle);
    let jwt_sha256 = reading.bytes(at("jwt_sha256"), &message.jwt_sha256);
    let source_digest = reading.bytes(at("source_digest"), &message.source_digest);
    let from = reading.optional_date(at("valid_from"), &message.valid_from);
    let until = reading.optional_date(at("valid_until"), &message.valid_until);
    let status = status_from_number(message.status).or_else(|| reading.fail(at("status"), "is not a status"));
    let replaces = reading.optional_bytes(at("replaces"), &message.replaces);
    let copy = message.copy.as_ref().map(|copy| {
        let original = reading.bytes(at("copy.original"), &copy.original);
        let purpose = reading.optional_name(at("copy.purpose"), &copy.purpose);
        Some(AnnotatedCopy { original: original?, purpose: purpose? })
    });
    reading.require(message.version > 0, at("version"), "counts from 1");
    Some(PublishedRecord {
        handle: handle?,
        version: message.version,
        jwt_sha256: jwt_sha256?,
        source_digest: source_digest?,
        validity: Validity { from: from?, until: until? },
        status: status?,
        replaces: replaces?,
        copy: copy.map_or(Some(None), |copy| copy.map(Some))?,
    })
}

fn query_to_proto(header: &Header, query: &Query) -> proto::QueryStatement {
    proto::QueryStatement {
        header: Some(header_to_proto(header)),
        resource_id: query.resource_id.to_string(),
        purpose: query.purpose.to_string(),
        matter: query.matter.to_string(),
        case_commitment: query.case_commitment.0.to_vec(),
        operator_pseudonym: query.operator_pseudonym.0.to_vec(),
        agreement_id: query.agreement_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        fields: query.fields.iter().map(ToString::to_string).collect(),
        lookup: lookup_to_number(query.lookup),
        commitments: query.commitments.iter().map(|commitment| commitment.0.to_vec()).collect(),
    }
}

fn read_query(reading: &mut Reading, message: &proto::QueryStatement) -> Option<Statement> {
    let header = read_header(reading, message.header.as_ref());
    let resource_id = reading.name("resource_id", &message.resource_id);
    let purpose = reading.name("purpose", &message.purpose);
    let matter = reading.name("matter", &message.matter);
    let case_commitment = reading.bytes("case_commitment", &message.case_commitment);
    let operator_pseudonym = reading.bytes("operator_pseudonym", &message.operator_pseudonym);
    let agreement_id = reading.optional_name("agreement_id", &message.agreement_id);
    reading.require(
        (1..=crate::domain::catalog::MAX_FIELDS).contains(&message.fields.len()),
        "fields",
        "must be 1 to 200",
    );
    let fields = reading.sorted("fields", &message.fields);
    let lookup = lookup_from_number(message.lookup).or_else(|| reading.fail("lookup", "is not a lookup"));
    let most = Policy::GREATEST.max_lookups as usize;
    reading.require((1..=most).contains(&message.commitments.len()), "commitments", "must be 1 to 64");
    let commitments: Vec<_> = message
        .commitments
        .iter()
        .take(most)
        .enumerate()
        .map(|(i, commitment)| reading.bytes(format_args!("commitments[{i}]"), commitment))
        .collect();
    Some(Statement::Query(
        header?,
        Query {
            resource_id: resource_id?,
            purpose: purpose?,
            matter: matter?,
            case_commitment: case_commitment?,
            operator_pseudonym: operator_pseudonym?,
            agreement_id: agreement_id?,
            fields: fields?,
            lookup: lookup?,
            commitments: commitments.into_iter().collect::<Option<_>>()?,
        },
    ))
}

fn trace_to_proto(header: &Header, trace: &Trace) -> proto::HolderTraceStatement {
    proto::HolderTraceStatement {
        header: Some(header_to_proto(header)),
        purpose: trace.purpose.to_string(),
        holder_commitment: trace.holder.0.to_vec(),
        case_commitment: trace.case_commitment.0.to_vec(),
        legal_basis_commitment: trace.legal_basis.map(|commitment| commitment.0.to_vec()).unwrap_or_default(),
        since: trace.since.map(timestamp),
        until: trace.until.map(timestamp),
    }
}

fn read_trace(reading: &mut Reading, message: &proto::HolderTraceStatement) -> Option<Statement> {
    let header = read_header(reading, message.header.as_ref());
    let purpose = reading.name("purpose", &message.purpose);
    let holder = reading.bytes("holder_commitment", &message.holder_commitment);
    let case_commitment = reading.bytes("case_commitment", &message.case_commitment);
    let legal_basis = reading.optional_bytes("legal_basis_commitment", &message.legal_basis_commitment);
    let mut bound = |field: &str, time: Option<&prost_types::Timestamp>| match time {
        None => Some(None),
        Some(_) => reading.time(field, time).map(Some),
    };
    let since = bound("since", message.since.as_ref());
    let until = bound("until", message.until.as_ref());
    let trace = Trace {
        purpose: purpose?,
        holder: holder?,
        case_commitment: case_commitment?,
        legal_basis: legal_basis?,
        since: since?,
        until: until?,
    };
    let is_ordered = trace.since.zip(trace.until).is_none_or(|(since, until)| since < until);
    reading.require(is_ordered, "until", "must be after since");
    Some(Statement::Trace(header?, trace))
}

fn erasure_to_proto(header: &Header, erasure: Erasure) -> proto::OpeningErasureStatement {
    let selection = match erasure {
        Erasure::Before(time) => Selection::Before(timestamp(time)),
        Erasure::Holder(commitment) => Selection::HolderCommitment(commitment.0.to_vec()),
    };
    proto::OpeningErasureStatement { header: Some(header_to_proto(header)), selection: Some(selection) }
}

fn read_erasure(reading: &mut Reading, message: &proto::OpeningErasureStatement) -> Option<Statement> {
    let header = read_header(reading, message.header.as_ref());
    let erasure = match &message.selection {
        Some(Selection::Before(time)) => reading.time("before", Some(time)).map(Erasure::Before),
        Some(Selection::HolderCommitment(bytes)) => reading.bytes("holder_commitment", bytes).map(Erasure::Holder),
        None => reading.fail("selection", "must be before or holder_commitment"),
    };
    Some(Statement::Erasure(header?, erasure?))
}
