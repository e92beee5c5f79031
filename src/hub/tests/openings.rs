//! Tracing who asked about a holder, erasing what tells it, and telling the log of it.

use crate::{
    domain::{
        agreement::LookupKind,
        id::Commitment,
        outcome::{Erased, HolderTraced, Notice, Outcome, RefusalReason},
        statement::{Erasure, Statement, Trace},
        time::Time,
    },
    hub::{
        Clock as _, ErasureAnswer, Error, Receipt, Traced,
        erasure::Account,
        tests::world::{Actor, World, holder, licence_id},
    },
    sign::{
        SystemRandomness,
        commitment::{Opening, Scheme},
        sha256,
    },
    store::{Slot, memory},
    tlog::{TlogProof, leaf_hash},
    wire::{self, Entry},
};

const DAY: i64 = 86_400;

fn commit(scheme: Scheme, value: &str) -> (Commitment, Opening) {
    let opening = Opening::new(&SystemRandomness::new(), scheme, value).unwrap();
    (Commitment(opening.commitment()), opening)
}

/// A world with four licences, the first three of one holder.
async fn published() -> World {
    let world = World::furnished(memory::store()).await;
    assert_eq!(world.publish((0..4).map(|n| world.record(n, 1)).collect()).await.violations, []);
    world
}

impl World {
    async fn ask_records(&self, numbers: &[u32]) -> u64 {
        let (mut query, mut openings) = self.query(LookupKind::Record, &licence_id(numbers[0]));
        for number in &numbers[1..] {
            let (commitment, opening) = commit(Scheme::LicenceId, &licence_id(*number));
            query.commitments.push(commitment);
            openings.push(opening);
        }
        self.ask(query, openings).await.receipt.index
    }

    async fn trace_by(&self, actor: &Actor, n: u32, since: Option<Time>, until: Option<Time>) -> Traced {
        let (holder, opening) = commit(Scheme::Uscc, &holder(n));
        let (case_commitment, case) = commit(Scheme::Case, "信访-2026-1");
        let (basis, basis_opening) = commit(Scheme::Text, "个人信息保护法第四十五条");
        let trace = Trace {
            purpose: "citizen-request".parse().unwrap(),
            holder,
            case_commitment,
            legal_basis: Some(basis),
            since,
            until,
        };
        let envelope = actor.sign(&Statement::Trace(self.header(actor), trace));
        let openings = vec![opening, case, basis_opening];
        self.hub.trace(actor.system.clone(), envelope, openings, |_| true).await.unwrap()
    }

    /// The entries that a trace finds.
    async fn traced(&self, n: u32) -> Vec<u64> {
        let traced = self.trace_by(&self.administrator, n, None, None).await;
        let found: Vec<u64> = traced.exchanges.iter().map(|exchange| exchange.index).collect();
        let (log_size, exchanges) = (traced.receipt.index, found.len() as u64);
        assert_eq!(traced.receipt.outcome, Outcome::HolderTraced(HolderTraced { log_size, exchanges }));
        for exchange in traced.exchanges.iter() {
            let receipt = self.hub.receipt_of_exchange(exchange).unwrap();
            let proof = TlogProof::parse(receipt.proof.as_bytes()).unwrap();
            proof.verify(&leaf_hash(&receipt.entry), self.hub.log_verifier()).unwrap();
            assert_eq!(receipt.index, exchange.index);
        }
        found
    }

    async fn order(&self, erasure: Erasure, openings: Vec<Opening>) -> ErasureAnswer {
        let admin = &self.administrator;
        let envelope = admin.sign(&Statement::Erasure(self.header(admin), erasure));
        self.hub.erase(admin.system.clone(), envelope, openings, |_| {}).await.unwrap()
    }

    async fn erase_holder(&self, n: u32) -> ErasureAnswer {
        let (commitment, opening) = commit(Scheme::Uscc, &holder(n));
        self.order(Erasure::Holder(commitment), vec![opening]).await
    }

    /// What the log tells of erasures, with the openings kept with each.
    fn told(&self) -> Vec<(Erased, Vec<Vec<u8>>)> {
        let reader = &self.hub.reader;
        let entries = reader.entries(0, u64::MAX, usize::MAX).unwrap();
        let told = (0..).zip(entries).filter_map(|(index, bytes)| match Entry::decode(&bytes).unwrap().outcome {
            Outcome::Noted(Notice::Erased(erased)) => Some((erased, reader.openings(index).unwrap())),
            _ => None,
        });
        told.collect()
    }

    /// The values of all openings kept.
    fn kept(&self) -> Vec<String> {
        let size = self.hub.snapshot().size;
        let openings = (0..size).flat_map(|index| self.hub.reader.openings(index).unwrap());
        openings.map(|bytes| wire::decode_opening(&bytes).unwrap().value().to_owned()).collect()
    }
}

fn reason(receipt: &Receipt) -> RefusalReason {
    match &receipt.outcome {
        Outcome::Refused(refusal) => refusal.reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_finds_who_asked_by_holder_and_by_record_and_nobody_elses() {
    let world = published().await;
    let by_holder = world.ask_holder(0).await.receipt.index;
    let by_record = world.ask_records(&[2]).await;
    let several = world.ask_records(&[3, 1]).await;
    let of_another = world.ask_holder(3).await.receipt.index;
    let (mut query, openings) = world.query(LookupKind::Holder, &holder(0));
    query.purpose = "tax".parse().unwrap();
    let refused = world.ask(query, openings).await.receipt;
    assert_eq!(reason(&refused), RefusalReason::PurposeNotAgreed);
    let unpublished = world.ask_records(&[7]).await;

    assert_eq!(world.traced(0).await, [by_holder, by_record, several, refused.index]);
    let earlier = world.hub.snapshot().size - 1;
    assert_eq!(world.traced(0).await, [by_holder, by_record, several, refused.index, earlier], "who traced, too");
    assert_eq!(world.traced(3).await, [several, of_another]);
    assert_eq!(world.traced(7).await, [] as [u64; 0], "no record is known that this identifier names");
    let before = world.hub.snapshot().size - 1;
    assert_eq!(world.publish(vec![world.record(7, 1)]).await.violations, []);
    assert_eq!(world.traced(7).await, [unpublished, before]);

    let traced = world.trace_by(&world.administrator, 0, None, None).await;
    let opened = |index: u64| {
        let exchange = traced.exchanges.iter().find(|exchange| exchange.index == index).unwrap();
        let values = exchange.openings.iter().map(|opening| opening.value().to_owned()).collect::<Vec<_>>();
        (values, exchange.case.as_ref().unwrap().value().to_owned())
    };
    assert_eq!(opened(by_holder), (vec![holder(0)], "办件-1".to_owned()));
    assert_eq!(opened(several), (vec![licence_id(1)], "办件-1".to_owned()), "not what else was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_keeps_to_its_period() {
    let world = published().await;
    let first = world.ask_holder(0).await.receipt.index;
    world.pass(100);
    let between = world.clock.now();
    let second = world.ask_holder(0).await.receipt.index;
    let found = async |since, until| {
        let traced = world.trace_by(&world.administrator, 0, since, until).await;
        traced.exchanges.iter().map(|exchange| exchange.index).collect::<Vec<_>>()
    };
    assert_eq!(found(None, Some(between)).await, [first]);
    world.pass(100);
    assert_eq!(found(Some(between), Some(world.clock.now())).await, [second, second + 1], "and the trace since");
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_without_the_capability_is_refused_and_one_sent_again_finds_nothing() {
    let world = published().await;
    world.ask_holder(0).await;
    let refused = world.trace_by(&world.consumer, 0, None, None).await;
    assert_eq!(reason(&refused.receipt), RefusalReason::CapabilityMissing);
    assert!(refused.exchanges.is_empty());

    let admin = &world.administrator;
    let (holder_commitment, opening) = commit(Scheme::Uscc, &holder(0));
    let (case_commitment, case) = commit(Scheme::Case, "x");
    let trace = Trace {
        purpose: "p".parse().unwrap(),
        holder: holder_commitment,
        case_commitment,
        legal_basis: None,
        since: None,
        until: None,
    };
    let envelope = admin.sign(&Statement::Trace(world.header(admin), trace.clone()));
    let send = async |openings: Vec<Opening>| {
        world.hub.trace(admin.system.clone(), envelope.clone(), openings, |_| true).await.unwrap()
    };
    let first = send(vec![opening.clone(), case.clone()]).await;
    assert_eq!(first.exchanges.len(), 2);
    let again = send(vec![opening, case.clone()]).await;
    assert!(again.receipt.repeated && again.exchanges.is_empty());
    assert_eq!(again.receipt.entry, first.receipt.entry);

    // A licence is no holder.
    let (commitment, licence) = commit(Scheme::LicenceId, &licence_id(0));
    let envelope = admin.sign(&Statement::Trace(world.header(admin), Trace { holder: commitment, ..trace }));
    let wrong = world.hub.trace(admin.system.clone(), envelope, vec![licence, case], |_| true).await.unwrap();
    assert_eq!(reason(&wrong.receipt), RefusalReason::OpeningMismatch);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_found_for_someone_who_has_gone() {
    let world = published().await;
    let size = world.hub.snapshot().size;
    let admin = &world.administrator;
    let (holder, opening) = commit(Scheme::Uscc, &holder(0));
    let (case_commitment, case) = commit(Scheme::Case, "x");
    let purpose = "p".parse().unwrap();
    let trace = Trace { purpose, holder, case_commitment, legal_basis: None, since: None, until: None };
    let envelope = admin.sign(&Statement::Trace(world.header(admin), trace));
    world.hub.stop_looking();
    let error = world.hub.trace(admin.system.clone(), envelope, vec![opening, case], |_| true).await.unwrap_err();
    assert!(matches!(error, Error::Stopping), "{error}");
    assert_eq!(world.hub.snapshot().size, size, "and nothing was found");
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_a_holder_leaves_others_and_every_proof() {
    let world = published().await;
    world.ask_holder(0).await;
    world.ask_records(&[2]).await;
    let several = world.ask_records(&[3, 1]).await;
    world.traced(0).await;
    let other = world.ask_holder(3).await.receipt;
    let answer = world.erase_holder(0).await;
    assert_eq!(answer.receipt.outcome, Outcome::ErasureOrdered);
    // Two queries with their cases, the trace with case and legal basis, and one lookup of two.
    assert_eq!(answer.erased, 2 + 2 + 3 + 1);
    assert_eq!(world.traced(0).await, [] as [u64; 0]);
    world.erase_holder(0).await; // What the trace just now said.
    let kept = world.kept();
    for gone in [holder(0), licence_id(0), licence_id(1), licence_id(2)] {
        assert!(!kept.contains(&gone), "{gone}");
    }
    assert_eq!(world.traced(3).await, [several, other.index]);
    let case = world.hub.reader.openings(several).unwrap();
    assert_eq!(case.len(), 2, "the case of whom is still remembered");

    let refused = {
        let (commitment, opening) = commit(Scheme::Uscc, &holder(3));
        let envelope =
            world.consumer.sign(&Statement::Erasure(world.header(&world.consumer), Erasure::Holder(commitment)));
        world.hub.erase(world.consumer.system.clone(), envelope, vec![opening], |_| {}).await.unwrap()
    };
    assert_eq!((reason(&refused.receipt), refused.erased), (RefusalReason::CapabilityMissing, 0));
    assert_eq!(world.order(Erasure::Before(world.clock.now()), vec![commit(Scheme::Case, "x").1]).await.erased, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_by_age_leaves_what_is_newer_and_agreements_texts() {
    let world = published().await;
    world.ask_holder(0).await;
    world.pass(10 * DAY);
    let newer = world.ask_holder(0).await.receipt.index;
    let texts = world.kept().len() - 4;
    let limit = world.clock.now().plus_seconds(-5 * DAY);
    let answer = world.order(Erasure::Before(limit), Vec::new()).await;
    assert_eq!(answer.erased, 2);
    assert_eq!(world.hub.reader.openings(newer).unwrap().len(), 2);
    assert_eq!(world.kept().len(), texts + 2);

    assert_eq!(world.hub.tend_openings(None).await.unwrap(), 0);
    assert_eq!(world.hub.tend_openings(Some(1)).await.unwrap(), 0, "nothing is that old");
    world.pass(2 * DAY);
    assert_eq!(world.hub.tend_openings(Some(1)).await.unwrap(), 2);
    assert_eq!(world.hub.tend_openings(Some(1)).await.unwrap(), 0);
    assert_eq!(world.kept().len(), texts + 1, "and what opens the digest of the first erasure");
}

#[tokio::test(flavor = "multi_thread")]
async fn erasures_of_a_day_are_told_together_once_the_day_is_over() {
    let world = published().await;
    let (of_first, of_second) = (world.ask_holder(0).await.receipt.index, world.ask_holder(3).await.receipt.index);
    let since = world.clock.now();
    world.erase_holder(0).await;
    world.pass(600);
    world.erase_holder(3).await;
    let until = world.clock.now();
    world.hub.tend_openings(None).await.unwrap();
    assert_eq!(world.told(), [], "not on the same day");
    world.pass(DAY);
    world.hub.tend_openings(None).await.unwrap();
    world.hub.tend_openings(None).await.unwrap();
    let told = world.told();
    let [(erased, openings)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((erased.count, erased.since, erased.until), (4, since, until));

    // Whoever has the opening and the slots recomputes the digest.
    let opening = wire::decode_opening(&openings[0]).unwrap();
    let digest = [of_first, of_second]
        .iter()
        .flat_map(|index| [(index, 0_u32), (index, 1)])
        .fold(opening.commitment(), |digest, (index, position)| {
            sha256(&[&digest[..], &index.to_be_bytes(), &position.to_be_bytes()].concat())
        });
    assert_eq!(erased.digest.0, digest);
    assert_eq!(world.hub.openings.account(), b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn erasure_told_just_before_a_stop_is_not_told_again() {
    let world = published().await;
    world.ask_holder(0).await;
    world.erase_holder(0).await;
    world.pass(DAY);
    // As far as a process came that ended between the entry and the account.
    let account = world.hub.begin_to_tell().unwrap().unwrap();
    world.hub.sequencer.note(account.notice(), Vec::new()).await.unwrap();
    world.hub.tend_openings(None).await.unwrap();
    assert_eq!(world.told().len(), 1);
    assert_eq!(world.hub.openings.account(), b"");

    world.ask_holder(3).await;
    world.erase_holder(3).await;
    world.pass(DAY);
    // And one that ended before the entry.
    world.hub.begin_to_tell().unwrap().unwrap();
    world.hub.tend_openings(None).await.unwrap();
    assert_eq!(world.told().len(), 2);
}

#[test]
fn account_has_its_lasting_bytes_and_reads_back() {
    let at = |millis| Time::from_millis(millis).unwrap();
    let slots = [Slot { index: 7, position: 0 }, Slot { index: 258, position: 3 }];
    let account = Account::new([5; 32], at(1_772_416_800_000)).unwrap().with(&slots, at(1_772_416_900_001));
    let bytes = account.encode();
    assert_eq!(Account::decode(&bytes).unwrap(), Some(account));
    assert_eq!(hex::encode(&bytes) + "\n", include_str!("../../../tests/vectors/store/account.hex"));
    assert_eq!(Account::decode(b"").unwrap(), None);
    for cut in [1, bytes.len() - 1] {
        assert!(Account::decode(&bytes[..cut]).is_err());
    }
}
