//! `decide` against a second, naive implementation: random catalogs, agreements and queries, outcome and reason.
//!
//! A case follows from its number, so a disagreement is told by it. `HUTONG_DECISIONS=1000000` for more than the usual few.

mod naive;
mod policy;

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use serde_json::{Value, json};

use super::{
    fixture::{self, AUTHORITY, CONSUMER, PROVIDER},
    *,
};
use crate::domain::{
    agreement::{Agreement, AgreementState, AgreementText, AgreementVersion, LookupKind},
    catalog::{CodeValue, Field, FieldType, Resource, SharingClass},
    condition::{Comparison, Condition, Literal, Relation, Test},
    directory::Key,
    id::{Commitment, Digest, Handle, KeyId, Pseudonym},
    network::Peer,
    record::{RecordHead, RecordStatus, Validity},
    statement::Query,
    time::{Time, date_of_days, days_of_date},
};
use naive::Answer;

/// Cases in every run of the tests: some five seconds.
const CASES: u64 = 20_000;
const OTHER: &str = AUTHORITY;
/// 2026-03-02 10:00 at +08:00.
const NOON: i64 = 1_772_416_800_000;

/// One question and all that its answer follows from.
struct Case {
    actor: SystemId,
    /// The versions of the resource, from 1 on.
    resources: Vec<Arc<Resource>>,
    /// In the order of their ids, each with what was asked for under it today.
    agreements: Vec<(Vec<AgreementVersion>, Usage)>,
    query: Query,
    address: IpAddr,
    now: Time,
    /// The records that the lookups find.
    found: Vec<Record>,
    /// Since when the key that signed them is compromised.
    compromised_since: Option<Time>,
}

/// A record found, and what it holds.
struct Record {
    head: RecordHead,
    values: Vec<(String, Value)>,
    /// The one before it, where it replaces that.
    replaces: Option<Handle>,
}

/// SplitMix64: enough to draw cases.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// Once in so many times.
    fn once_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize].clone()
    }

    fn some_of<T: Clone>(&mut self, items: &[T], skip_once_in: u64) -> Vec<T> {
        items.iter().filter(|_| !self.once_in(skip_once_in)).cloned().collect()
    }

    /// Near noon: before it, at it, after it, at the edges of a minute and of the day.
    fn time(&mut self) -> Time {
        let offset = self.pick(&[-86_400_000, -60_000, -1, 0, 1, 59_999, 60_000, 50_399_999, 50_400_000, 86_400_000]);
        Time::from_millis(NOON + offset).unwrap()
    }
}

const FIELDS: [&str; 15] = [
    "ID", "HOLDER", "LICENCE", "NAME", "TOWN", "KIND", "COUNT", "CAPITAL", "SINCE", "LISTED", "TAGS", "SEEN", "OWNER",
    "AREA", "ISSUER",
];
/// Licence identifiers in order: those of the standard's own examples.
const LICENCES: [&str; 2] = [
    "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
    "1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0",
];
/// Instants as records and literals write them: the first three are one.
const INSTANTS: [&str; 6] = [
    "2026-01-05T08:00:00+08:00",
    "2026-01-05T00:00:00Z",
    "2026-01-04T19:30:00.000-04:30",
    "2026-01-05T00:00:00.001Z",
    "2025-12-31T23:59:59.999+08:00",
    "2026-03-01T00:00:00+01:00",
];
const AREAS: [&str; 3] = ["440305", "440300", "110101"];

fn field_type(random: &mut Random, code: &str) -> FieldType {
    let codes = |codes: &[&str]| {
        let value = |code: &&str| CodeValue { code: (*code).to_owned(), name: (*code).to_owned() };
        FieldType::Code(codes.iter().map(value).collect())
    };
    match code {
        "ID" | "NAME" | "TAGS" => FieldType::Text { max_length: 20 },
        "HOLDER" | "ISSUER" => FieldType::Uscc,
        "LICENCE" => FieldType::LicenceId,
        "SEEN" => FieldType::DateTime,
        "OWNER" => FieldType::HolderCode,
        "AREA" => FieldType::AdministrativeDivision,
        // A field may change its type from version to version.
        "TOWN" if random.once_in(10) => FieldType::Integer,
        "TOWN" => FieldType::Text { max_length: 3 },
        "KIND" if random.once_in(10) => codes(&["1", "2"]),
        "KIND" => codes(&["1", "12", "2"]),
        "COUNT" => FieldType::Integer,
        "CAPITAL" => FieldType::Decimal,
        "SINCE" => FieldType::Date,
        _ => FieldType::Boolean,
    }
}

/// A version of the resource, whose records are found by this field.
fn resource(random: &mut Random, record_id: &str) -> Arc<Resource> {
    let mut fields = Vec::new();
    for code in FIELDS {
        if code != record_id && code != "HOLDER" && random.once_in(20) {
            continue;
        }
        let sharing_class = match random.below(12) {
            0 => SharingClass::NotShared,
            1..=3 => SharingClass::Conditional,
            _ => SharingClass::Unconditional,
        };
        let field = fixture::field(code, field_type(random, code), sharing_class);
        fields.push(Field { repeated: code == "TAGS", sensitive: code == "NAME", ..field });
    }
    Arc::new(fixture::resource(fields, record_id, "HOLDER"))
}

fn literal(random: &mut Random, code: &str) -> Literal {
    let text = |text: &str| Literal::Text(text.to_owned());
    if random.once_in(40) {
        return random.pick(&[text("x"), text("long text"), Literal::Integer(3), Literal::Boolean(true)]);
    }
    match code {
        "COUNT" => Literal::Integer(random.below(5) as i64 - 2),
        "CAPITAL" => text(random.pick(&["-1.5", "0", "0.50", "10", "9.99"])),
        "SINCE" => text(random.pick(&["2020-01-01", "2020-12-31", "2021-01-01"])),
        "LISTED" => Literal::Boolean(random.once_in(2)),
        "KIND" => text(random.pick(&["1", "12", "2"])),
        "SEEN" => text(random.pick(&INSTANTS)),
        "LICENCE" => text(random.pick(&LICENCES)),
        "AREA" => text(random.pick(&AREAS)),
        "ISSUER" => text(random.pick(&[CONSUMER, PROVIDER])),
        _ => text(random.pick(&["a", "ab", "b"])),
    }
}

fn condition(random: &mut Random, depth: u64) -> Condition {
    if depth > 0 && random.once_in(2) {
        let parts = (0..=random.below(3)).map(|_| condition(random, depth - 1)).collect();
        return if random.once_in(2) { Condition::All(parts) } else { Condition::Any(parts) };
    }
    let code = if random.once_in(30) { "GHOST" } else { random.pick(&FIELDS[2..]) };
    let prefixes: &[&str] = match code {
        "NAME" | "TOWN" | "KIND" | "TAGS" => &["a", "1", "ab", "abcdefghi"],
        // Up to the issuer, and one character of the number.
        "LICENCE" => &["1.2.156", &LICENCES[0][..56], &LICENCES[0][..57]],
        "OWNER" => &["P", "P1234567", "P12345678"],
        "AREA" | "ISSUER" => &["44", "4403", "11430000", "114300000"],
        _ => &[],
    };
    let test = match random.below(10) {
        0 => Test::Empty,
        1 => Test::NotEmpty,
        2 | 3 if !prefixes.is_empty() => Test::StartsWith(random.pick(prefixes).to_owned()),
        4 | 5 => Test::OneOf((0..=random.below(2)).map(|_| literal(random, code)).collect()),
        _ => {
            let ordered = [Relation::Less, Relation::AtMost, Relation::Greater, Relation::AtLeast];
            let has_order = ["COUNT", "CAPITAL", "SINCE", "SEEN"].contains(&code) || random.once_in(20);
            let equality = [Relation::Equal, Relation::NotEqual];
            let relation = if has_order && !random.once_in(3) { random.pick(&ordered) } else { random.pick(&equality) };
            Test::Is(relation, literal(random, code))
        }
    };
    Condition::Comparison(Comparison { field: code.parse().unwrap(), test })
}

fn version(random: &mut Random, id: &str, number: u32, party: &str, state: AgreementState) -> AgreementVersion {
    let names = |names: Vec<&str>| names.into_iter().map(|name| name.parse().unwrap()).collect();
    let networks = ["10.44.0.0/16", "10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0"];
    let text = AgreementText {
        version: number,
        consumer: party.parse().unwrap(),
        fields: random.some_of(&FIELDS, 8).into_iter().map(|code| code.parse().unwrap()).collect(),
        purposes: names(random.some_of(&["permit", "tax"], 6)),
        matters: if random.once_in(3) { names(random.some_of(&["m-1", "m-2"], 3)) } else { [].into() },
        lookups: random.some_of(&[LookupKind::Record, LookupKind::Holder], 6).into_iter().collect(),
        valid_from: if random.once_in(3) { random.time() } else { Time::from_millis(0).unwrap() },
        valid_until: if random.once_in(3) { random.time() } else { Time::MAX },
        daily_limit: random.pick(&[2, 5, 1_000]),
        batch_limit: random.pick(&[1, 3, 64]),
        condition: random.once_in(2).then(|| condition(random, 2)),
        minute_limit: random.once_in(3).then(|| random.below(5) + 1),
        networks: if random.once_in(3) {
            random.some_of(&networks, 2).into_iter().map(|network| network.parse().unwrap()).collect()
        } else {
            [].into()
        },
        ..fixture::agreement_text(id)
    };
    AgreementVersion {
        text,
        serialized: Vec::new().into(),
        digest: Digest([0; 32]),
        state,
        suspended_by: None,
        reason: None,
        accepted: !random.once_in(4),
        waiting: None,
        entry_indexes: Vec::new(),
    }
}

fn agreement(random: &mut Random, id: &str) -> (Vec<AgreementVersion>, Usage) {
    use AgreementState::{Accepted, Active, Proposed, Rejected, Suspended, Terminated, Withdrawn};
    let party = if random.once_in(8) { OTHER } else { CONSUMER };
    let last =
        random.pick(&[Active, Active, Active, Active, Active, Suspended, Terminated, Proposed, Accepted, Rejected]);
    let count = random.below(3) + 1;
    let mut versions = Vec::new();
    for number in 1..=count {
        let before = random.pick(&[Terminated, Terminated, Active, Suspended, Withdrawn]);
        let state = if number == count { last } else { before };
        versions.push(version(random, id, u32::try_from(number).unwrap(), party, state));
    }
    let minute_began = random.time().start_of_minute();
    (versions, Usage { day: random.below(6), minute_began, minute: random.below(4) })
}

fn record(random: &mut Random, resources: &[Arc<Resource>], number: u8) -> Record {
    let resource_version = u32::try_from(random.below(resources.len() as u64)).unwrap() + 1;
    let resource = &resources[resource_version as usize - 1];
    let mut values = Vec::new();
    for field in &resource.fields {
        let value = match (&field.field_type, random.below(6)) {
            (_, 0) => Value::Null,
            (FieldType::Uscc, _) => json!(random.pick(&[CONSUMER, OTHER])),
            (FieldType::LicenceId, _) => json!(random.pick(&LICENCES)),
            (FieldType::DateTime, _) => json!(random.pick(&INSTANTS)),
            (FieldType::HolderCode, _) => json!(random.pick(&["P12345678", "Q1"])),
            (FieldType::AdministrativeDivision, _) => json!(random.pick(&AREAS)),
            (FieldType::Integer, _) => json!(random.below(5) as i64 - 2),
            (FieldType::Decimal, _) => json!(random.pick(&["-1.50", "0.00", "0.5", "10.0", "9.98"])),
            (FieldType::Date, _) => json!(random.pick(&["2019-12-31", "2020-01-01", "2020-12-31"])),
            (FieldType::Boolean, _) => json!(random.once_in(2)),
            (FieldType::Code(codes), _) => json!(random.pick(codes).code),
            _ if field.repeated => json!(random.some_of(&["a", "ab", "b"], 2)),
            _ => json!(random.pick(&["a", "ab", "b"])),
        };
        values.push((field.code.to_string(), value));
    }
    let today = days_of_date(Time::from_millis(NOON).unwrap().civil_day(8 * 3_600));
    let day = |random: &mut Random| random.once_in(4).then(|| date_of_days(today + random.below(3) as i64 - 1));
    let validity = Validity { from: day(random), until: day(random) };
    let head = RecordHead {
        handle: Handle([number; 32]),
        version: 1,
        resource_version,
        status: if random.once_in(6) { RecordStatus::Revoked } else { RecordStatus::Active },
        validity,
        jwt_sha256: Digest([number; 32]),
        source_digest: Digest([0; 32]),
        publication_index: 1,
        published_at: random.time(),
        issuer_key: KeyId([7; 32]),
        successor: None,
        copy: None,
    };
    let replaces = (number > 0 && random.once_in(3)).then(|| Handle([number - 1; 32]));
    Record { head, values, replaces }
}

impl Case {
    fn of(number: u64) -> Self {
        let random = &mut Random(number);
        let record_id = random.pick(&["ID", "ID", "LICENCE"]);
        let resources: Vec<_> = (0..=random.below(2)).map(|_| resource(random, record_id)).collect();
        let ids = random.some_of(&["a", "b", "c", "d"], 2);
        let agreements: Vec<_> = ids.iter().map(|id| agreement(random, id)).collect();
        let mut fields: Vec<&str> = (0..=random.below(2)).map(|_| random.pick(&FIELDS)).collect();
        if random.once_in(20) {
            fields.push("GHOST");
        }
        let lookups = if random.once_in(40) { 65 } else { random.below(4) + 1 };
        let query = Query {
            resource_id: if random.once_in(40) { "market.ghost" } else { "market.licence" }.parse().unwrap(),
            purpose: random.pick(&["permit", "permit", "tax", "other"]).parse().unwrap(),
            matter: random.pick(&["m-1", "m-2", "m-3"]).parse().unwrap(),
            case_commitment: Commitment([1; 32]),
            operator_pseudonym: Pseudonym([2; 32]),
            agreement_id: random.once_in(4).then(|| random.pick(&["a", "b", "c", "d"]).parse().unwrap()),
            fields: fields.into_iter().map(|code| code.parse().unwrap()).collect(),
            lookup: random.pick(&[LookupKind::Record, LookupKind::Holder]),
            commitments: vec![Commitment([3; 32]); usize::try_from(lookups).unwrap()],
        };
        let addresses = ["10.44.3.9", "10.45.0.1", "192.0.2.1", "2001:db8::9", "::ffff:10.44.0.1", "::1"];
        let found = (0..random.below(4)).map(|number| record(random, &resources, number as u8)).collect();
        Self {
            actor: format!("spiffe://gov.example/department/{CONSUMER}/system/permits").parse().unwrap(),
            resources,
            agreements,
            query,
            address: random.pick(&addresses).parse().unwrap(),
            now: random.time(),
            found,
            compromised_since: random.once_in(5).then(|| random.time()),
        }
    }

    fn rules(&self) -> Rules {
        let mut rules = fixture::rules();
        let id = "market.licence".parse().unwrap();
        rules.catalog.resources.insert(id, self.resources.clone());
        for (versions, _) in &self.agreements {
            let id = versions[0].text.agreement_id.clone();
            rules.agreements.put(&id, Agreement { versions: versions.clone() });
        }
        let kid = KeyId([7; 32]);
        let key = Key {
            kid,
            system: self.actor.clone(),
            public_key: [0; 32],
            registered_index: 0,
            retired_index: None,
            compromised_since: self.compromised_since,
        };
        rules.directory.keys.insert(kid, key);
        rules
    }

    /// What `decide` makes of it, at a moment.
    fn decided(&self, rules: &Rules, now: &Moment) -> Answer {
        let peer = Peer::new(Some(self.address));
        let usage = |id: &crate::domain::id::AgreementId, day| {
            assert_eq!(days_of_date(day), (now.now().as_millis() + 8 * 3_600_000).div_euclid(86_400_000));
            let of = self.agreements.iter().find(|(versions, _)| versions[0].text.agreement_id == *id);
            Ok::<_, Infallible>(of.unwrap().1)
        };
        let Ok(access) = decide_access(rules, &self.actor, &self.query, &peer, usage, now);
        let name = |(id, version): (crate::domain::id::AgreementId, u32)| (id.to_string(), version);
        let access = match access {
            Ok(access) => access,
            Err(refusal) => {
                return Answer::Refused(refusal.reason, refusal.agreement.map(name), refusal.peer_address.is_some());
            }
        };
        let found =
            |record: &Record| Found { lookup: 0, head: record.head.clone(), replaces: record.replaces, original: None };
        let found: Vec<_> = self.found.iter().map(found).collect();
        let values = |position: usize| Ok::<_, Infallible>(self.found[position].values.clone());
        let Ok(release) = decide_release(rules, &access, &self.query, &found, values, now);
        let records = release
            .unwrap()
            .records
            .into_iter()
            .map(|released| released.map(|Released { status, fields, .. }| (status, fields)));
        let attested = access.peer_address.is_some();
        Answer::Permitted(name((access.agreement_id, access.agreement_version)), attested, records.collect())
    }
}

#[test]
fn decisions_are_those_of_a_naive_implementation() {
    let cases = std::env::var("HUTONG_DECISIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(CASES);
    let mut seen = std::collections::BTreeMap::<String, u64>::new();
    for number in 0..cases {
        let case = Case::of(number);
        let rules = case.rules();
        let now = Moment::new(case.now);
        let decided = case.decided(&rules, &now);
        let due = naive::answer(&case);
        assert_eq!(decided, due, "case {number}: {} at {}", naive::told(&case.query), case.now);
        let kind = match &decided {
            Answer::Permitted(_, _, records) if records.iter().any(Option::is_none) => "withheld".to_owned(),
            Answer::Permitted(..) => "permitted".to_owned(),
            Answer::Refused(reason, ..) => reason.to_string(),
        };
        *seen.entry(kind).or_default() += 1;
        // The decision stands until the moment that it learnt: just before it comes out the same.
        let last = Time::from_millis(now.stands_until().as_millis() - 1).unwrap();
        assert_eq!(case.decided(&rules, &Moment::new(last)), decided, "case {number}, until {last}");
    }
    println!("{cases} cases: {seen:?}");
    let reached = ["permitted", "withheld"].into_iter().map(str::to_owned);
    let reached = reached.chain(REACHED.map(|reason| reason.to_string()));
    let missed: Vec<_> = reached.filter(|kind| !seen.contains_key(kind)).collect();
    assert!(missed.is_empty(), "no case came to {missed:?}");
}

/// Every reason for which access is refused.
const REACHED: [RefusalReason; 18] = [
    RefusalReason::ResourceUnknown,
    RefusalReason::FieldUnknown,
    RefusalReason::FieldNotShared,
    RefusalReason::NoAgreement,
    RefusalReason::AgreementNotActivated,
    RefusalReason::AgreementNotYetValid,
    RefusalReason::AgreementExpired,
    RefusalReason::AgreementSuspended,
    RefusalReason::AgreementTerminated,
    RefusalReason::AcceptanceMissing,
    RefusalReason::ConditionInapplicable,
    RefusalReason::LookupNotAgreed,
    RefusalReason::PurposeNotAgreed,
    RefusalReason::MatterNotAgreed,
    RefusalReason::FieldNotAgreed,
    RefusalReason::NetworkNotAllowed,
    RefusalReason::MinuteLimitExceeded,
    RefusalReason::QuotaExhausted,
];
