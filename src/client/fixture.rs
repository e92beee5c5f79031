//! What the tests of this room are made of: a log, two departments, a record and an agreement.

use std::sync::Arc;

use serde_json::Value;

use super::{Refused, SignedRecord, statement::Author, statement::Signed, verify::VerifiedReceipt};
use crate::{
    domain::{
        agreement::{AgreementState, AgreementText, AgreementVersion, LookupKind},
        catalog::{Field, FieldType, Metadata, Resource, ResourceKind, SharingClass, UpdateCycle},
        directory::Key,
        id::{Digest, DomainName, Handle, KeyId, RequestId, SystemId},
        outcome::{Outcome, QueryPermitted, RecordRelease, Refusal, RefusalReason},
        record::{RecordStatus, Validity},
        statement::{Header, PublishedRecord, RuleChange, Statement},
        time::Time,
    },
    sign::{
        LogSigner, LogVerifier, Secret, SigningKey, SystemRandomness,
        commitment::{Opening, Scheme},
        dsse,
        sd_jwt::{RecordClaims, SdJwt, issue, sd_hash},
        sha256,
    },
    tlog::{BatchTree, Checkpoint, Frontier, TlogProof, leaf_hash},
    wire::{self, Entry},
};

pub(super) const PROVIDER: &str = "11440399X00000019A";
pub(super) const CONSUMER: &str = "11440399X00000043T";
pub(super) const RESOURCE: &str = "samr.business-licence";
pub(super) const HANDLE: [u8; 32] = [5; 32];

pub(super) fn now() -> Time {
    Time::from_millis(1_790_000_000_000).unwrap()
}

pub(super) fn hub() -> DomainName {
    "hub.example".parse().unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::from_bytes(&[seed; 32])).unwrap()
}

pub(super) fn provider_key() -> SigningKey {
    key(1)
}

/// The provider's key as the directory has it.
pub(super) fn provider_key_entry() -> Key {
    let public = provider_key().verifying_key().clone();
    Key {
        kid: KeyId(*public.thumbprint()),
        system: SystemId::new(&"gov.example".parse().unwrap(), &PROVIDER.parse().unwrap(), "registry").unwrap(),
        public_key: *public.as_bytes(),
        registered_index: 1,
        retired_index: None,
        compromised_since: None,
    }
}

pub(super) fn consumer_key() -> SigningKey {
    key(2)
}

pub(super) fn consumer_system() -> SystemId {
    SystemId::new(&"gov.example".parse().unwrap(), &CONSUMER.parse().unwrap(), "permits").unwrap()
}

/// A log of two entries, of which the second is the one sealed.
pub(super) struct Log(LogSigner);

impl Log {
    pub(super) fn new() -> Self {
        Self::of_seed(7)
    }

    pub(super) fn of_seed(seed: u8) -> Self {
        Self(LogSigner::new("hub.example/exchange-log/2026".parse().unwrap(), key(seed)))
    }

    pub(super) fn verifier(&self) -> LogVerifier {
        self.0.verifier()
    }

    pub(super) fn signer(self) -> LogSigner {
        self.0
    }

    /// The entry's bytes and the proof.
    pub(super) fn seal(&self, entry: &Entry) -> (Vec<u8>, String) {
        self.seal_bytes(&entry.encode())
    }

    /// Each entry's bytes and its proof, all after the first of the log.
    pub(super) fn seal_all(&self, entries: &[Entry]) -> Vec<(Vec<u8>, String)> {
        let encoded: Vec<_> = entries.iter().map(Entry::encode).collect();
        let leaves = std::iter::once(leaf_hash(b"genesis")).chain(encoded.iter().map(|entry| leaf_hash(entry)));
        let tree = BatchTree::new(&Frontier::new(), leaves.collect()).unwrap();
        let checkpoint = Checkpoint { origin: self.0.vkey().name().clone(), size: tree.size(), root: tree.root() };
        let checkpoint = checkpoint.sign(&self.0).unwrap();
        let proof = |index| {
            let (hashes, checkpoint) = (tree.prove_inclusion(index).unwrap(), checkpoint.clone());
            TlogProof { index, hashes, checkpoint, extra: None }.to_string()
        };
        (1..).zip(encoded).map(|(index, entry)| (entry, proof(index))).collect()
    }

    pub(super) fn seal_bytes(&self, entry: &[u8]) -> (Vec<u8>, String) {
        let leaves = vec![leaf_hash(b"genesis"), leaf_hash(entry)];
        let tree = BatchTree::new(&Frontier::new(), leaves).unwrap();
        let checkpoint = Checkpoint { origin: self.0.vkey().name().clone(), size: tree.size(), root: tree.root() };
        let checkpoint = checkpoint.sign(&self.0).unwrap();
        let proof = TlogProof { index: 1, hashes: tree.prove_inclusion(1).unwrap(), checkpoint, extra: None };
        (entry.to_vec(), proof.to_string())
    }
}

/// The proof with another last byte of its checkpoint's signature.
pub(super) fn flip_last_signature(proof: &str) -> String {
    let mut lines: Vec<String> = proof.lines().map(str::to_owned).collect();
    let last = lines.last_mut().unwrap();
    let at = last.len() - 8;
    let other = if last.as_bytes()[at] == b'A' { "B" } else { "A" };
    last.replace_range(at..=at, other);
    lines.join("\n") + "\n"
}

fn author<'a>(system: &'a SystemId, hub: &'a DomainName, key: &'a SigningKey) -> Author<'a> {
    Author { system, hub, key }
}

/// Some statement of the consumer's.
pub(super) fn signed() -> Signed {
    let (system, hub, key) = (consumer_system(), hub(), consumer_key());
    let change = RuleChange::AgreementResumption { agreement_id: "housing-2026".parse().unwrap() };
    let opening = Opening::new(&SystemRandomness::new(), Scheme::Case, "办件2026-0001").unwrap();
    author(&system, &hub, &key)
        .sign(&SystemRandomness::new(), now(), vec![opening], |header| Statement::Rule(header, change))
        .unwrap()
}

/// A header of the consumer's.
pub(super) fn header() -> Header {
    Header { request_id: RequestId([7; 16]), issued_at: now(), actor: consumer_system(), hub: hub() }
}

/// A statement under the consumer's signature.
pub(super) fn envelope(statement: &Statement) -> dsse::Envelope {
    let (payload_type, payload) = wire::encode_statement(statement);
    dsse::Envelope::sign(&consumer_key(), &payload_type, payload).unwrap()
}

pub(super) fn entry(outcome: Outcome) -> Entry {
    entry_of(&signed(), outcome)
}

pub(super) fn entry_of(signed: &Signed, outcome: Outcome) -> Entry {
    Entry { time: now(), envelope: Some(signed.envelope.clone()), outcome, carried: None }
}

pub(super) fn refusal() -> Refusal {
    Refusal {
        reason: RefusalReason::FieldNotAgreed,
        term: "KZ_FDDBR".to_owned(),
        agreement: Some(("housing-2026".parse().unwrap(), 1)),
        peer_address: None,
    }
}

pub(super) fn refused_entry() -> Entry {
    entry(Outcome::Refused(refusal()))
}

/// What the hub's error says about the entry of a receipt.
pub(super) fn refused(receipt: &VerifiedReceipt) -> Refused {
    let Refusal { reason, term, agreement, .. } = refusal();
    let message = "refused".to_owned();
    let denial_basis = None;
    Refused {
        reason,
        term,
        agreement,
        denial_basis,
        message,
        request_id: None,
        index: receipt.index,
        leaf_hash: receipt.leaf_hash,
    }
}

// === A record

pub(super) fn claims() -> RecordClaims {
    RecordClaims {
        iss: PROVIDER.to_owned(),
        vct: format!("urn:hutong:{RESOURCE}:1"),
        jti: HANDLE,
        ver: 2,
        iat: now().as_seconds(),
    }
}

/// Randomness that is the same each time, so that one record has one form.
struct Counting(std::sync::atomic::AtomicU8);

impl crate::sign::Random for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), crate::sign::Error> {
        out.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        Ok(())
    }
}

pub(super) fn record() -> String {
    let fields: [(String, Value); 4] = [
        ("CZZTDM".to_owned(), CONSUMER.into()),
        ("CZZT".to_owned(), "样例商行".into()),
        ("KZ_FDDBR".to_owned(), "示例".into()),
        ("KZ_ZCZB".to_owned(), Value::Null),
    ];
    issue(&provider_key(), &Counting(1.into()), &claims(), &fields).unwrap()
}

pub(super) fn presentation(fields: &[&str]) -> String {
    SdJwt::parse(&record()).unwrap().select(fields).unwrap()
}

/// A well-formed disclosure of some other record.
pub(super) fn foreign_disclosure() -> String {
    let other = issue(&provider_key(), &Counting(9.into()), &claims(), &[("KZ_X".to_owned(), 1.into())]).unwrap();
    format!("{}~", SdJwt::parse(&other).unwrap().disclosures()[0])
}

/// The presentation under a signature of which one character is another.
pub(super) fn change_signature(presentation: &str) -> String {
    let end = presentation.find('~').unwrap();
    let at = end - 10;
    let other = if presentation.as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut changed = presentation.to_owned();
    changed.replace_range(at..=at, other);
    changed
}

pub(super) fn release(presentation: &str, fields: &[&str]) -> RecordRelease {
    RecordRelease {
        lookup: 0,
        handle: Handle(HANDLE),
        version: 2,
        status: RecordStatus::Active,
        publication_index: 0,
        jwt_sha256: Digest(SdJwt::parse(presentation).unwrap().jwt_hash()),
        fields: fields.iter().map(|code| code.parse().unwrap()).collect(),
        sd_hash: Some(Digest(sd_hash(presentation))),
        replaces: None,
        original: None,
    }
}

pub(super) fn permitted(records: Vec<RecordRelease>) -> Outcome {
    Outcome::QueryPermitted(QueryPermitted {
        agreement_id: "housing-2026".parse().unwrap(),
        agreement_version: 1,
        records,
        withheld: None,
        peer_address: None,
    })
}

pub(super) fn permitted_entry(presentation: &str, fields: &[&str]) -> Entry {
    entry(permitted(vec![release(presentation, fields)]))
}

pub(super) fn signed_record() -> SignedRecord {
    let published = PublishedRecord {
        handle: Handle(HANDLE),
        version: 2,
        jwt_sha256: Digest([0; 32]),
        source_digest: Digest([0; 32]),
        validity: Validity::default(),
        status: RecordStatus::Active,
        replaces: None,
        copy: None,
    };
    SignedRecord { published, sd_jwt: record(), record_salt: [0; 32] }
}

// === The rules

fn field(code: &str, field_type: FieldType) -> Field {
    Field {
        code: code.parse().unwrap(),
        name: code.to_owned(),
        name_en: code.to_owned(),
        field_type,
        required: false,
        sharing_class: SharingClass::Unconditional,
        repeated: false,
        sensitive: false,
        open_to_society: false,
        value_range: String::new(),
        derivation: None,
    }
}

pub(super) fn resource() -> Resource {
    let text = || FieldType::Text { max_length: 100 };
    Resource {
        resource_id: RESOURCE.parse().unwrap(),
        name: "营业执照".to_owned(),
        name_en: "Business licence".to_owned(),
        provider: PROVIDER.parse().unwrap(),
        kind: ResourceKind::Licence,
        national_code: "307001001/000001".to_owned(),
        summary: "营业执照".to_owned(),
        sharing_class: SharingClass::Unconditional,
        sharing_condition: String::new(),
        denial_basis: String::new(),
        metadata: Metadata::default(),
        update_cycle: UpdateCycle::Daily,
        fields: vec![
            field("ZZBH", text()),
            field("CZZTDM", FieldType::Uscc),
            field("CZZT", text()),
            field("KZ_FDDBR", text()),
            field("KZ_ZCZB", FieldType::Decimal),
        ],
        record_id_field: "ZZBH".parse().unwrap(),
        holder_field: "CZZTDM".parse().unwrap(),
        valid_from_field: None,
        valid_until_field: None,
        holder_type_field: None,
        replaces_field: None,
        copy_of: None,
    }
}

pub(super) fn agreement_version() -> AgreementVersion {
    let text = AgreementText {
        hub: hub(),
        agreement_id: "housing-2026".parse().unwrap(),
        version: 1,
        previous_digest: None,
        consumer: CONSUMER.parse().unwrap(),
        provider: PROVIDER.parse().unwrap(),
        resource_id: RESOURCE.parse().unwrap(),
        fields: ["CZZT".parse().unwrap()].into(),
        purposes: ["housing".parse().unwrap()].into(),
        matters: std::collections::BTreeSet::new(),
        lookups: [LookupKind::Holder].into(),
        valid_from: now(),
        valid_until: Time::MAX,
        daily_limit: 100,
        batch_limit: 10,
        legal_basis: None,
        scenario: None,
        condition: None,
        minute_limit: None,
        networks: std::collections::BTreeSet::new(),
        retention_days: None,
        scope: None,
    };
    let serialized: Arc<[u8]> = wire::encode_agreement_text(&text).into();
    let digest = Digest(sha256(&serialized));
    AgreementVersion {
        text,
        serialized,
        digest,
        state: AgreementState::Proposed,
        suspended_by: None,
        reason: None,
        accepted: false,
        waiting: None,
        entry_indexes: vec![1],
    }
}

// === A profile

/// A profile's text, and the vkey in it.
pub(super) fn profile_text() -> (LogVerifier, String) {
    let log = Log::new().verifier();
    let text = format!(
        "hub = \"https://localhost:7443\"\n\
         hub_domain = \"hub.example\"\n\
         log_vkey = \"{}\"\n\
         system = \"{}\"\n\
         ca = \"ca.pem\"\n\
         certificate = \"permits.pem\"\n\
         private_key = \"permits.key.pem\"\n\
         signing_key = \"permits.key.jwk\"\n\
         secret = \"permits.secret\"\n\
         journal = \"permits.journal\"\n",
        log.vkey(),
        consumer_system()
    );
    (log, text)
}

/// A folder with `profile.toml` and the files that it names; its certificates are none.
pub(super) fn profile_folder() -> tempfile::TempDir {
    use crate::files::{Readable, create};
    let folder = tempfile::tempdir().unwrap();
    let jwk = consumer_key().to_private_jwk();
    let secret = "ab".repeat(32) + "\n";
    for (name, contents, readable) in [
        ("profile.toml", profile_text().1.as_bytes(), Readable::ByAll),
        ("ca.pem", b"CERTIFICATE".as_slice(), Readable::ByOwner),
        ("permits.pem", b"CERTIFICATE", Readable::ByAll),
        ("permits.key.pem", b"PRIVATE KEY", Readable::ByOwner),
        ("permits.key.jwk", jwk.as_bytes(), Readable::ByOwner),
        ("permits.secret", secret.as_bytes(), Readable::ByOwner),
    ] {
        create(&folder.path().join(name), contents, readable).unwrap();
    }
    folder
}
