//! A hub's logs, each of which continues the one before.

use crate::{
    domain::{
        id::Digest,
        outcome::{Notice, Outcome},
        quota::DayUse,
        statement::{Genesis, PreviousLog},
    },
    sign::LogVerifier,
    tlog::{Checkpoint, Hash, TlogProof, VerifierKey, leaf_hash},
    wire::Entry,
};

use super::{
    Error, Fault, Folder, Options, Report, Trust, Watch,
    carry::{self, Course},
    findings::Findings,
    verify_alone,
};

/// Verifies the copy of a log and those of the logs before it, newest first, each with the trust that the one after it gives;
/// and that each log carried over from the one before all that held at its end, and nothing else. Gives one report for each.
///
/// # Errors
/// As [`super::verify`].
pub fn verify_chain(
    folder: &Folder,
    previous: &[Folder],
    trust: &Trust,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<Vec<Report>, Error> {
    let (report, course) = verify_alone(folder, trust, options, watch)?;
    let Course { genesis, quotas_carried, .. } = course;
    let mut newer = Link { folder, vkey: trust.log_key.vkey().to_string(), report, genesis, quotas_carried };
    let mut reports = Vec::new();
    for old in previous {
        let mut findings = Findings::new(options.max_findings);
        let followed = newer.follow(old, options, &mut findings, watch)?;
        newer.add(findings)?;
        let Some(older) = followed else { break };
        reports.push(std::mem::replace(&mut newer, older).report);
    }
    newer.say_what_is_attested();
    reports.push(newer.report);
    Ok(reports)
}

/// A log that was verified, and is to be held against the one before.
struct Link<'a> {
    folder: &'a Folder,
    vkey: String,
    report: Report,
    genesis: Option<Genesis>,
    /// What it says was used of quotas in the log before.
    quotas_carried: DayUse,
}

impl<'a> Link<'a> {
    /// Verifies the log before, as this one names it, and compares the two.
    fn follow(
        &self,
        old: &'a Folder,
        options: &Options,
        findings: &mut Findings,
        watch: &mut dyn Watch,
    ) -> Result<Option<Self>, Error> {
        let named = self.genesis.as_ref().and_then(|genesis| Some((genesis, genesis.previous.as_ref()?)));
        let Some((genesis, named)) = named else {
            let message = "its genesis names no log before it, and the copy of one was given";
            findings.add(None, Fault::PreviousDiffers, message.to_owned());
            return Ok(None);
        };
        let trust = match trust_in(named) {
            Ok(trust) => trust,
            Err(problem) => {
                let message = format!("its genesis names a key of the log before that is none: {problem}");
                findings.add(None, Fault::PreviousDiffers, message);
                return Ok(None);
            }
        };
        self.check_closing(named, &trust, findings);
        let (report, course) = verify_alone(old, &trust, options, watch)?;
        self.compare((genesis, named), &course, report.size, findings);
        let due = (course.due, (&course.quotas, &self.quotas_carried));
        carry::compare((self.folder, self.report.size), (old, report.size), due, findings)?;
        let Course { genesis, quotas_carried, .. } = course;
        Ok(Some(Self { folder: old, vkey: named.vkey.clone(), report, genesis, quotas_carried }))
    }

    /// Checks the receipt by which this log's key follows from the one before: programs that trust that one go by it.
    fn check_closing(&self, named: &PreviousLog, trust: &Trust, findings: &mut Findings) {
        let vouches = || {
            let closing = named.closings.last().ok_or("there is none")?;
            let proof = TlogProof::parse(closing.proof.as_bytes()).map_err(|_| "its proof is malformed")?;
            let verified = proof.verify(&leaf_hash(&closing.entry), &trust.log_key);
            let checkpoint = verified.map_err(|_| "it is not under the key of that log")?;
            let outcome = Entry::decode(&closing.entry).map(|entry| entry.outcome);
            let names_this =
                matches!(outcome, Ok(Outcome::Noted(Notice::Closed { next_vkey })) if next_vkey == self.vkey);
            if names_this && (proof.index + 1, checkpoint.size) == (checkpoint.size, named.size) {
                Ok(())
            } else {
                Err("it is not of the last entry, or names another key")
            }
        };
        if let Err(problem) = vouches() {
            let message = format!("the receipt in its genesis for the end of the log before: {problem}");
            findings.add(None, Fault::PreviousDiffers, message);
        }
    }

    /// Compares what the two say of each other.
    fn compare(
        &self,
        (genesis, named): (&Genesis, &PreviousLog),
        old: &Course,
        old_size: u64,
        findings: &mut Findings,
    ) {
        let mut differ = |message: String| findings.add(None, Fault::PreviousDiffers, message);
        if old_size != named.size {
            differ(format!("its genesis names {} entries of the log before, the copy has {old_size}", named.size));
        }
        match &old.next_vkey {
            None => differ("the log before does not say that it was closed".to_owned()),
            Some(next) if *next != self.vkey => {
                differ(format!("the log before was closed in favour of {next}, this is {}", self.vkey));
            }
            Some(_) => {}
        }
        let issued_until = old.issued_until.or(old.last_time);
        if issued_until.is_some_and(|last| last != named.issued_until) {
            differ(format!("statements must be issued after {}, a later one is in the log before", named.issued_until));
        }
        let terms = |genesis: &Genesis| Genesis {
            origin: String::new(),
            created_at: genesis.created_at,
            previous: None,
            ..genesis.clone()
        };
        let same = old
            .genesis
            .as_ref()
            .is_none_or(|old| terms(old) == Genesis { created_at: old.created_at, ..terms(genesis) });
        if !same {
            differ("its genesis fixes other terms than that of the log before".to_owned());
        }
    }

    /// Adds what was found by comparing.
    fn add(&mut self, findings: Findings) -> Result<(), Error> {
        for (rule, count) in findings.counts() {
            *self.report.rules.entry(*rule).or_default() += count;
        }
        self.report.findings.extend(findings.described(self.folder, self.report.size)?);
        self.report.findings.sort_by_key(|finding| finding.index);
        Ok(())
    }

    /// Says what nobody can recompute from this log alone.
    fn say_what_is_attested(&mut self) {
        if let Some(previous) = self.genesis.as_ref().and_then(|genesis| genesis.previous.as_ref()) {
            self.report.notes.push(format!(
                "it continues {}: that of what held there nothing was left out or changed is ATTESTED; give the copy of that \
                 log as well to have it recomputed",
                previous.vkey
            ));
        }
    }
}

/// What the genesis of a log gives to trust in the log before.
fn trust_in(named: &PreviousLog) -> Result<Trust, String> {
    let vkey: VerifierKey = named.vkey.parse().map_err(|error: crate::tlog::Error| error.to_string())?;
    let log_key = LogVerifier::new(vkey).map_err(|error| error.to_string())?;
    let hash = |digest: Digest| Hash::from(digest.0);
    let origin = log_key.vkey().name().clone();
    let known = vec![Checkpoint { origin, size: named.size, root: hash(named.root) }];
    Ok(Trust { log_key, genesis: Some(hash(named.genesis_hash)), known, policy: None })
}
