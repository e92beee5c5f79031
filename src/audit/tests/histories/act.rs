//! What departments do, right and wrong, at random.

use proptest::{prelude::*, sample::select};

use super::city::{AGREEMENTS, CONSUMER, PARTIES, PROVIDER, RESOURCES, SECOND_CONSUMER, SECOND_PROVIDER};
use crate::domain::{agreement::LookupKind, catalog::SharingClass, record::RecordStatus};

/// A record to be published: which, how many versions are skipped, its status, and from and until how many days from today it is valid.
pub(super) type Record = (u8, u32, RecordStatus, (Option<i64>, Option<i64>));

/// What an agreement has beside the terms that all have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    Nothing,
    /// A limit of one record a minute.
    Minute,
    /// A network from which most ask.
    Networks,
    /// A row condition that some records meet.
    Condition,
}

/// What an agreement says beside its fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// A day, and in one query.
    pub(super) limits: (u64, u32),
    /// Valid from and until so many days from now.
    pub(super) days: (i64, i64),
    pub(super) matter: Option<&'static str>,
    pub(super) beside: Beside,
}

/// How a text is signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Consent {
    pub(super) activates: bool,
    pub(super) is_other_text: bool,
    pub(super) is_other_hand: bool,
}

/// What a party does about an agreement in force.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Suspend,
    Resume,
    Terminate,
    Reject,
    Defer,
    Withdraw,
}

/// What nobody may do.
#[derive(Debug, Clone, Copy)]
pub(super) enum Misdeed {
    RegisterAgain,
    RegisterUnproven,
    RegisterForGhost,
    RetireUnknown,
    RetireAdministrator,
    GhostDepartment,
    UnknownPart,
    OldBase,
    InvalidPart,
    ImpossibleYear,
}

/// One act. The hub's answer to it is honest.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Wait(u32),
    Publish {
        by: usize,
        is_stale: bool,
        resource: usize,
        is_current: bool,
        records: Vec<Record>,
        by_own_key: bool,
    },
    Query {
        by: usize,
        is_stale: bool,
        resource: usize,
        agreement: Option<usize>,
        fields: Vec<&'static str>,
        purpose: &'static str,
        matter: &'static str,
        lookup: LookupKind,
        records: Vec<u8>,
        skew: i64,
        opened: bool,
    },
    Again {
        by: usize,
    },
    Flood {
        by: usize,
    },
    Propose {
        which: usize,
        by: usize,
        skip: u32,
        fields: Vec<&'static str>,
        terms: Terms,
    },
    Consent {
        which: usize,
        by: usize,
        consent: Consent,
    },
    Step {
        which: usize,
        by: usize,
        step: Step,
    },
    Rotate {
        whose: usize,
        compromised: Option<u32>,
    },
    Empower {
        whose: usize,
        may: bool,
    },
    /// A right to issue the first resource, from and until so many days from now.
    Grant {
        by: usize,
        to: usize,
        days: (i64, i64),
        succeeds: Option<usize>,
    },
    Withdraw {
        by: usize,
        from: usize,
    },
    Reclassify {
        resource: usize,
        field: usize,
        class: SharingClass,
    },
    Trace {
        by: usize,
    },
    Erase {
        by: usize,
    },
    Misdeed {
        by: usize,
        misdeed: Misdeed,
    },
}

/// Nearly always the first, now and then another.
fn mostly<T: Clone + std::fmt::Debug + 'static>(usual: T, others: Vec<T>) -> impl Strategy<Value = T> {
    prop_oneof![9 => Just(usual), 1 => select(others)]
}

fn rarely() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.08)
}

/// A department that may, or any.
fn who(usual: usize) -> impl Strategy<Value = usize> {
    mostly(usual, (0..PARTIES).collect())
}

fn who_publishes(resource: usize) -> impl Strategy<Value = usize> {
    let (provider, other) = if resource == 0 { (PROVIDER, SECOND_PROVIDER) } else { (SECOND_PROVIDER, PROVIDER) };
    prop_oneof![7 => Just(provider), 2 => Just(other), 1 => 0..PARTIES]
}

fn publish() -> impl Strategy<Value = Act> {
    let status = select(vec![
        RecordStatus::Active,
        RecordStatus::Active,
        RecordStatus::Active,
        RecordStatus::Suspended,
        RecordStatus::Revoked,
        RecordStatus::Superseded,
        RecordStatus::Expired,
    ]);
    let days = || prop_oneof![3 => Just(None), 1 => (-2..3_i64).prop_map(Some)];
    let record = (1..8_u8, mostly(0, vec![1, 2]), status, (days(), days()));
    (0..2_usize, rarely(), rarely(), rarely(), prop::collection::vec(record, 1..4), rarely(), rarely()).prop_flat_map(
        |(resource, is_stale, is_old, is_elsewhere, records, is_foreign, is_unknown)| {
            // The handles of one resource's records are not another's, unless its provider takes one.
            let offset = if resource == 1 && !is_elsewhere { 100 } else { 0 };
            let records: Vec<_> =
                records.into_iter().map(|(record, skip, status, days)| (record + offset, skip, status, days)).collect();
            who_publishes(resource).prop_map(move |by| Act::Publish {
                by,
                is_stale,
                resource: if is_unknown { RESOURCES.len() - 1 } else { resource },
                is_current: !is_old,
                records: records.clone(),
                by_own_key: !is_foreign,
            })
        },
    )
}

fn fields() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![
        6 => prop::sample::subsequence(vec!["NAME", "STATUS"], 1..=2),
        1 => prop::sample::subsequence(vec!["NAME", "HOLDER", "SECRET", "NOTHING"], 1..=2),
    ]
}

fn asking() -> impl Strategy<Value = Act> {
    let which = (0..AGREEMENTS.len()).prop_flat_map(|which| {
        let (_, by, resource) = AGREEMENTS[which];
        let agreement = prop_oneof![Just(None), Just(Some(which)), Just(Some(which))];
        (who(by), mostly(resource, (0..RESOURCES.len()).collect()), agreement)
    });
    let terms = (
        mostly("permit", vec!["marketing"]),
        mostly("housing-01", vec!["housing-02"]),
        mostly(LookupKind::Record, vec![LookupKind::Holder]),
    );
    let record = prop_oneof![2 => 1..8_u8, 1 => 101..108_u8];
    let records = prop_oneof![6 => prop::collection::vec(record, 1..4), 1 => prop::collection::vec(1..3_u8, 13..18)];
    let chance = (rarely(), mostly(0, vec![-301, -299, 299, 400]), rarely());
    (which, terms, fields(), records, chance).prop_map(
        |((by, resource, agreement), (purpose, matter, lookup), fields, records, (is_stale, skew, is_closed))| {
            let opened = !is_closed;
            Act::Query { by, is_stale, resource, agreement, fields, purpose, matter, lookup, records, skew, opened }
        },
    )
}

fn agreeing() -> impl Strategy<Value = Act> {
    let terms = (
        select(vec![(2_000, 10), (2_000, 64), (3, 10), (40, 4)]),
        mostly((0, 30), vec![(1, 5), (0, 1), (-5, -1)]),
        mostly(None, vec![Some("housing-02")]),
        mostly(Beside::Nothing, vec![Beside::Minute, Beside::Networks, Beside::Condition]),
    );
    let terms = terms.prop_map(|(limits, days, matter, beside)| Terms { limits, days, matter, beside });
    let proposal =
        (0..AGREEMENTS.len(), mostly(0, vec![1]), fields(), terms).prop_flat_map(|(which, skip, fields, terms)| {
            who(AGREEMENTS[which].1).prop_map(move |by| Act::Propose { which, by, skip, fields: fields.clone(), terms })
        });
    let consent = (0..AGREEMENTS.len(), any::<bool>(), rarely(), rarely()).prop_flat_map(
        |(which, activates, is_other_text, is_other_hand)| {
            let consent = Consent { activates, is_other_text, is_other_hand };
            let usual = match (activates, AGREEMENTS[which].2) {
                (true, _) => super::city::ADMINISTRATOR,
                (false, 0) => PROVIDER,
                (false, _) => SECOND_PROVIDER,
            };
            who(usual).prop_map(move |by| Act::Consent { which, by, consent })
        },
    );
    let step = (
        0..AGREEMENTS.len(),
        select(vec![PROVIDER, CONSUMER, SECOND_CONSUMER, 0]),
        select(vec![
            Step::Suspend,
            Step::Resume,
            Step::Suspend,
            Step::Resume,
            Step::Terminate,
            Step::Reject,
            Step::Defer,
            Step::Defer,
            Step::Withdraw,
        ]),
    );
    prop_oneof![3 => proposal, 5 => consent, 3 => step.prop_map(|(which, by, step)| Act::Step { which, by, step })]
}

fn granting() -> impl Strategy<Value = Act> {
    let days = select(vec![(0, 3), (0, 3), (0, 1), (1, 3), (-2, -1), (3, 1)]);
    let party = || mostly(SECOND_PROVIDER, (0..PARTIES).collect());
    let grant = (mostly(0, (0..PARTIES).collect()), party(), days, prop::option::weighted(0.4, who(PROVIDER)));
    prop_oneof![
        3 => grant.prop_map(|(by, to, days, succeeds)| Act::Grant { by, to, days, succeeds }),
        1 => (mostly(0, (0..PARTIES).collect()), party()).prop_map(|(by, from)| Act::Withdraw { by, from }),
    ]
}

fn administering() -> impl Strategy<Value = Act> {
    let class = select(vec![SharingClass::Unconditional, SharingClass::Conditional, SharingClass::NotShared]);
    let misdeed = select(vec![
        Misdeed::RegisterAgain,
        Misdeed::RegisterUnproven,
        Misdeed::RegisterForGhost,
        Misdeed::RetireUnknown,
        Misdeed::RetireAdministrator,
        Misdeed::GhostDepartment,
        Misdeed::UnknownPart,
        Misdeed::OldBase,
        Misdeed::InvalidPart,
        Misdeed::ImpossibleYear,
    ]);
    prop_oneof![
        3 => (0..PARTIES, prop::option::weighted(0.4, 0..200_000_u32))
            .prop_map(|(whose, compromised)| Act::Rotate { whose, compromised }),
        1 => (1..PARTIES, prop::bool::weighted(0.8)).prop_map(|(whose, may)| Act::Empower { whose, may }),
        2 => (0..2_usize, 2..4_usize, class)
            .prop_map(|(resource, field, class)| Act::Reclassify { resource, field, class }),
        2 => (mostly(0, (0..PARTIES).collect()), misdeed).prop_map(|(by, misdeed)| Act::Misdeed { by, misdeed }),
        1 => mostly(SECOND_CONSUMER, (0..PARTIES).collect()).prop_map(|by| Act::Trace { by }),
        1 => mostly(0, (0..PARTIES).collect()).prop_map(|by| Act::Erase { by }),
        4 => granting(),
    ]
}

/// Any act.
pub(super) fn act() -> impl Strategy<Value = Act> {
    let seconds = prop_oneof![4 => 0..90_u32, 2 => 0..20_000_u32, 1 => 40_000..200_000_u32];
    prop_oneof![
        5 => seconds.prop_map(Act::Wait),
        8 => publish(),
        14 => asking(),
        8 => agreeing(),
        4 => administering(),
        1 => (0..PARTIES).prop_map(|by| Act::Again { by }),
    ]
    .prop_flat_map(|act| prop_oneof![199 => Just(act), 1 => (1..PARTIES).prop_map(|by| Act::Flood { by })])
}
