//! What was signed with a key since it was compromised, as its retirement said later.

use std::fmt;

use crate::{
    domain::{
        id::KeyId,
        outcome::{Effect, Outcome},
        rules::Rules,
        statement::RuleChange,
        time::Time,
    },
    tlog::{Entries, MAX_ENTRIES},
    wire::{self, Entry},
};

use super::{Error, Fault, Folder, Stage, Watch, findings::Findings, replay::Act, signer::sole_kid};

/// The retirements of keys as compromised, in the order of the log. They are no more than the directory has keys, but for keys
/// that are retired again and again, which only administrators and the keys' own systems can.
#[derive(Default)]
pub(super) struct Compromises(Vec<Compromise>);

/// A key's retirement as compromised.
pub(super) struct Compromise {
    kid: KeyId,
    /// The entry since which the key was registered.
    registered_index: u64,
    /// The entry that says so.
    retired_index: u64,
    since: Time,
}

impl fmt::Display for Compromise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} retired as compromised since {}", self.retired_index, self.since)
    }
}

impl Compromises {
    /// Takes a change of the rules that was made, where it retires a key as compromised.
    pub(super) fn take(&mut self, act: &Act<'_>, change: &RuleChange, rules: &Rules) {
        if let RuleChange::RetireKey { kid, compromised_since: Some(since) } = change
            && let Outcome::Applied(Effect::KeyRetired(_)) = &act.entry.outcome
            && let Some(key) = rules.directory.keys.get(kid)
        {
            let (registered_index, retired_index) = (key.registered_index, act.index);
            self.0.push(Compromise { kid: *kid, registered_index, retired_index, since: *since });
        }
    }

    /// Why what was signed with a key at a time was in doubt before an entry, if it was.
    pub(super) fn of_signed(&self, kid: &KeyId, at: Time, before: u64) -> Option<&Compromise> {
        self.0.iter().find(|known| known.kid == *kid && known.since <= at && known.retired_index < before)
    }

    /// Goes through the entries that were made while keys were compromised, and finds those that they signed. Only a log in
    /// which a key was compromised is read a second time, and only where that key was in use.
    pub(super) fn check(
        &self,
        folder: &Folder,
        size: u64,
        findings: &mut Findings,
        watch: &mut dyn Watch,
    ) -> Result<(), Error> {
        let Some(first) = self.0.iter().map(|known| known.registered_index).min() else { return Ok(()) };
        let end = self.0.iter().map(|known| known.retired_index).max().unwrap_or(first).min(size);
        let width = MAX_ENTRIES as u64;
        for number in first / width..end.div_ceil(width) {
            let bytes = folder.bundle(number, size)?.unwrap_or_default();
            for (index, entry) in (number * width..).zip(Entries::new(&bytes).map_while(Result::ok)) {
                self.check_entry(index, entry, findings);
            }
            watch.advance(Stage::Suspects, (number + 1) * width - first, end - first);
        }
        Ok(())
    }

    fn check_entry(&self, index: u64, bytes: &[u8], findings: &mut Findings) {
        // What does not read was found already.
        let Ok(entry) = Entry::decode(bytes) else { return };
        let Some(kid) = entry.envelope.as_ref().and_then(sole_kid) else { return };
        let is_of = |known: &&Compromise| {
            known.kid == kid
                && known.since <= entry.decided_at()
                && (known.registered_index..known.retired_index).contains(&index)
        };
        if let Some(known) = self.0.iter().find(is_of) {
            let message = format!("it was signed with key {}, which {known}", wire::kid_to_text(&kid));
            findings.add(Some(index), Fault::SignatureSuspect, message);
        }
    }
}
