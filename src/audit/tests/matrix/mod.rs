//! The tamper matrix: each row falsifies a log, a copy of it, or what somebody was told of it, and says who must find that, at which
//! entry and under which code. Nothing else may be found.
//!
//! Hubs that lie seal their lies with the log's key, so that only the replay can see them. Rot counts once for each kind of file.

mod administration;
mod agreements;
mod annotated_copies;
mod answers;
mod copies;
mod evidence;
mod notices;
mod openings;
mod publications;
mod queries;
mod releases;
mod statements;
mod successions;
mod terms;

use std::collections::BTreeSet;

use super::{
    Folder, Trust, copied, found,
    hub::{Hub, log_signer},
    verified_by,
};
use crate::{
    audit::{Fault, Mismatch},
    domain::outcome::RefusalReason,
};

/// Who can find a manipulation, with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Finder {
    /// `audit verify`, from a copy and the log's key.
    Copy,
    /// `audit verify`, with what others saw of the log: an earlier checkpoint, the genesis, witnesses' keys.
    Others,
    /// `audit reconcile`, with what a department holds.
    Counterparty,
}

/// A manipulation.
struct Row {
    name: String,
    finder: Finder,
    /// What must be found, in any order.
    codes: &'static [&'static str],
    stage: Box<dyn FnOnce() -> Staged>,
}

/// What became of a manipulation.
struct Staged {
    /// Where each of the row's codes must be found.
    at: Vec<Option<u64>>,
    found: Vec<(Option<u64>, String)>,
}

impl Staged {
    /// A log of which all codes are found at one entry, or as a whole.
    fn at(index: impl Into<Option<u64>>, count: usize, found: Vec<(Option<u64>, String)>) -> Self {
        Self { at: vec![index.into(); count], found }
    }
}

impl Row {
    fn new(
        name: impl Into<String>,
        finder: Finder,
        codes: &'static [&'static str],
        stage: impl FnOnce() -> Staged + 'static,
    ) -> Self {
        Self { name: name.into(), finder, codes, stage: Box::new(stage) }
    }

    /// A hub that lies in one entry, which it says, between honest ones.
    fn lie(
        name: impl Into<String>,
        codes: &'static [&'static str],
        lie: impl FnOnce(&mut Hub) -> u64 + 'static,
    ) -> Self {
        Self::new(name, Finder::Copy, codes, move || {
            let mut hub = Hub::running();
            hub.query(&["NAME"], &[1]);
            let index = lie(&mut hub);
            hub.query(&["NAME"], &[2]);
            Staged::at(index, codes.len(), verified(&hub))
        })
    }

    /// A log sealed as it is, and where each code must be found in it.
    fn log(
        name: impl Into<String>,
        codes: &'static [&'static str],
        make: impl FnOnce() -> (Hub, Vec<u64>) + 'static,
    ) -> Self {
        Self::new(name, Finder::Copy, codes, move || {
            let (hub, at) = make();
            Staged { at: at.into_iter().map(Some).collect(), found: verified(&hub) }
        })
    }

    /// Stages the manipulation; gives a line for the summary, and whether exactly what must be found was found.
    fn play(self) -> (String, Vec<(Option<u64>, String)>, bool) {
        let Staged { at, mut found } = (self.stage)();
        assert_eq!(at.len(), self.codes.len(), "{}: a place for each code", self.name);
        let mut expected: Vec<_> = at.into_iter().zip(self.codes.iter().map(ToString::to_string)).collect();
        expected.sort();
        found.sort();
        let is_found = found == expected;
        let told = |all: &[(Option<u64>, String)]| all.iter().map(told).collect::<Vec<_>>().join(", ");
        let due = if is_found { String::new() } else { format!("  !! due: {}", told(&expected)) };
        let finder = format!("{:?}", self.finder);
        (format!("{finder:<12} {:<84} {}{due}", self.name, told(&found)), found, is_found)
    }
}

fn told((index, code): &(Option<u64>, String)) -> String {
    index.map_or_else(|| code.clone(), |index| format!("{index} {code}"))
}

fn verified(hub: &Hub) -> Vec<(Option<u64>, String)> {
    let (_temporary, folder) = copied(hub);
    checked(&folder)
}

fn checked(folder: &Folder) -> Vec<(Option<u64>, String)> {
    found(&verified_by(folder, &Trust::in_key(log_signer(7).verifier())))
}

fn rows() -> Vec<Row> {
    [
        copies::rows(),
        annotated_copies::rows(),
        statements::rows(),
        queries::rows(),
        releases::rows(),
        terms::rows(),
        publications::rows(),
        successions::rows(),
        administration::rows(),
        agreements::rows(),
        answers::rows(),
        notices::rows(),
        openings::rows(),
        evidence::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The refusals that no log can show to be missing or wrong, and why.
const BEYOND_A_LOG: [(RefusalReason, &str); 1] =
    [(RefusalReason::OpeningMismatch, "openings are kept outside the log: that they matched rests on the hub's word")];

#[test]
fn every_manipulation_is_found_at_its_entry_by_its_rule() {
    let rows = rows();
    let names: BTreeSet<_> = rows.iter().map(|row| row.name.clone()).collect();
    assert_eq!(names.len(), rows.len(), "no manipulation stands twice");
    assert!(rows.len() >= 60, "{} manipulations", rows.len());
    let of = |finder| rows.iter().filter(|row| row.finder == finder).count();
    let summary = format!(
        "{} manipulations: {} found in a copy, {} with what others saw, {} by the counterparty",
        rows.len(),
        of(Finder::Copy),
        of(Finder::Others),
        of(Finder::Counterparty)
    );
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for row in rows {
        let (line, found, is_found) = row.play();
        println!("{line}");
        seen.extend(found.into_iter().map(|(_, code)| code));
        if !is_found {
            wrong.push(line);
        }
    }
    println!("{summary}");
    assert!(wrong.is_empty(), "not found as they must be:\n{}", wrong.join("\n"));

    let is_seen = |rule: &str| seen.iter().any(|code| code.split(':').next() == Some(rule));
    // What a rollover can lie about takes two logs: `rollover.rs` beside this stages it.
    let of_rollover =
        |rule: &str| rule.starts_with("CARRY_") || ["ENTRY_AFTER_CLOSE", "PREVIOUS_DIFFERS"].contains(&rule);
    let of_one_log = Fault::RULES.iter().map(|(rule, _)| *rule).filter(|rule| !of_rollover(rule));
    let rules = of_one_log.chain(Mismatch::ALL.map(Mismatch::code));
    let unseen: Vec<_> = rules.filter(|rule| !is_seen(rule)).collect();
    assert!(unseen.is_empty(), "no manipulation breaks {unseen:?}: add a row");
    let unseen: Vec<_> = RefusalReason::ALL
        .iter()
        .filter(|reason| BEYOND_A_LOG.iter().all(|(beyond, _)| beyond != *reason))
        .map(|reason| format!("WRONGLY_DONE:{reason}"))
        .filter(|code| !seen.contains(code))
        .collect();
    assert!(unseen.is_empty(), "no manipulation does what is to be refused with {unseen:?}: add a row");
}
