//! From a row to a record: fields, checks, salt, handle, signature.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use super::{Error, Numbering, Oddity, Rejection};
use crate::{
    domain::{
        catalog::{CopyOf, Field, Resource},
        decide::{OriginalFacts, RecordClaims, RecordFacts, Replaced, check_record},
        derive::day_of_issue,
        id::{Digest, FieldCode, Handle, ResourceId},
        identifier::{LicenceId, Uscc},
        record::{AnnotatedCopy, RecordStatus, Validity},
        statement::PublishedRecord,
        time::{Date, Moment, Time},
        value::{parse_date, text_of, warnings},
    },
    schema::Schema,
    seal::{TrustAnchors, check_seal_fields},
    sign::{
        Random, Secret, Signer,
        commitment::{SALT_LENGTH, record_handle, record_salt},
        hmac_sha256, sd_jwt, sha256,
    },
    tabular::Row,
};

/// Makes the records of one resource.
pub struct Publisher<'a> {
    /// The resource, in its newest version.
    pub resource: &'a Resource,
    /// That version.
    pub resource_version: u32,
    /// The department that publishes: the resource's provider, or one that has the right to issue it.
    pub issuer: Uscc,
    /// The schema of that version.
    pub schema: &'a Schema,
    /// How a licence's identifier is made where its row has none; `None`: every row must have one.
    pub numbering: Option<&'a Numbering>,
    /// The publisher's secret, from which every record's salt follows.
    pub secret: &'a Secret,
    /// The time that its records are issued at: what is derived of a date is a statement at its day.
    pub issued_at: Time,
}

/// A record in order, not yet signed.
#[derive(Clone, PartialEq)]
pub struct PreparedRecord {
    /// Where its row begins, in lines from 1.
    pub line: u64,
    /// Its name in the log.
    pub handle: Handle,
    /// Tells whether the row changed since it was last published.
    pub source_digest: Digest,
    /// What is odd about its identifiers; it may be published all the same.
    pub oddities: Vec<Oddity>,
    fields: Vec<(String, Value)>,
    salt: [u8; SALT_LENGTH],
    validity: Validity,
    replaces: Option<Handle>,
    copy: Option<AnnotatedCopy>,
}

/// A record signed, with what its publication says of it.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedRecord {
    /// Where its row begins, in lines from 1.
    pub line: u64,
    /// Its part of the statement.
    pub published: PublishedRecord,
    /// The SD-JWT with all of its disclosures.
    pub sd_jwt: String,
    /// The salt, opened to the hub.
    pub record_salt: [u8; SALT_LENGTH],
}

// Values and salts stay out of whatever is printed for debugging.
impl fmt::Debug for PreparedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreparedRecord(line {}, {}, …)", self.line, self.handle)
    }
}

impl fmt::Debug for IssuedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuedRecord(line {}, {:?}, …)", self.line, self.published)
    }
}

/// What the hub has of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldState {
    /// The current version; 0: none.
    pub version: u32,
    /// The version of the resource that it follows.
    pub resource_version: u32,
    /// The digest of the row that it was made from.
    pub source_digest: Digest,
    /// The status published.
    pub status: RecordStatus,
}

impl HeldState {
    /// Of a record that the hub does not have: its first status is ACTIVE unless another is wanted.
    pub const NONE: Self =
        Self { version: 0, resource_version: 0, source_digest: Digest([0; 32]), status: RecordStatus::Active };
}

/// What a record is published as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextVersion {
    /// Its version.
    pub version: u32,
    /// Its status.
    pub status: RecordStatus,
}

/// What to publish a record as; `None` where the hub has it as it is: made from the same row, after the same version of the
/// resource, in the status wanted. Where none is wanted a record keeps its own: changed data bring nothing back that was
/// revoked.
pub fn next_version(
    held: &HeldState,
    source_digest: &Digest,
    resource_version: u32,
    wanted: Option<RecordStatus>,
) -> Option<NextVersion> {
    let status = wanted.unwrap_or(held.status);
    let as_held = HeldState { version: held.version, resource_version, source_digest: *source_digest, status };
    let unchanged = held.version > 0 && as_held == *held;
    (!unchanged).then(|| NextVersion { version: held.version.saturating_add(1), status })
}

impl Publisher<'_> {
    /// Makes a record's fields of a row, in the order of the catalog: derived fields by their rule, empty ones null.
    ///
    /// # Errors
    /// All that is wrong with the row, by field.
    pub fn prepare(&self, row: &Row) -> Result<PreparedRecord, Vec<Rejection>> {
        let (made, unnumbered) = match self.numbering.map(|numbering| numbering.number(row)) {
            Some(Ok(made)) => (made, None),
            Some(Err(rejection)) => (None, Some(rejection)),
            None => (None, None),
        };
        let value_of = |field: &Field| (field.code.to_string(), self.value_of(field, row, made.as_ref()));
        let fields: Vec<(String, Value)> = self.resource.fields.iter().map(value_of).collect();
        let record_id = text_of(&fields, self.resource.record_id_field.as_str());
        let replaces = self.resource.replaces_field.as_ref().and_then(|code| text_of(&fields, code.as_str()));
        let replaces = replaces.and_then(|id| self.handle_of(&self.resource.resource_id, id));
        let copy = self.resource.copy_of.as_ref().and_then(|copy_of| self.copy(copy_of, &fields));
        let salt = record_id.and_then(|id| record_salt(self.secret, self.resource.resource_id.as_str(), id).ok());
        let handle = record_id
            .zip(salt)
            .and_then(|(id, salt)| record_handle(&salt, self.resource.resource_id.as_str(), id).ok())
            .map(Handle);
        let date = |code: &Option<FieldCode>| text_of(&fields, code.as_ref()?.as_str()).and_then(parse_date);
        let validity =
            Validity { from: date(&self.resource.valid_from_field), until: date(&self.resource.valid_until_field) };
        let rejections = self.check(row, &fields, handle, (validity, replaces, copy.as_ref()), unnumbered);
        match (salt, handle) {
            (Some(salt), Some(handle)) if rejections.is_empty() => {
                let source_digest = Digest(hmac_sha256(&salt, &[b"source", &[0], &self.source_bytes(row, &fields)]));
                let odd = warnings(self.resource, &fields, &self.issuer).into_iter();
                let oddities = odd.map(|(field, warning)| Oddity::new(row.line(), field, &warning)).collect();
                Ok(PreparedRecord {
                    line: row.line(),
                    handle,
                    source_digest,
                    oddities,
                    fields,
                    salt,
                    validity,
                    replaces,
                    copy,
                })
            }
            _ => Err(rejections),
        }
    }

    /// What is wrong with a row: what could not be read, then whatever the hub would refuse it for, as if it were the
    /// first version of its record. What only follows from an unreadable value is not said again.
    fn check(
        &self,
        row: &Row,
        fields: &[(String, Value)],
        handle: Option<Handle>,
        (validity, replaces, copy): (Validity, Option<Handle>, Option<&AnnotatedCopy>),
        unnumbered: Option<Rejection>,
    ) -> Vec<Rejection> {
        let mut rejections: Vec<_> = row.violations().iter().map(Rejection::of_table).collect();
        let whole = row.violations().iter().any(|violation| violation.field.is_none());
        if whole {
            return rejections;
        }
        rejections.extend(unnumbered);
        let told: BTreeSet<_> = rejections.iter().filter_map(|found| found.field.clone()).collect();
        let unreadable = |code: &str| told.contains(code);
        let follows = |code: &str| {
            let source = self.resource.field(code).and_then(|field| field.derivation.as_ref());
            unreadable(code) || source.is_some_and(|derivation| unreadable(derivation.source_field.as_str()))
        };
        let record = PublishedRecord {
            handle: handle.unwrap_or(Handle([0; 32])),
            version: 1,
            jwt_sha256: Digest([0; 32]),
            source_digest: Digest([0; 32]),
            validity,
            status: RecordStatus::Active,
            replaces,
            copy: copy.cloned(),
        };
        let claims = RecordClaims {
            iss: self.issuer.to_string(),
            vct: self.resource.vct(self.resource_version),
            jti: record.handle,
            ver: record.version,
            iat: self.issued_at,
        };
        let facts = RecordFacts {
            issuer: &self.issuer,
            current: None,
            may_continue: true,
            identifier_owner: None,
            expected_handle: Some(record.handle),
            // Whether there is such a record, and nothing else has replaced it, the hub knows.
            replaced: replaces.map(|handle| Replaced { handle, successor: None, may_continue: true }),
            // Whether there is such a record, and until when it is valid, the hub knows; that a copy has an end is known here.
            original: copy.map(|copy| OriginalFacts {
                handle: copy.original,
                validity: Validity { from: None, until: Some(Date::MAX) },
                may_continue: true,
            }),
            unfit: self.schema.check(fields),
        };
        let mut broken = check_record(self.resource, self.resource_version, &record, &claims, fields, &facts);
        // The hub knows whom it trusts; here is found what needs no trust.
        broken.extend(check_seal_fields(self.resource, fields, &TrustAnchors::default(), &Moment::new(self.issued_at)));
        let broken = broken.iter().filter(|violation| !violation.field.as_deref().is_some_and(follows));
        rejections.extend(broken.map(|violation| Rejection::of_rule(row.line(), violation)));
        rejections
    }

    /// The handle that a record of this identifier has, if the same secret was its publisher's.
    fn handle_of(&self, resource: &ResourceId, id: &str) -> Option<Handle> {
        let resource = resource.as_str();
        let salt = record_salt(self.secret, resource, id).ok()?;
        record_handle(&salt, resource, id).ok().map(Handle)
    }

    /// What a record is a copy of, where its original is named.
    fn copy(&self, copy_of: &CopyOf, fields: &[(String, Value)]) -> Option<AnnotatedCopy> {
        let original = text_of(fields, copy_of.original_field.as_str())?;
        let purpose = copy_of.purpose_field.as_ref().and_then(|code| text_of(fields, code.as_str()));
        Some(AnnotatedCopy {
            original: self.handle_of(&copy_of.resource_id, original)?,
            purpose: purpose.and_then(|purpose| purpose.parse().ok()),
        })
    }

    /// The value of a field of a row; `made` is the record's identifier where the row has none.
    fn value_of(&self, field: &Field, row: &Row, made: Option<&LicenceId>) -> Value {
        let own = |code: &FieldCode| match made.filter(|_| *code == self.resource.record_id_field) {
            Some(id) => id.as_str().into(),
            None => row.get(code.as_str()).cloned().unwrap_or_default(),
        };
        match &field.derivation {
            None => own(&field.code),
            Some(derivation) => derivation.rule.derive(&own(&derivation.source_field), day_of_issue(self.issued_at)),
        }
    }

    /// What must change for a record to be published anew: the row, or what its dates say by now.
    fn source_bytes(&self, row: &Row, fields: &[(String, Value)]) -> Vec<u8> {
        let mut bytes = row.canonical_bytes();
        let depends_on_day = |code: &str| {
            let derivation = self.resource.field(code).and_then(|field| field.derivation.as_ref());
            derivation.is_some_and(|derivation| derivation.rule.depends_on_day())
        };
        for (code, value) in fields.iter().filter(|(code, _)| depends_on_day(code)) {
            bytes.extend_from_slice(format!("\n{code} {value}").as_bytes());
        }
        bytes
    }

    /// Signs a record as its next version.
    ///
    /// # Errors
    /// [`Error::Sign`].
    pub fn issue(
        &self,
        record: &PreparedRecord,
        next: NextVersion,
        signer: &dyn Signer,
        random: &dyn Random,
    ) -> Result<IssuedRecord, Error> {
        let claims = sd_jwt::RecordClaims {
            iss: self.issuer.to_string(),
            vct: self.resource.vct(self.resource_version),
            jti: record.handle.0,
            ver: next.version.into(),
            iat: self.issued_at.as_seconds(),
        };
        let sd_jwt = sd_jwt::issue(signer, random, &claims, &record.fields)?;
        let jwt = sd_jwt.split('~').next().unwrap_or_default();
        let published = PublishedRecord {
            handle: record.handle,
            version: next.version,
            jwt_sha256: Digest(sha256(jwt.as_bytes())),
            source_digest: record.source_digest,
            validity: record.validity,
            status: next.status,
            replaces: record.replaces,
            copy: record.copy.clone(),
        };
        Ok(IssuedRecord { line: record.line, published, sd_jwt, record_salt: record.salt })
    }
}
