//! What deciding about a query costs, with few and with very many agreements in force.

use std::{convert::Infallible, hint::black_box, sync::Arc};

use criterion::{BatchSize, Criterion};
use hutong::{
    bench::city::{self, City, TRUST_DOMAIN},
    domain::{
        agreement::{AgreementState, AgreementText, MAX_AGREEMENTS_OF_USE},
        catalog::{CatalogPart, Resource},
        decide::{Access, Usage, decide_access},
        id::{AgreementId, Commitment, Digest, Pseudonym, ResourceId, SystemId},
        identifier::Uscc,
        network::Peer,
        outcome::{Effect, Refusal, RefusalReason},
        rules::Rules,
        statement::{AgreementConsent, Query, RuleChange, Statement},
        time::Moment,
    },
    sign::sha256,
    wire,
};

use super::now;

/// How many departments' agreements each resource has, at least: a city has some hundred departments.
const RESOURCES: usize = 100;
/// How many queries are put in turn: so few that their agreements stay in the processor's cache, and so many that, where there are
/// many agreements, each must be fetched from memory again. The query itself is always at hand: it was just read.
const QUERIES: [(usize, &str); 2] = [(16, "at hand"), (4_096, "from memory")];

/// Rules to which agreements are added.
struct Loaded<'a> {
    city: &'a City,
    rules: Rules,
}

impl<'a> Loaded<'a> {
    /// The city's rules with a catalog of many resources and no agreements but its own.
    fn new(city: &'a City) -> Self {
        let mut loaded = Self { city, rules: city.rules(now()).unwrap() };
        let part = Digest([9; 32]);
        let resources: Vec<_> = (0..RESOURCES)
            .map(|number| Arc::new(Resource { resource_id: resource_id(number), ..city::resource().unwrap() }))
            .collect();
        let released = resources.iter().map(|resource| (resource.resource_id.clone(), 1)).collect();
        let content = CatalogPart { resources, ..CatalogPart::default() };
        loaded.apply(RuleChange::CatalogPart { part, content }, &Effect::CatalogPartEntered(part));
        let release = RuleChange::CatalogRelease { base_version: 1, parts: vec![part], allow_breaking: false };
        loaded.apply(release, &Effect::CatalogReleased { version: 2, resources: released });
        loaded
    }

    fn apply(&mut self, change: RuleChange, effect: &Effect) {
        let header = self.city.administrator.header(now()).unwrap();
        let index = self.rules.version + 1;
        self.rules.apply(index, now(), &Statement::Rule(header, change), effect).unwrap();
    }

    /// Puts an agreement into force.
    fn agree(&mut self, text: AgreementText) {
        let agreement_id = text.agreement_id.clone();
        let serialized = wire::encode_agreement_text(&text);
        let digest = Digest(sha256(&serialized));
        let changed = |state| Effect::AgreementChanged { agreement_id: agreement_id.clone(), version: 1, state };
        let signature = vec![0; 64];
        let proposal = RuleChange::AgreementProposal {
            text: Box::new(text),
            serialized: serialized.into(),
            digest,
            signature: signature.clone(),
        };
        self.apply(proposal, &changed(AgreementState::Proposed));
        let consent = AgreementConsent { agreement_id: agreement_id.clone(), version: 1, digest, signature };
        self.apply(RuleChange::AgreementActivation(consent), &changed(AgreementState::Active));
    }

    fn decide(&self, (actor, query): &(SystemId, Query)) -> Result<Access, Refusal> {
        let usage = |_: &_, _| Ok::<_, Infallible>(Usage::NONE);
        let peer = Peer::new(Some([10, 44, 0, 9].into()));
        decide_access(&self.rules, actor, black_box(query), &peer, usage, &Moment::new(now())).unwrap()
    }
}

fn resource_id(number: usize) -> ResourceId {
    format!("bench.resource-{number}").parse().unwrap()
}

fn consumer(number: usize) -> Uscc {
    Uscc::complete(&format!("11440300{number:08}")).unwrap()
}

fn text(id: AgreementId, consumer: Uscc, resource_id: ResourceId) -> AgreementText {
    AgreementText { agreement_id: id, consumer, resource_id, ..city::agreement_text(consumer, "a1", now()).unwrap() }
}

/// A query for all the fields that an agreement gives.
fn query(consumer: Uscc, resource_id: ResourceId) -> (SystemId, Query) {
    let query = Query {
        resource_id,
        purpose: city::PURPOSE.parse().unwrap(),
        matter: "000117001000".parse().unwrap(),
        case_commitment: Commitment([1; 32]),
        operator_pseudonym: Pseudonym([1; 32]),
        agreement_id: None,
        fields: city::released().unwrap(),
        lookup: hutong::domain::agreement::LookupKind::Record,
        commitments: vec![Commitment([2; 32])],
    };
    (SystemId::new(&TRUST_DOMAIN.parse().unwrap(), &consumer, "counter").unwrap(), query)
}

/// Each of many departments has an agreement on each of many resources.
fn spread(c: &mut Criterion, city: &City) {
    let mut loaded = Loaded::new(city);
    let mut agreed = 0;
    for count in [1_000, 10_000, 100_000] {
        for number in agreed..count {
            let id = format!("bench-{number}").parse().unwrap();
            loaded.agree(text(id, consumer(number / RESOURCES), resource_id(number % RESOURCES)));
        }
        agreed = count;
        for (queries, place) in QUERIES {
            // A prime step: neither neighbours nor the same department twice in a row.
            let asked: Vec<_> = (0..queries)
                .map(|step| step * 7_919 % count)
                .map(|number| query(consumer(number / RESOURCES), resource_id(number % RESOURCES)))
                .collect();
            assert!(asked.iter().all(|query| loaded.decide(query).is_ok()));
            let mut turn = asked.iter().cycle();
            c.bench_function(&format!("decide_access/{count} agreements, {place}"), |b| {
                let next = || turn.next().cloned();
                // Returned, so that its end is not measured.
                let decide = |query: Option<_>| (query.as_ref().map(|query| loaded.decide(query)), query);
                b.iter_batched(next, decide, BatchSize::NumIterations(8));
            });
        }
    }
}

/// One department has as many agreements on one resource as it may, each for a purpose of its own.
fn crowded(c: &mut Criterion, city: &City) {
    let mut loaded = Loaded::new(city);
    let id = |number: usize| -> AgreementId { format!("bench-{number:03}").parse().unwrap() };
    for number in 0..MAX_AGREEMENTS_OF_USE {
        let purposes = [format!("purpose-{number:03}").parse().unwrap()].into();
        loaded.agree(AgreementText { purposes, ..text(id(number), consumer(0), resource_id(0)) });
    }
    let last = MAX_AGREEMENTS_OF_USE - 1;
    let mut asked = query(consumer(0), resource_id(0));
    let refused = loaded.decide(&asked).unwrap_err();
    assert_eq!(refused.reason, RefusalReason::PurposeNotAgreed);
    let name = |case: &str| format!("decide_access/{MAX_AGREEMENTS_OF_USE} of one use, {case}");
    c.bench_function(&name("none permits"), |b| b.iter(|| loaded.decide(&asked)));
    asked.1.purpose = format!("purpose-{last:03}").parse().unwrap();
    assert_eq!(loaded.decide(&asked).unwrap().agreement_id, id(last));
    c.bench_function(&name("the last permits"), |b| b.iter(|| loaded.decide(&asked)));
    asked.1.agreement_id = Some(id(last));
    assert_eq!(loaded.decide(&asked).unwrap().agreement_id, id(last));
    c.bench_function(&name("the last is named"), |b| b.iter(|| loaded.decide(&asked)));
}

pub(super) fn decide(c: &mut Criterion) {
    let city = super::city();
    spread(c, &city);
    crowded(c, &city);
}
