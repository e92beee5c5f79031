//! Checking the answer to a query: nothing of it is shown that is not proven.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    CatalogEntry, Error, Pins, QueryAnswer, Record,
    verify::{self, Issued, VerifiedReceipt},
};
use crate::{
    domain::{
        agreement::LookupKind,
        directory::Key,
        id::{FieldCode, KeyId},
        identifier::Uscc,
        issuing::IssuingRight,
        outcome::{Outcome, RecordRelease},
        record::RecordStatus,
        time::Time,
    },
    sign::{VerifyingKey, commitment::Opening, sd_jwt::SdJwt},
    wire::{self, proto},
};

/// How far a record's `iat` may be ahead of this machine's clock, in seconds: the hub's own clock skew.
const CLOCK_SKEW_SECONDS: i64 = 300;

/// What was asked, and what an answer to it is checked with.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The resource.
    pub(super) entry: &'a CatalogEntry,
    /// The fields.
    pub(super) fields: &'a BTreeSet<FieldCode>,
    /// How the records are named.
    pub(super) lookup: LookupKind,
    /// The records' or holders' identifiers, in order.
    pub(super) lookups: &'a [Opening],
    /// Who the records say has issued them.
    pub(super) issuers: &'a [Issuer],
    /// The keys that are believed.
    pub(super) pins: &'a Pins,
    /// The time.
    pub(super) now: Time,
}

/// Who may have issued a record, as the directory has it.
pub(super) struct Issuer {
    /// The key.
    pub(super) key: Key,
    /// The entry that published the record.
    pub(super) publication_index: u64,
    /// The right that the key's department had then; the provider needs none.
    pub(super) right: Option<IssuingRight>,
}

/// The department that a presentation says has issued it, and the key that it says it is signed with.
pub(super) fn claimed(presentation: &str) -> Result<(Uscc, KeyId), Error> {
    let sd_jwt = SdJwt::parse(presentation).map_err(unproven)?;
    let issuer = sd_jwt.claims_unverified().map_err(unproven)?.iss;
    let issuer = issuer.parse().map_err(|_| unproven("its iss is no credit code"))?;
    let kid = sd_jwt.kid().map_err(unproven)?;
    Ok((issuer, wire::kid_from_text(&kid).ok_or_else(|| unproven("its kid is no thumbprint"))?))
}

fn unproven(why: impl std::fmt::Display) -> Error {
    Error::Unproven { what: "the credential", check: "issuer key", why: why.to_string() }
}

impl Asked<'_> {
    /// Verifies an answer's records against its receipt, one by one and as a whole.
    pub(super) fn check(
        &self,
        receipt: VerifiedReceipt,
        sent: Vec<proto::ReleasedRecord>,
        retention_days: u32,
    ) -> Result<QueryAnswer, Error> {
        let wrong = |why: String| Error::Unproven { what: "the answer", check: "records are those of the entry", why };
        let Outcome::QueryPermitted(permitted) = receipt.outcome().clone() else {
            return Err(wrong(verify::outcome_in_words(receipt.outcome())));
        };
        let mut sent = sent.into_iter();
        let mut records = Vec::with_capacity(permitted.records.len());
        for release in &permitted.records {
            let message = match sent.next() {
                Some(message) => message,
                // A repeated answer without data, of which nothing was released: the entry says it all.
                None if release.sd_hash.is_none() => wire::released_record_to_proto(release, String::new()),
                None => return Err(wrong("a record that the entry releases is missing".to_owned())),
            };
            if message != wire::released_record_to_proto(release, message.presentation.clone()) {
                return Err(wrong(format!("record {} is not as the entry has it", release.handle)));
            }
            let lookup = usize::try_from(release.lookup).ok().and_then(|lookup| self.lookups.get(lookup));
            let Some(lookup) = lookup else {
                let (handle, number, lookups) = (release.handle, release.lookup, self.lookups.len());
                return Err(wrong(format!("record {handle} is said to be of lookup {number} of {lookups}")));
            };
            records.push(self.check_record(&receipt, release, lookup, message.presentation)?);
        }
        match sent.next() {
            Some(_) => Err(wrong("a record came that the entry does not have".to_owned())),
            None => Ok(QueryAnswer {
                agreement: (permitted.agreement_id, permitted.agreement_version),
                records,
                withheld: permitted.withheld.unwrap_or_default(),
                retention_days: (retention_days > 0).then_some(retention_days),
                receipt,
            }),
        }
    }

    fn check_record(
        &self,
        receipt: &VerifiedReceipt,
        release: &RecordRelease,
        lookup: &Opening,
        presentation: String,
    ) -> Result<Record, Error> {
        let mut record = Record {
            lookup: release.lookup,
            handle: release.handle,
            version: release.version,
            status: release.status,
            publication_index: release.publication_index,
            fields: Map::new(),
            presentation: None,
            issuer_key: None,
            replaces: release.replaces,
            original: release.original,
        };
        // A record of an older catalog version, or a copy made for another purpose, may have none of the fields asked for.
        if presentation.is_empty() && release.sd_hash.is_none() && release.fields.is_empty() {
            return Ok(record);
        }
        if release.status != RecordStatus::Active {
            return Err(unproven("fields were released of a record that is not ACTIVE"));
        }
        let (_, kid) = claimed(&presentation)?;
        let mut issuers = self.issuers.iter();
        let issuer =
            issuers.find(|issuer| issuer.key.kid == kid && issuer.publication_index == release.publication_index);
        let issuer = issuer.ok_or_else(|| unproven(format_args!("no key {kid} of its issuer is known")))?;
        let (known, department) = (&issuer.key, issuer.key.system.department());
        let key = VerifyingKey::from_bytes(&known.public_key)?;
        let resource = &self.entry.resource;
        let issued = Issued {
            provider: Some(department.as_str()),
            resource: Some(resource.resource_id.as_str()),
            until: Some(self.now.plus_seconds(CLOCK_SKEW_SECONDS)),
            pins: Some(self.pins),
        };
        let verified = verify::credential(&presentation, &key, &issued).into_result("the credential")?;
        if known.compromised_since.is_some_and(|since| verified.claims.iat >= since.as_seconds()) {
            return Err(unproven(format_args!("its key {kid} was compromised when it was issued")));
        }
        if *department != resource.provider {
            let times = (receipt.time(), verified.claims.iat);
            let pinned = self.pins.allow_issuer(&resource.provider, department);
            require_right(issuer.right.as_ref(), times).and(pinned).map_err(|why| {
                unproven(format_args!("{department} is not the provider of {}, and {why}", resource.resource_id))
            })?;
        }
        let proven = verify::release(receipt, &presentation, &verified).into_result("the release")?;
        // A record of an older version of the catalog entry lacks the fields that came later; any other has all.
        let is_older = verified.claims.vct != resource.vct(self.entry.version);
        let is_successor = release.replaces.is_some();
        let record_id = &resource.record_id_field;
        let due = |code: &&FieldCode| !is_successor || *code == record_id;
        let all = self.fields.iter().filter(due).map(FieldCode::as_str).eq(sorted(&verified.fields));
        let some = || verified.fields.keys().all(|code| self.fields.contains(code.as_str()));
        if proven != release || !(all || is_older && some()) {
            let why = "the fields are not those asked for".to_owned();
            return Err(Error::Unproven { what: "the answer", check: "fields asked for", why });
        }
        // What replaced a record is not what was asked for.
        if !is_successor {
            self.require_lookup(release, lookup, &verified.fields)?;
        }
        record.fields = verified.fields;
        record.issuer_key = Some(key);
        record.presentation = Some(presentation);
        Ok(record)
    }

    /// Compares the identifier that was looked up with the one in the record, where that was released: a receipt is of the
    /// record that the hub chose, whichever was asked for. The error quotes neither.
    fn require_lookup(
        &self,
        release: &RecordRelease,
        lookup: &Opening,
        fields: &Map<String, Value>,
    ) -> Result<(), Error> {
        let field = match self.lookup {
            LookupKind::Record => &self.entry.resource.record_id_field,
            LookupKind::Holder => &self.entry.resource.holder_field,
        };
        let Some(value) = fields.get(field.as_str()) else { return Ok(()) };
        // Of several holders any may be the one asked for.
        let values = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
        let is_asked = |value: &Value| {
            let form = value.as_str().and_then(|value| lookup.scheme().canonical_form(value).ok());
            form.as_deref() == Some(lookup.value())
        };
        if values.iter().any(is_asked) {
            return Ok(());
        }
        let why = format!("{field} of record {} is not what lookup {} asked for", release.handle, release.lookup);
        Err(Error::Unproven { what: "the answer", check: "records asked for", why })
    }
}

/// Whether a right that stood at a record's publication can have been valid then: the publication is not before the record was
/// issued, and not after it was released. The auditor, who has its entry, holds it to its very time.
fn require_right(right: Option<&IssuingRight>, (released, iat): (Time, i64)) -> Result<(), String> {
    let right = right.ok_or("had no right to issue it when it was published")?;
    if right.grant.valid_from > released {
        return Err(format!("its right to issue it begins at {}", right.grant.valid_from));
    }
    if iat.saturating_mul(1_000) >= right.grant.valid_until.as_millis() {
        return Err(format!("its right to issue it ended at {}", right.grant.valid_until));
    }
    Ok(())
}

fn sorted(fields: &Map<String, Value>) -> impl Iterator<Item = &str> {
    fields.keys().map(String::as_str).collect::<BTreeSet<_>>().into_iter()
}
