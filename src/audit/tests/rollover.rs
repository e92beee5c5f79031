//! Logs that continue others: what an honest rollover leaves, and what a lying one is found by.

use tempfile::TempDir;

use super::{
    found,
    hub::{DAILY_LIMIT, Hub, Source, administrator, consumer, log_signer, provider, seal, signing_key},
    wait,
};
use crate::{
    audit::{Folder, Options, Report, Trust, mirror, verify, verify_chain},
    domain::{
        id::Digest,
        outcome::{Notice, Outcome, QuotasCarried},
        quota::DayUse,
        record::RecordStatus,
        statement::{ClosingReceipt, Genesis, PreviousLog, RuleChange, Statement},
        time::Time,
    },
    sign::LogSigner,
    tlog::{BatchTree, Frontier, TlogProof, leaf_hash},
    wire::{self, Carried, Entry},
};

fn next_signer() -> LogSigner {
    LogSigner::new("hub.example/exchange-log/2027".parse().unwrap(), signing_key(8))
}

/// A hub whose records were published, changed and queried, and whose log was closed.
fn closed() -> Hub {
    let mut hub = Hub::running();
    hub.publish(1, 2, RecordStatus::Active);
    hub.query(&["NAME"], &[1, 2]);
    hub.query(&["HOLDER"], &[1]);
    hub.change(
        &administrator(),
        RuleChange::AgreementSuspension { agreement_id: "housing-licence".parse().unwrap(), reason: None },
    );
    hub.change(&administrator(), RuleChange::AgreementResumption { agreement_id: "housing-licence".parse().unwrap() });
    hub.note(Notice::Closed { next_vkey: next_signer().vkey().to_string() });
    hub
}

/// The receipt of a log's last entry.
fn closing(hub: &Hub) -> ClosingReceipt {
    let (last, rest) = hub.entries.split_last().unwrap();
    let mut frontier = Frontier::new();
    rest.iter().for_each(|entry| frontier.append(leaf_hash(entry)).unwrap());
    let tree = BatchTree::new(&frontier, vec![leaf_hash(last)]).unwrap();
    let index = rest.len() as u64;
    let hashes = tree.prove_inclusion(index).unwrap();
    frontier.append(leaf_hash(last)).unwrap();
    let proof = TlogProof { index, hashes, checkpoint: seal(&log_signer(7), &frontier), extra: None };
    ClosingReceipt { entry: last.clone(), proof: proof.to_string() }
}

/// The old log's place in the new one's genesis, and the entries carried over.
fn continued(hub: &Hub) -> (Genesis, Vec<Entry>) {
    let old: Vec<_> = hub.entries.iter().map(|bytes| Entry::decode(bytes).unwrap()).collect();
    let mut frontier = Frontier::new();
    hub.entries.iter().for_each(|entry| frontier.append(leaf_hash(entry)).unwrap());
    let Some(Statement::Genesis(genesis)) = old[0].statement().unwrap() else { panic!("no genesis") };
    let previous = PreviousLog {
        vkey: log_signer(7).vkey().to_string(),
        size: hub.size(),
        root: Digest(*frontier.root().as_bytes()),
        genesis_hash: Digest(*leaf_hash(&hub.entries[0]).as_bytes()),
        issued_until: hub.time,
        closings: vec![closing(hub)],
    };
    let time = hub.time.plus_seconds(60);
    let genesis = Genesis {
        origin: next_signer().vkey().name().to_string(),
        created_at: time,
        previous: Some(previous),
        ..*genesis
    };
    let holds = |index: u64, entry: &Entry| match entry.outcome {
        Outcome::Applied(_) => index > 0,
        Outcome::Published(_) => hub.records.values().any(|(_, head)| head.publication_index == index),
        _ => false,
    };
    let carried = (0..).zip(old).filter(|(index, entry)| holds(*index, entry)).map(|(index, entry)| {
        let carried = Some(Carried { index, time: entry.decided_at() });
        Entry { time, carried, ..entry }
    });
    (genesis, carried.collect())
}

/// What the new log says of the quotas' use in the old one.
fn quotas_carried(old: &Hub, time: Time) -> Option<Entry> {
    let mut quotas = DayUse::default();
    for bytes in &old.entries {
        let entry = Entry::decode(bytes).unwrap();
        if let (Some(Statement::Query(_, query)), Outcome::QueryPermitted(permitted)) =
            (entry.statement().unwrap(), &entry.outcome)
        {
            let day = entry.time.civil_day(old.rules.policy.civil_day_offset_seconds);
            quotas.take(&permitted.agreement_id, day, query.commitments.len() as u64);
        }
    }
    let uses = quotas.uses().map(|(agreement, asked)| (agreement.clone(), asked)).collect();
    let outcome = Outcome::Noted(Notice::QuotasCarried(QuotasCarried { day: quotas.day()?, uses }));
    Some(Entry { time, envelope: None, outcome, carried: None })
}

/// The hub after its rollover, with what was carried over.
fn rolled(old: &Hub, genesis: &Genesis, carried: &[Entry]) -> Hub {
    let mut hub = old.clone();
    let (payload_type, payload) = wire::encode_statement(&Statement::Genesis(Box::new(genesis.clone())));
    let envelope = crate::sign::dsse::Envelope { payload, payload_type, signatures: Vec::new() };
    let outcome = Outcome::Applied(crate::domain::outcome::Effect::LogOpened);
    let first = Entry { time: genesis.created_at, envelope: Some(envelope), outcome, carried: None };
    let quotas = quotas_carried(old, genesis.created_at);
    hub.entries = std::iter::once(&first).chain(carried).chain(&quotas).map(Entry::encode).collect();
    hub.time = genesis.created_at.plus_seconds(1);
    hub.rules.issued_after = genesis.previous.as_ref().map(|previous| previous.issued_until);
    for (index, entry) in (1..).zip(carried) {
        let Ok(Some(Statement::Publication(_, publication))) = entry.statement() else { continue };
        for record in &publication.records {
            let (_, head) = hub.records.get_mut(&record.handle).unwrap();
            if head.version == record.version {
                head.publication_index = index;
            }
        }
    }
    hub
}

/// The logs before and after the rollover, as copies.
struct Copies {
    folders: [Folder; 2],
    _temporary: TempDir,
}

fn copied(old: &Hub, new: &Hub) -> Copies {
    let temporary = TempDir::new().unwrap();
    let folders = ["old", "new"].map(|name| Folder::new(temporary.path().join(name)));
    for (hub, signer, folder) in [(old, log_signer(7), &folders[0]), (new, next_signer(), &folders[1])] {
        let mut source = Source::new(hub.entries.clone());
        let mut frontier = Frontier::new();
        hub.entries.iter().for_each(|entry| frontier.append(leaf_hash(entry)).unwrap());
        source.note = seal(&signer, &frontier).to_string();
        wait(mirror(&mut source, folder, &signer.verifier(), &mut |_, _| {})).unwrap();
    }
    Copies { folders, _temporary: temporary }
}

fn chain(copies: &Copies) -> Vec<Report> {
    let [old, new] = &copies.folders;
    let trust = Trust::in_key(next_signer().verifier());
    verify_chain(new, std::slice::from_ref(old), &trust, &Options::default(), &mut ()).unwrap()
}

/// What the chain is found by, where the rollover lied.
fn lied(lie: impl FnOnce(&mut Genesis, &mut Vec<Entry>)) -> Vec<(Option<u64>, String)> {
    let old = closed();
    let (mut genesis, mut carried) = continued(&old);
    lie(&mut genesis, &mut carried);
    let reports = chain(&copied(&old, &rolled(&old, &genesis, &carried)));
    reports.iter().flat_map(found).collect()
}

#[test]
fn honest_rollover_has_no_findings_and_its_decisions_are_made_again() {
    let old = closed();
    let (genesis, carried) = continued(&old);
    let mut new = rolled(&old, &genesis, &carried);
    new.query(&["NAME"], &[1, 2]);
    new.publish(1, 3, RecordStatus::Revoked);
    new.query(&["NAME"], &[1]);
    let copies = copied(&old, &new);
    let reports = chain(&copies);
    assert_eq!(reports.iter().flat_map(found).collect::<Vec<_>>(), []);
    assert_eq!(reports.iter().map(|report| report.size).collect::<Vec<_>>(), [new.size(), old.size()]);
    assert!(!reports.iter().flat_map(|report| &report.notes).any(|note| note.contains("ATTESTED")));

    let alone =
        verify(&copies.folders[1], &Trust::in_key(next_signer().verifier()), &Options::default(), &mut ()).unwrap();
    assert_eq!(found(&alone), []);
    assert!(alone.notes.iter().any(|note| note.contains("ATTESTED")), "{:?}", alone.notes);
}

#[test]
fn statement_of_the_old_log_is_refused_in_the_new_one() {
    let old = closed();
    let (genesis, carried) = continued(&old);
    let mut new = rolled(&old, &genesis, &carried);
    let statement = new.query_statement(&["NAME"], &[1]);
    let Statement::Query(mut header, query) = statement else { panic!("no query") };
    header.issued_at = old.time;
    let statement = Statement::Query(header, query);
    let index = new.submit_looking_up(&consumer(), &statement, &[1]);
    let entry = Entry::decode(&new.entries[index as usize]).unwrap();
    assert!(
        matches!(&entry.outcome, Outcome::Refused(refusal) if refusal.term.contains("before this log")),
        "{entry:?}"
    );
    assert_eq!(chain(&copied(&old, &new)).iter().flat_map(found).collect::<Vec<_>>(), []);
}

#[test]
fn quotas_that_begin_anew_or_are_made_up_are_found() {
    let old = closed();
    let (genesis, carried) = continued(&old);
    let honest = rolled(&old, &genesis, &carried);
    assert_eq!(chain(&copied(&old, &honest)).iter().flat_map(found).collect::<Vec<_>>(), []);
    let differs = [(None, "CARRY_DIFFERS".to_owned())];

    let mut forgotten = honest.clone();
    forgotten.entries.pop();
    assert_eq!(chain(&copied(&old, &forgotten)).iter().flat_map(found).collect::<Vec<_>>(), differs);

    let mut more = honest.clone();
    let mut entry = Entry::decode(&more.entries.pop().unwrap()).unwrap();
    let Outcome::Noted(Notice::QuotasCarried(quotas)) = &mut entry.outcome else { panic!("{entry:?}") };
    quotas.uses[0].1 += 1;
    more.entries.push(entry.encode());
    assert_eq!(chain(&copied(&old, &more)).iter().flat_map(found).collect::<Vec<_>>(), differs);

    // Later than at the beginning it would hide what was used since.
    let mut late = forgotten;
    late.query(&["NAME"], &[1]);
    late.entries.push(Entry { time: late.time, ..entry }.encode());
    let codes: Vec<_> = chain(&copied(&old, &late)).iter().flat_map(found).map(|(_, code)| code).collect();
    assert!(codes.contains(&"CARRY_MISPLACED".to_owned()), "{codes:?}");
}

#[test]
fn quota_used_before_the_rollover_is_used_after_it() {
    let mut old = closed();
    let (genesis, carried) = continued(&old);
    let quotas = old.usage_mut();
    let used = quotas.values().map(|usage| usage.day).max().unwrap();
    // The new log's hub forgets what was used, and answers as if the day's quota began anew.
    quotas.clear();
    let mut new = rolled(&old, &genesis, &carried);
    let mut left = DAILY_LIMIT;
    assert!(used > 0 && used < left);
    while left > 0 {
        let lookups: Vec<u8> = (0..left.min(10)).map(|_| 1).collect();
        left -= lookups.len() as u64;
        new.query(&["NAME"], &lookups);
    }
    let codes: Vec<_> = chain(&copied(&old, &new)).iter().flat_map(found).map(|(_, code)| code).collect();
    assert!(!codes.is_empty() && codes.iter().all(|code| code == "WRONGLY_DONE:QUOTA_EXHAUSTED"), "{codes:?}");
}

#[test]
fn every_lie_of_a_rollover_is_found() {
    let is_publication = |entry: &Entry| matches!(entry.outcome, Outcome::Published(_));
    let publication = |carried: &[Entry]| carried.iter().position(is_publication).unwrap();
    let one = |index: Option<u64>, code: &str| vec![(index, code.to_owned())];

    // Something that held was left out: a suspension and its end, a record.
    let resumption = lied(|_, carried| drop(carried.pop()));
    assert_eq!(resumption, one(None, "CARRY_MISSING"));
    let record = lied(|_, carried| drop(carried.remove(publication(carried))));
    assert_eq!(record, one(None, "CARRY_MISSING"));

    // A publication that a later one replaced was carried over; the first of record 1 is entry `replaced`.
    let old = closed();
    let replaced = (0..)
        .zip(&old.entries)
        .find(|(_, bytes)| is_publication(&Entry::decode(bytes).unwrap()))
        .map(|(index, _)| index)
        .unwrap();
    let undue = lied(|_, carried| {
        let was = Entry::decode(&old.entries[replaced as usize]).unwrap();
        let at = publication(carried);
        let (time, first) = (carried[at].time, was.time);
        carried.insert(at, Entry { time, carried: Some(Carried { index: replaced, time: first }), ..was });
    });
    assert!(undue.iter().all(|(_, code)| code == "CARRY_UNDUE") && undue.len() == 1, "{undue:?}");

    // Something was changed on the way: when it was done, or what it says.
    let earlier = lied(|_, carried| {
        let last = carried.last_mut().unwrap().carried.as_mut().unwrap();
        last.time = last.time.plus_seconds(-1);
    });
    assert!(earlier.iter().any(|(_, code)| code == "CARRY_DIFFERS"), "{earlier:?}");
    let invented = lied(|_, carried| {
        let last = carried.last_mut().unwrap();
        let header = Hub::open().header(&administrator());
        let change =
            RuleChange::AgreementTermination { agreement_id: "housing-licence".parse().unwrap(), reason: None };
        last.envelope = Some(administrator().sign(&Statement::Rule(header, change)));
    });
    assert!(invented.iter().any(|(_, code)| code == "CARRY_DIFFERS"), "{invented:?}");

    // Their order was changed, or they come where none may.
    let swapped = lied(|_, carried| {
        let last = carried.len() - 1;
        carried.swap(last, last - 1);
    });
    assert!(swapped.iter().any(|(_, code)| code == "CARRY_MISPLACED"), "{swapped:?}");

    // The genesis names another log before, or other terms.
    let shorter = lied(|genesis, _| genesis.previous.as_mut().unwrap().size -= 1);
    assert!(shorter.iter().any(|(_, code)| code == "PREVIOUS_DIFFERS"), "{shorter:?}");
    let root = lied(|genesis, _| genesis.previous.as_mut().unwrap().root = Digest([1; 32]));
    assert!(root.iter().any(|(_, code)| code == "LOG_FORKED"), "{root:?}");
    let first = lied(|genesis, _| genesis.previous.as_mut().unwrap().genesis_hash = Digest([1; 32]));
    assert!(first.iter().any(|(_, code)| code == "GENESIS_FOREIGN"), "{first:?}");
    let window = lied(|genesis, _| genesis.previous.as_mut().unwrap().issued_until = Time::from_millis(0).unwrap());
    assert_eq!(window, one(None, "PREVIOUS_DIFFERS"));
    let receipt = lied(|genesis, _| genesis.previous.as_mut().unwrap().closings[0] = closing(&Hub::running()));
    assert_eq!(receipt, one(None, "PREVIOUS_DIFFERS"));
    let policy = lied(|genesis, _| genesis.policy.max_lookups -= 1);
    assert!(policy.contains(&(None, "PREVIOUS_DIFFERS".to_owned())), "{policy:?}");
    let none = lied(|genesis, carried| {
        genesis.previous = None;
        carried.truncate(1);
    });
    let misplaced = |index| (Some(index), "CARRY_MISPLACED".to_owned());
    assert_eq!(none, [(None, "PREVIOUS_DIFFERS".to_owned()), misplaced(1), misplaced(2)]);
    let nonsense = lied(|genesis, _| genesis.previous.as_mut().unwrap().vkey = "no key".to_owned());
    assert_eq!(nonsense, one(None, "PREVIOUS_DIFFERS"));
}

#[test]
fn log_that_goes_on_after_it_was_closed_or_was_never_closed_is_found() {
    let mut going_on = closed();
    going_on.query(&["NAME"], &[1]);
    let (genesis, carried) = continued(&going_on);
    let reports = chain(&copied(&going_on, &rolled(&going_on, &genesis, &carried)));
    // The receipt for its end is not of an entry that closes it.
    let differs = (None, "PREVIOUS_DIFFERS".to_owned());
    assert_eq!(found(&reports[0]), std::slice::from_ref(&differs));
    assert_eq!(found(&reports[1]), [(Some(going_on.size() - 1), "ENTRY_AFTER_CLOSE".to_owned())]);

    let mut open = closed();
    open.entries.pop();
    let (genesis, carried) = continued(&open);
    let reports = chain(&copied(&open, &rolled(&open, &genesis, &carried)));
    assert_eq!(found(&reports[0]), [differs.clone(), differs]);
}

#[test]
fn nothing_is_carried_over_later_than_at_the_beginning() {
    let old = closed();
    let (genesis, mut carried) = continued(&old);
    let late = carried.pop().unwrap();
    let mut new = rolled(&old, &genesis, &carried);
    new.rules.issued_after = None;
    let statement = new.publication(3, 1, RecordStatus::Active);
    new.submit(&provider(), &statement);
    new.entries.push(Entry { time: new.time, ..late }.encode());
    let reports = chain(&copied(&old, &new));
    let codes: Vec<_> = found(&reports[0]).into_iter().map(|(_, code)| code).collect();
    assert!(codes.contains(&"CARRY_MISPLACED".to_owned()) && codes.contains(&"CARRY_MISSING".to_owned()), "{codes:?}");
}
