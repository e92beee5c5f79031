//! Verifying receipts and credentials offline: with public keys alone, without a hub and without trust in one.
//!
//! Every function runs named checks in a fixed order, stops at the first that fails, and reports all of them.

use std::fmt;

use serde_json::{Map, Value};

use super::{Error, Pins};
use crate::{
    domain::{
        id::KeyId,
        outcome::{Notice, Outcome, RecordRelease},
        statement::Statement,
        time::Time,
    },
    sign::{
        LogVerifier, VerifyingKey, dsse,
        sd_jwt::{self, Expected, RecordClaims, SdJwt, VerifiedRecord},
    },
    tlog::{Checkpoint, Hash, TlogProof, leaf_hash, verify_inclusion},
    wire::Entry,
};

/// The checks of [`receipt`], in their order.
pub const RECEIPT_CHECKS: &[&str] =
    &["proof format", "checkpoint signature", "inclusion", "entry format", "statement format"];
/// The checks of [`statement_signature`].
pub const SIGNATURE_CHECKS: &[&str] = &["statement signature"];
/// The checks of [`credential`], in their order.
pub const CREDENTIAL_CHECKS: &[&str] =
    &["credential format", "issuer key", "signature and disclosures", "issuer and resource"];
/// The checks of [`release`], in their order.
pub const RELEASE_CHECKS: &[&str] = &["presentation hash", "record and version", "fields released"];

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It holds; what was found.
    Passed(String),
    /// It does not; why.
    Failed(String),
    /// An earlier one failed.
    NotReached,
}

/// One check and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What came of it.
    pub finding: Finding,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.finding {
            Finding::Passed(found) => write!(f, "ok    {}: {found}", self.name),
            Finding::Failed(why) => write!(f, "FAIL  {}: {why}", self.name),
            Finding::NotReached => write!(f, "-     {}: not reached", self.name),
        }
    }
}

/// All checks of a verification, and what they prove when all hold.
#[derive(Debug, Clone)]
pub struct Report<T> {
    checks: Vec<Check>,
    proven: Option<T>,
}

impl<T> Report<T> {
    /// Runs `steps` in the order of `names`: each says with [`Steps::holds`] that the next check holds, and the first to
    /// fail ends them.
    fn run(names: &'static [&'static str], steps: impl FnOnce(&mut Steps) -> Result<T, String>) -> Self {
        let mut done = Steps { names: names.iter(), checks: Vec::with_capacity(names.len()) };
        let outcome = steps(&mut done);
        let Steps { names: mut rest, mut checks } = done;
        let proven = match outcome {
            Ok(proven) => Some(proven),
            Err(why) => {
                let failed = rest.next().map(|name| Check { name, finding: Finding::Failed(why) });
                checks.extend(failed);
                checks.extend(rest.map(|name| Check { name, finding: Finding::NotReached }));
                None
            }
        };
        Self { checks, proven }
    }

    /// The checks, in their order.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// What is proven, if every check holds.
    #[must_use]
    pub fn proven(&self) -> Option<&T> {
        self.proven.as_ref()
    }

    /// What is proven.
    ///
    /// # Errors
    /// [`Error::Unproven`] with the check that failed; `what` says what was to be proven.
    pub fn into_result(self, what: &'static str) -> Result<T, Error> {
        let failed = self.checks.into_iter().find_map(|check| match check.finding {
            Finding::Failed(why) => Some((check.name, why)),
            _ => None,
        });
        match (self.proven, failed) {
            (Some(proven), _) => Ok(proven),
            (None, Some((check, why))) => Err(Error::Unproven { what, check, why }),
            (None, None) => Err(Error::Unproven { what, check: "all", why: "no check was made".to_owned() }),
        }
    }
}

/// The checks made so far.
struct Steps {
    names: std::slice::Iter<'static, &'static str>,
    checks: Vec<Check>,
}

impl Steps {
    fn holds(&mut self, found: impl fmt::Display) {
        let check = self.names.next().map(|name| Check { name, finding: Finding::Passed(found.to_string()) });
        self.checks.extend(check);
    }
}

/// An entry of which the log's key says that it is in the log.
#[derive(Debug, Clone)]
pub struct VerifiedReceipt {
    /// The entry's index.
    pub index: u64,
    /// The entry's leaf hash.
    pub leaf_hash: Hash,
    /// The entry.
    pub entry: Entry,
    /// The statement in it, as it reads; its signature is for [`statement_signature`]. `None` where the hub tells something of
    /// itself.
    pub statement: Option<Statement>,
    /// The checkpoint that vouches for it.
    pub checkpoint: Checkpoint,
    /// The entry's bytes, to be kept as `*.entry`.
    pub entry_bytes: Vec<u8>,
    /// The proof, to be kept as `*.tlog-proof`.
    pub proof: String,
}

impl VerifiedReceipt {
    /// When the hub sequenced the entry.
    #[must_use]
    pub fn time(&self) -> Time {
        self.entry.time
    }

    /// What the hub did.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.entry.outcome
    }

    /// The releases of a permitted query; none of any other outcome.
    #[must_use]
    pub fn releases(&self) -> &[RecordRelease] {
        match &self.entry.outcome {
            Outcome::QueryPermitted(permitted) => &permitted.records,
            _ => &[],
        }
    }
}

/// Verifies a receipt: an entry's bytes and its proof (C2SP tlog-proof), under the public key of the hub's log.
///
/// ```
/// use hutong::{client::verify, sign::LogVerifier};
///
/// # use hutong::{domain::{outcome::{Outcome, Refusal, RefusalReason}, time::Time}, sign::*, tlog::*, wire::Entry};
/// # let log = LogSigner::new("hub.example/exchange-log/2026".parse()?, SigningKey::from_seed(&Secret::from_bytes(&[7; 32]))?);
/// # let header = hutong::domain::statement::Header {
/// #     request_id: hutong::domain::id::RequestId([1; 16]), issued_at: Time::from_millis(0).ok_or("time")?,
/// #     actor: "spiffe://gov.example/department/11440399X00000043T/system/permits".parse()?, hub: "hub.example".parse()?,
/// # };
/// # let change = hutong::domain::statement::RuleChange::AgreementResumption { agreement_id: "housing-2026".parse()? };
/// # let (kind, payload) = hutong::wire::encode_statement(&hutong::domain::statement::Statement::Rule(header, change));
/// # let envelope = dsse::Envelope::sign(&SigningKey::from_seed(&Secret::from_bytes(&[8; 32]))?, &kind, payload)?;
/// # let outcome = Outcome::Refused(Refusal::new(RefusalReason::AgreementState, "housing-2026"));
/// # let entry = Entry { time: Time::from_millis(0).ok_or("time")?, envelope: Some(envelope), outcome, carried: None }.encode();
/// # let tree = BatchTree::new(&Frontier::new(), vec![leaf_hash(&entry)])?;
/// # let origin = "hub.example/exchange-log/2026".parse()?;
/// # let checkpoint = Checkpoint { origin, size: tree.size(), root: tree.root() }.sign(&log)?;
/// # let proof = TlogProof { index: 0, hashes: tree.prove_inclusion(0)?, checkpoint, extra: None }.to_string();
/// # let vkey = log.vkey().to_string();
/// // From the files `*.entry`, `*.tlog-proof` and `log.vkey`:
/// let log_key = LogVerifier::new(vkey.parse()?)?;
/// let report = verify::receipt(&entry, proof.as_bytes(), &log_key);
/// for check in report.checks() {
///     println!("{check}");
/// }
/// let receipt = report.proven().ok_or("the receipt does not hold")?;
/// assert_eq!(receipt.index, 0);
///
/// let mut forged = entry.clone();
/// forged[10] ^= 1;
/// assert!(verify::receipt(&forged, proof.as_bytes(), &log_key).proven().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn receipt(entry: &[u8], proof: &[u8], log_key: &LogVerifier) -> Report<VerifiedReceipt> {
    Report::run(RECEIPT_CHECKS, |steps| {
        let parsed = TlogProof::parse(proof).map_err(text)?;
        steps.holds(format_args!("entry {}", parsed.index));
        let checkpoint = Checkpoint::open(&parsed.checkpoint, log_key).map_err(text)?;
        steps.holds(format_args!("{} of size {}", checkpoint.origin, checkpoint.size));
        let leaf = leaf_hash(entry);
        verify_inclusion(&leaf, parsed.index, checkpoint.size, &checkpoint.root, &parsed.hashes).map_err(text)?;
        steps.holds(format_args!("leaf {leaf:?}"));
        let read = Entry::decode(entry).map_err(text)?;
        steps.holds(format_args!("{}, {}", read.time, outcome_in_words(&read.outcome)));
        let statement = read.statement().map_err(text)?;
        steps.holds(read.envelope.as_ref().map_or("none: the hub's own", |envelope| &envelope.payload_type));
        Ok(VerifiedReceipt {
            index: parsed.index,
            leaf_hash: leaf,
            entry: read,
            statement,
            checkpoint,
            entry_bytes: entry.to_vec(),
            proof: parsed.to_string(),
        })
    })
}

/// Verifies that the statement in an entry bears the signature of this key.
#[must_use]
pub fn statement_signature(envelope: &dsse::Envelope, key: &VerifyingKey) -> Report<()> {
    Report::run(SIGNATURE_CHECKS, |steps| {
        envelope.verify_sole(key).map_err(text)?;
        steps.holds(format_args!("key {}", key.kid()));
        Ok(())
    })
}

/// What a credential is expected to be; what is `None` is not checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Issued<'a> {
    /// The provider's unified social credit code.
    pub provider: Option<&'a str>,
    /// The resource, whatever its version.
    pub resource: Option<&'a str>,
    /// The latest time at which it can have been issued.
    pub until: Option<Time>,
    /// The keys that providers have.
    pub pins: Option<&'a Pins>,
}

/// Verifies a presentation, an SD-JWT as the hub releases it, under the public key of the provider that issued it (RFC 9901
/// §7.1, and the profile of a record).
///
/// ```
/// use hutong::{client::verify::{self, Issued}, sign::VerifyingKey};
///
/// # use hutong::sign::{Secret, SigningKey, SystemRandomness, sd_jwt::{RecordClaims, SdJwt, issue}};
/// # let provider = SigningKey::from_seed(&Secret::from_bytes(&[7; 32]))?;
/// # let claims = RecordClaims {
/// #     iss: "11440399X00000019A".to_owned(), vct: "urn:hutong:samr.business-licence:1".to_owned(),
/// #     jti: [1; 32], ver: 1, iat: 1_790_000_000,
/// # };
/// # let fields = [("CZZT".to_owned(), "样例商行".into()), ("KZ_FDDBR".to_owned(), "示例".into())];
/// # let record = issue(&provider, &SystemRandomness::new(), &claims, &fields)?;
/// # let presentation = SdJwt::parse(&record)?.select(&["CZZT"])?;
/// # let jwk = provider.verifying_key().to_jwk();
/// // From the files `*.sd-jwt` and `*.jwk.json`:
/// let key = VerifyingKey::from_jwk(&jwk)?;
/// let issued = Issued { resource: Some("samr.business-licence"), ..Issued::default() };
/// let report = verify::credential(&presentation, &key, &issued);
/// let record = report.proven().ok_or("the credential does not hold")?;
/// assert_eq!(record.fields["CZZT"], "样例商行");
/// assert_eq!(record.fields.len(), 1, "what was not released is not there");
///
/// let stranger = SigningKey::from_seed(&Secret::from_bytes(&[8; 32]))?;
/// assert!(verify::credential(&presentation, stranger.verifying_key(), &issued).proven().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn credential(presentation: &str, key: &VerifyingKey, issued: &Issued<'_>) -> Report<VerifiedRecord> {
    Report::run(CREDENTIAL_CHECKS, |steps| {
        let sd_jwt = SdJwt::parse(presentation).map_err(text)?;
        let kid = sd_jwt.kid().map_err(text)?;
        sd_jwt.claims_unverified().map_err(text)?;
        steps.holds(format_args!("SD-JWT with {} disclosures", sd_jwt.disclosures().len()));
        if kid != key.kid() {
            return Err(format!("it is signed by key {kid}, the key given is {}", key.kid()));
        }
        steps.holds(&kid);
        let latest_iat = issued.until.map(Time::as_seconds);
        let expected = Expected { iss: issued.provider, vct: None, latest_iat };
        let record = sd_jwt::verify(presentation, key, &Expected { iss: None, ..expected }).map_err(text)?;
        steps.holds(list(record.fields.keys()));
        require_issuer(&record.claims, key, issued)?;
        steps.holds(format_args!("{} of {}, version {}", record.claims.vct, record.claims.iss, record.claims.ver));
        Ok(record)
    })
}

fn require_issuer(claims: &RecordClaims, key: &VerifyingKey, issued: &Issued<'_>) -> Result<(), String> {
    if let Some(provider) = issued.provider.filter(|provider| *provider != claims.iss) {
        return Err(format!("its issuer is {}, expected is {provider}", claims.iss));
    }
    if let Some(pins) = issued.pins {
        pins.allow(&claims.iss, KeyId(*key.thumbprint()))?;
    }
    let of_resource = |resource: &str| {
        let version = claims.vct.strip_prefix("urn:hutong:").and_then(|rest| rest.strip_prefix(resource));
        version.and_then(|rest| rest.strip_prefix(':')).is_some_and(|version| version.parse::<u32>().is_ok())
    };
    match issued.resource {
        Some(resource) if !of_resource(resource) => Err(format!("it is a {}, expected is a {resource}", claims.vct)),
        _ => Ok(()),
    }
}

/// Verifies that a receipt is of the release of exactly this presentation: its hash, its record and its fields. `record` is
/// what [`credential`] found in it.
#[must_use]
pub fn release<'r>(
    receipt: &'r VerifiedReceipt,
    presentation: &str,
    record: &VerifiedRecord,
) -> Report<&'r RecordRelease> {
    Report::run(RELEASE_CHECKS, |steps| {
        let hash = sd_jwt::sd_hash(presentation);
        let release = receipt.releases().iter().find(|release| release.sd_hash.is_some_and(|found| found.0 == hash));
        let release =
            release.ok_or_else(|| format!("entry {} releases no presentation of this hash", receipt.index))?;
        steps.holds(format_args!("entry {} releases it", receipt.index));
        require_record(release, record)?;
        steps.holds(format_args!("{} version {}", release.handle, release.version));
        require_fields(release, &record.fields)?;
        steps.holds(list(record.fields.keys()));
        Ok(release)
    })
}

fn require_record(release: &RecordRelease, record: &VerifiedRecord) -> Result<(), String> {
    let claims = &record.claims;
    if release.handle.0 != claims.jti || u64::from(release.version) != claims.ver {
        return Err(format!("the entry names record {} version {}", release.handle, release.version));
    }
    if release.jwt_sha256.0 != record.jwt_hash {
        return Err("the entry names a JWT of another hash".to_owned());
    }
    Ok(())
}

fn require_fields(release: &RecordRelease, fields: &Map<String, Value>) -> Result<(), String> {
    let same =
        release.fields.len() == fields.len() && release.fields.iter().all(|code| fields.contains_key(code.as_str()));
    if same { Ok(()) } else { Err(format!("the entry releases {}", list(release.fields.iter()))) }
}

/// An outcome in a few words.
#[must_use]
pub fn outcome_in_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused(refusal) => format!("refused: {refusal}"),
        Outcome::QueryPermitted(permitted) => format!(
            "permitted under {} version {}, {} records",
            permitted.agreement_id,
            permitted.agreement_version,
            permitted.records.len()
        ),
        Outcome::Published(results) => {
            let accepted = results.iter().filter(|violations| violations.is_empty()).count();
            format!("published {accepted} of {} records", results.len())
        }
        Outcome::Applied(_) => "applied".to_owned(),
        Outcome::HolderTraced(traced) => format!("{} exchanges traced", traced.exchanges),
        Outcome::ErasureOrdered => "erasure of openings ordered".to_owned(),
        Outcome::Noted(Notice::Suppressed(suppressed)) => {
            format!("{} requests of {} suppressed", suppressed.count, suppressed.system)
        }
        Outcome::Noted(Notice::Erased(erased)) => format!("{} openings erased", erased.count),
        Outcome::Noted(Notice::Closed { next_vkey }) => format!("log closed, continued by {next_vkey}"),
        Outcome::Noted(Notice::QuotasCarried(carried)) => {
            format!("quotas of {} agreements carried over", carried.uses.len())
        }
    }
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}

fn list(codes: impl Iterator<Item = impl fmt::Display>) -> String {
    let codes: Vec<_> = codes.map(|code| code.to_string()).collect();
    if codes.is_empty() { "no fields".to_owned() } else { codes.join(", ") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::client::fixture::{self, Log};

    fn failed<T>(report: &Report<T>) -> Option<&'static str> {
        report.checks().iter().find(|check| matches!(check.finding, Finding::Failed(_))).map(|check| check.name)
    }

    #[test]
    fn a_receipt_is_verified_and_every_change_of_it_is_named() {
        let log = Log::new();
        let (entry, proof) = log.seal(&fixture::refused_entry());
        let report = receipt(&entry, proof.as_bytes(), &log.verifier());
        assert_eq!(report.checks().len(), RECEIPT_CHECKS.len());
        assert_eq!(report.proven().unwrap().index, 1);

        let mut other_entry = entry.clone();
        *other_entry.last_mut().unwrap() ^= 1;
        let index = proof.replacen("index 1", "index 0", 1);
        let cut = proof.replacen("index 1\n", "", 1);
        let signature = fixture::flip_last_signature(&proof);
        for (entry, proof, check) in [
            (&other_entry, &proof, "inclusion"),
            (&entry, &index, "inclusion"),
            (&entry, &cut, "proof format"),
            (&entry, &signature, "checkpoint signature"),
        ] {
            let report = receipt(entry, proof.as_bytes(), &log.verifier());
            assert_eq!(failed(&report), Some(check));
            assert!(report.proven().is_none());
            assert_eq!(report.checks().len(), RECEIPT_CHECKS.len());
            assert!(
                matches!(report.into_result("receipt"), Err(Error::Unproven { check: found, .. }) if found == check)
            );
        }
        let stranger = Log::of_seed(9);
        assert_eq!(failed(&receipt(&entry, proof.as_bytes(), &stranger.verifier())), Some("checkpoint signature"));
    }

    #[test]
    fn an_entry_in_the_log_that_does_not_read_is_no_receipt() {
        let log = Log::new();
        let (entry, proof) = log.seal_bytes(b"not an entry");
        assert_eq!(failed(&receipt(&entry, proof.as_bytes(), &log.verifier())), Some("entry format"));
    }

    #[test]
    fn a_credential_is_verified_and_every_change_of_it_is_named() {
        let presentation = fixture::presentation(&["CZZT"]);
        let key = fixture::provider_key();
        let issued =
            Issued { provider: Some(fixture::PROVIDER), resource: Some(fixture::RESOURCE), ..Issued::default() };
        let report = credential(&presentation, key.verifying_key(), &issued);
        assert_eq!(report.proven().unwrap().fields["CZZT"], "样例商行");

        let repeated = format!("{presentation}{}~", SdJwt::parse(&presentation).unwrap().disclosures()[0]);
        let foreign = format!("{}{}", presentation, fixture::foreign_disclosure());
        let cut = presentation.trim_end_matches('~').to_owned();
        let jwt_changed = fixture::change_signature(&presentation);
        for (changed, check) in [
            (&repeated, "signature and disclosures"),
            (&foreign, "signature and disclosures"),
            (&jwt_changed, "signature and disclosures"),
            (&cut, "credential format"),
        ] {
            assert_eq!(failed(&credential(changed, key.verifying_key(), &issued)), Some(check), "{changed}");
        }
        for issued in [
            Issued { provider: Some(fixture::CONSUMER), ..issued },
            Issued { resource: Some("samr.business"), ..issued },
            Issued { resource: Some("samr.business-licence-2"), ..issued },
        ] {
            let report = credential(&presentation, key.verifying_key(), &issued);
            assert_eq!(failed(&report), Some("issuer and resource"));
        }
        let early = Issued { until: Time::from_millis(1_000), ..issued };
        assert!(credential(&presentation, key.verifying_key(), &early).proven().is_none());
        let stranger = fixture::consumer_key();
        assert_eq!(failed(&credential(&presentation, stranger.verifying_key(), &issued)), Some("issuer key"));
    }

    #[test]
    fn a_release_is_of_one_presentation_alone() {
        let log = Log::new();
        let presentation = fixture::presentation(&["CZZT"]);
        let key = fixture::provider_key();
        let record = |presentation: &str| {
            credential(presentation, key.verifying_key(), &Issued::default()).into_result("credential").unwrap()
        };
        let (entry, proof) = log.seal(&fixture::permitted_entry(&presentation, &["CZZT"]));
        let sealed = receipt(&entry, proof.as_bytes(), &log.verifier()).into_result("receipt").unwrap();
        assert!(release(&sealed, &presentation, &record(&presentation)).proven().is_some());

        let more = fixture::presentation(&["CZZT", "KZ_FDDBR"]);
        assert_eq!(failed(&release(&sealed, &more, &record(&more))), Some("presentation hash"));

        let (entry, proof) = log.seal(&fixture::permitted_entry(&more, &["CZZT"]));
        let sealed = receipt(&entry, proof.as_bytes(), &log.verifier()).into_result("receipt").unwrap();
        assert_eq!(failed(&release(&sealed, &more, &record(&more))), Some("fields released"));
    }

    #[test]
    fn a_statement_signature_is_of_one_key() {
        let entry = fixture::refused_entry();
        assert!(
            statement_signature(entry.envelope.as_ref().unwrap(), fixture::consumer_key().verifying_key())
                .proven()
                .is_some()
        );
        assert!(
            statement_signature(entry.envelope.as_ref().unwrap(), fixture::provider_key().verifying_key())
                .proven()
                .is_none()
        );
    }
}
