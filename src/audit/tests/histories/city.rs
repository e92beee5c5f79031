//! A city whose departments do right and wrong, before a hub that is honest.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    super::hub::{
        AGREEMENT, Actor, Hub, RESOURCE, administrator, agreement_text, consent, consumer, handle, kid, proposal,
        provider, query, register_key, resource,
    },
    act::{Act, Beside, Consent, Misdeed, Step, Terms},
};
use crate::domain::{
    agreement::{Agreement, AgreementText, LookupKind},
    answer::{AnswerStep, AnswerTerm, AnswerTerms},
    calendar::CalendarYear,
    catalog::{Resource, SharingClass},
    condition::{Comparison, Condition, Literal, Relation, Test},
    decide::counts_towards_limit,
    directory::Capability,
    id::{AgreementId, Commitment, Digest, SystemId},
    issuing::IssuingGrant,
    outcome::{Erased, Notice, Outcome, RefusalReason, Suppressed},
    record::Validity,
    statement::{Publication, PublishedRecord, RuleChange, Statement},
    time::{Time, date_of_days, days_of_date},
};
use crate::wire::{Entry, kid_from_text};

/// Whose keys come and go.
pub(super) const ADMINISTRATOR: usize = 0;
pub(super) const PROVIDER: usize = 1;
pub(super) const CONSUMER: usize = 2;
pub(super) const SECOND_PROVIDER: usize = 3;
pub(super) const SECOND_CONSUMER: usize = 4;
pub(super) const PARTIES: usize = 5;
/// The resources, and what none is.
pub(super) const RESOURCES: [&str; 3] = [RESOURCE, "water.permit", "market.ghost"];
/// The agreements: who asks for which resource.
pub(super) const AGREEMENTS: [(&str, usize, usize); 4] =
    [(AGREEMENT, CONSUMER, 0), ("second", CONSUMER, 0), ("third", SECOND_CONSUMER, 0), ("water", SECOND_CONSUMER, 1)];
/// The first seed of the keys that come later, and the first that none has.
const SEEDS: std::ops::Range<u8> = 30..240;

/// A party, its newest key and the one before.
struct Party {
    newest: Actor,
    retired: Option<Actor>,
}

/// The city and its hub.
pub(super) struct City {
    pub(super) hub: Hub,
    parties: Vec<Party>,
    seeds: std::ops::Range<u8>,
    /// What counted in the newest minute, and what was suppressed in it.
    counted: HashMap<SystemId, u32>,
    suppressed: BTreeMap<SystemId, u64>,
    /// Openings erased and not yet told of: how many, since when, until when.
    erased: Option<(u64, Time, Time)>,
    /// The entries that a key made since its compromise.
    pub(super) suspects: BTreeSet<u64>,
    /// How often what came of statements.
    pub(super) outcomes: BTreeMap<&'static str, u64>,
}

impl City {
    /// Five departments, two resources, four agreements, two records.
    pub(super) fn founded() -> Self {
        let mut hub = Hub::running();
        let second_provider = Actor::new("91350100M000100Y43", "waterworks", 4);
        let second_consumer = Actor::new("11440399X00000043T", "bureau", 5);
        for (actor, name, capabilities) in [
            (&second_provider, "水务局", vec![Capability::Publish, Capability::SignAgreements]),
            (&second_consumer, "政务局", vec![Capability::Query, Capability::SignAgreements, Capability::Trace]),
        ] {
            let (system, uscc) = (actor.system.clone(), *actor.system.department());
            hub.change(&administrator(), RuleChange::RegisterDepartment { uscc, name: name.to_owned() });
            let capabilities = capabilities.into_iter().collect();
            hub.change(&administrator(), RuleChange::RegisterSystem { system, capabilities });
            hub.change(&administrator(), register_key(actor));
        }
        let mut water = resource();
        water.resource_id = RESOURCES[1].parse().unwrap();
        water.provider = *second_provider.system.department();
        water.sharing_class = SharingClass::Unconditional;
        water.fields[2].sharing_class = SharingClass::Unconditional;
        hub.release_catalog(vec![water]);
        let term = AnswerTerm { working_days: 1, deferral_days: 1 };
        let steps = [
            (AnswerStep::Acceptance, SharingClass::Conditional),
            (AnswerStep::Activation, SharingClass::Conditional),
            (AnswerStep::Activation, SharingClass::Unconditional),
        ];
        let terms = AnswerTerms::new(steps.map(|step| (step, term))).unwrap();
        hub.change(&administrator(), RuleChange::AnswerTerms(terms));
        let parties = [administrator(), provider(), consumer(), second_provider, second_consumer];
        let mut city = Self {
            hub,
            parties: parties.into_iter().map(|newest| Party { newest, retired: None }).collect(),
            seeds: SEEDS,
            counted: HashMap::new(),
            suppressed: BTreeMap::new(),
            erased: None,
            suspects: BTreeSet::new(),
            outcomes: BTreeMap::new(),
        };
        // For much at once and a day, from the office; for little a day, from tomorrow on, of records that are open; for one matter, one
        // record a minute.
        for (which, limits, days, matter, beside) in [
            (1, (2_000, 64), (0, 1), None, Beside::Networks),
            (2, (3, 10), (1, 5), None, Beside::Condition),
            (3, (40, 10), (0, 30), Some("housing-02"), Beside::Minute),
        ] {
            let (_, by, resource) = AGREEMENTS[which];
            city.propose(which, by, 0, &["NAME", "STATUS"], Terms { limits, days, matter, beside });
            let provider = if resource == 0 { PROVIDER } else { SECOND_PROVIDER };
            for (by, activates) in [(provider, false), (ADMINISTRATOR, true)] {
                city.consent(which, by, Consent { activates, is_other_text: false, is_other_hand: false });
            }
        }
        city
    }

    fn newest(&self, party: usize) -> Actor {
        self.parties[party].newest.clone()
    }

    /// A key that a party may sign with, right or wrong.
    fn signer(&self, party: usize, is_stale: bool) -> Actor {
        let Party { newest, retired } = &self.parties[party];
        retired.as_ref().filter(|_| is_stale).unwrap_or(newest).clone()
    }

    fn submit(&mut self, actor: &Actor, statement: &Statement, records: &[u8]) {
        let outcome = self.hub.decide(actor, statement, records);
        if counts_towards_limit(&self.hub.rules, &actor.system, &outcome) {
            let counted = self.counted.entry(actor.system.clone()).or_default();
            if *counted >= self.hub.rules.policy.max_refusals_per_minute {
                *self.suppressed.entry(actor.system.clone()).or_default() += 1;
                return;
            }
            *counted += 1;
        }
        let name = match &outcome {
            Outcome::Refused(refusal) => refusal.reason.as_str(),
            Outcome::QueryPermitted(_) => "permitted",
            Outcome::Published(_) => "published",
            Outcome::Applied(_) => "applied",
            Outcome::HolderTraced(_) => "traced",
            Outcome::ErasureOrdered => "ordered",
            Outcome::Noted(_) => "noted",
        };
        *self.outcomes.entry(name).or_default() += 1;
        let is_done = !matches!(outcome, Outcome::Refused(_));
        let index = self.hub.enter(actor.sign(statement), statement, outcome);
        if let Statement::Rule(_, RuleChange::RetireKey { kid, compromised_since: Some(since) }) = statement
            && is_done
        {
            let signed = (0..index).zip(&self.hub.entries).filter(|(_, bytes)| {
                let entry = Entry::decode(bytes).unwrap();
                let signature = entry.envelope.as_ref().and_then(|envelope| envelope.signatures.first());
                entry.time >= *since && signature.and_then(|signature| kid_from_text(&signature.keyid)) == Some(*kid)
            });
            self.suspects.extend(signed.map(|(signed, _)| signed));
        }
    }

    fn change(&mut self, actor: &Actor, change: RuleChange) {
        let statement = Statement::Rule(self.hub.header(actor), change);
        self.submit(actor, &statement, &[]);
    }

    /// Lets time pass. What a minute suppressed and a day erased is told of before anything later.
    fn wait(&mut self, seconds: u32) {
        let (before, offset) = (self.hub.time, self.hub.rules.policy.civil_day_offset_seconds);
        self.hub.time = before.plus_seconds(seconds.into());
        let (now, minute) = (self.hub.time, before.start_of_minute());
        if now.start_of_minute() != minute {
            self.counted.clear();
            for (system, count) in std::mem::take(&mut self.suppressed) {
                let until = minute.plus_seconds(60);
                self.hub.note(Notice::Suppressed(Suppressed { system, count, since: minute, until }));
                *self.outcomes.entry("suppressed").or_default() += 1;
            }
        }
        if let Some((count, since, until)) = self.erased
            && until.civil_day(offset) < now.civil_day(offset)
        {
            self.hub.note(Notice::Erased(Erased { count, digest: Digest([1; 32]), since, until }));
            *self.outcomes.entry("erased").or_default() += 1;
            self.erased = None;
        }
    }

    pub(super) fn play(&mut self, act: Act) {
        match act {
            Act::Wait(seconds) => self.wait(seconds),
            Act::Publish { by, is_stale, resource, is_current, records, by_own_key } => {
                let signer = self.signer(by, is_stale);
                let issuer = if by_own_key { signer.clone() } else { self.newest(CONSUMER) };
                let statement = self.publication(&signer, &issuer, RESOURCES[resource], is_current, &records);
                self.submit(&signer, &statement, &[]);
            }
            Act::Query {
                by,
                is_stale,
                resource,
                agreement,
                fields,
                purpose,
                matter,
                lookup,
                records,
                skew,
                opened,
            } => {
                let signer = self.signer(by, is_stale);
                let mut asked = query(&fields, records.len());
                asked.resource_id = RESOURCES[resource].parse().unwrap();
                asked.agreement_id = agreement.map(|which| AGREEMENTS[which].0.parse().unwrap());
                asked.purpose = purpose.parse().unwrap();
                asked.matter = matter.parse().unwrap();
                asked.lookup = lookup;
                let mut header = self.hub.header(&signer);
                header.issued_at = self.hub.time.plus_seconds(skew);
                self.hub.openings_match = opened;
                // Those who ask for three records do so from elsewhere; every other record is open.
                self.hub.address = [10, if records.len() == 3 { 45 } else { 44 }, 0, 9].into();
                let status = if records.first().is_some_and(|record| record % 2 == 0) { "open" } else { "closed" };
                self.hub.values = vec![("STATUS".to_owned(), status.into())];
                self.submit(&signer, &Statement::Query(header, asked), &records);
                self.hub.openings_match = true;
            }
            Act::Again { by } => self.ask_again(by),
            Act::Flood { by } => {
                for _ in 0..self.hub.rules.policy.max_refusals_per_minute + 3 {
                    let signer = self.newest(by);
                    let statement = Statement::Query(self.hub.header(&signer), query(&["SECRET"], 1));
                    self.submit(&signer, &statement, &[1]);
                }
            }
            Act::Propose { which, by, skip, fields, terms } => self.propose(which, by, skip, &fields, terms),
            Act::Consent { which, by, consent } => self.consent(which, by, consent),
            Act::Step { which, by, step } => {
                let agreement_id: AgreementId = AGREEMENTS[which].0.parse().unwrap();
                let found = self.hub.rules.agreements.find(agreement_id.as_str());
                let newest = found.and_then(|agreement| agreement.newest());
                let (version, digest) =
                    newest.map_or((1, Digest([0; 32])), |newest| (newest.text.version, newest.digest));
                let reason = Commitment([34; 32]);
                let change = match step {
                    Step::Reject => RuleChange::AgreementRejection { agreement_id, version, digest, reason },
                    Step::Defer => RuleChange::AnswerDeferral { agreement_id, version, digest, reason },
                    Step::Withdraw => RuleChange::AgreementWithdrawal { agreement_id, version, reason: Some(reason) },
                    Step::Suspend => RuleChange::AgreementSuspension { agreement_id, reason: None },
                    Step::Resume => RuleChange::AgreementResumption { agreement_id },
                    Step::Terminate => RuleChange::AgreementTermination { agreement_id, reason: None },
                };
                self.change(&self.newest(by), change);
            }
            Act::Rotate { whose, compromised } => self.rotate(whose, compromised),
            Act::Empower { whose, may } => self.empower(whose, may),
            Act::Grant { by, to, days: (from, until), succeeds } => {
                let department = |party: usize| *self.parties[party].newest.system.department();
                let grant = IssuingGrant {
                    resource_id: RESOURCES[0].parse().unwrap(),
                    department: department(to),
                    valid_from: self.hub.time.plus_seconds(from * 86_400),
                    valid_until: self.hub.time.plus_seconds(until * 86_400),
                    succeeds: succeeds.into_iter().map(department).collect(),
                };
                self.change(&self.newest(by), RuleChange::GrantIssuingRight(grant));
            }
            Act::Withdraw { by, from } => {
                let department = *self.newest(from).system.department();
                let resource_id = RESOURCES[0].parse().unwrap();
                self.change(&self.newest(by), RuleChange::WithdrawIssuingRight { resource_id, department });
            }
            Act::Reclassify { resource, field, class } => self.reclassify(resource, field, class),
            Act::Trace { by } => {
                let signer = self.newest(by);
                let statement = self.hub.trace_statement(&signer);
                self.submit(&signer, &statement, &[]);
            }
            Act::Erase { by } => {
                let signer = self.newest(by);
                let now = self.hub.time;
                let statement = self.hub.erasure_statement(&signer);
                self.submit(&signer, &statement, &[]);
                let (count, since, _) = self.erased.unwrap_or((0, now, now));
                self.erased = Some((count + 1, since, now));
            }
            Act::Misdeed { by, misdeed } => self.do_wrong(by, misdeed),
        }
    }

    fn publication(
        &mut self,
        signer: &Actor,
        issuer: &Actor,
        resource: &str,
        is_current: bool,
        records: &[super::act::Record],
    ) -> Statement {
        let newest = self.hub.rules.catalog.newest(resource).map_or(1, |(version, _)| version);
        let offset = self.hub.rules.policy.civil_day_offset_seconds;
        let today = days_of_date(self.hub.time.civil_day(offset));
        let records = records.iter().map(|(record, skip, status, (from, until))| {
            let current = self.hub.records.get(&handle(*record)).map_or(0, |(_, head)| head.version);
            PublishedRecord {
                handle: handle(*record),
                version: current + 1 + skip,
                jwt_sha256: Digest([*record; 32]),
                source_digest: Digest([0; 32]),
                validity: Validity {
                    from: from.map(|days| date_of_days(today + days)),
                    until: until.map(|days| date_of_days(today + days)),
                },
                status: *status,
                replaces: None,
                copy: None,
            }
        });
        let publication = Publication {
            resource_id: resource.parse().unwrap(),
            resource_version: if is_current { newest } else { newest + 1 },
            records: records.collect(),
            issuer_key: kid(&issuer.key()),
        };
        Statement::Publication(self.hub.header(signer), publication)
    }

    /// Uses a request id a second time, for something else.
    fn ask_again(&mut self, by: usize) {
        let signer = self.newest(by);
        let first = Statement::Query(self.hub.header(&signer), query(&["NAME"], 1));
        self.submit(&signer, &first, &[1]);
        let header = self.hub.header_again(&signer, self.hub.last_request());
        self.submit(&signer, &Statement::Query(header, query(&["STATUS"], 1)), &[1]);
    }

    fn propose(&mut self, which: usize, by: usize, skip: u32, fields: &[&str], terms: Terms) {
        let (id, party, resource) = AGREEMENTS[which];
        let signer = self.newest(by);
        let standing = self.hub.rules.agreements.find(id).cloned();
        let newest = standing.as_deref().and_then(Agreement::newest);
        let is_pending = newest.is_some_and(|newest| newest.state.is_replaceable());
        let number = newest.map_or(1, |newest| newest.text.version + u32::from(!is_pending)) + skip;
        let previous = standing.as_deref().and_then(|agreement| agreement.version(number.saturating_sub(1)));
        let mut text = agreement_text(self.hub.time, id, fields);
        text.version = number;
        text.previous_digest = previous.map(|version| version.digest);
        text.consumer = *self.parties[party].newest.system.department();
        text.resource_id = RESOURCES[resource].parse().unwrap();
        text.provider =
            *self.parties[if resource == 0 { PROVIDER } else { SECOND_PROVIDER }].newest.system.department();
        (text.daily_limit, text.batch_limit) = terms.limits;
        (text.valid_from, text.valid_until) =
            (self.hub.time.plus_seconds(terms.days.0 * 86_400), self.hub.time.plus_seconds(terms.days.1 * 86_400));
        text.matters = terms.matter.iter().map(|matter| matter.parse().unwrap()).collect();
        text.lookups = BTreeSet::from([LookupKind::Record]);
        match terms.beside {
            Beside::Nothing => {}
            Beside::Minute => text.minute_limit = Some(1),
            Beside::Networks => text.networks = ["10.44.0.0/16".parse().unwrap()].into(),
            Beside::Condition => {
                let test = Test::Is(Relation::Equal, Literal::Text("open".to_owned()));
                let field = "STATUS".parse().unwrap();
                text.condition = Some(Condition::Comparison(Comparison { field, test }));
            }
        }
        self.change(&signer, proposal(&signer, text));
    }

    fn consent(&mut self, which: usize, by: usize, how: Consent) {
        let signer = self.newest(by);
        let Some(agreement) = self.hub.rules.agreements.find(AGREEMENTS[which].0).cloned() else { return };
        let Some(version) = agreement.newest() else { return };
        let text = AgreementText {
            batch_limit: version.text.batch_limit + u32::from(how.is_other_text),
            ..version.text.clone()
        };
        let hand = if how.is_other_hand { self.newest((by + 1) % PARTIES) } else { signer.clone() };
        let signed = consent(&hand, &text);
        let change = if how.activates {
            RuleChange::AgreementActivation(signed)
        } else {
            RuleChange::AgreementAcceptance(signed)
        };
        self.change(&signer, change);
    }

    fn next_key(&mut self, whose: usize) -> Option<Actor> {
        let seed = self.seeds.next()?;
        Some(Actor { seed, ..self.newest(whose) })
    }

    /// A party's key changes; where it was compromised, since so many seconds ago.
    fn rotate(&mut self, whose: usize, compromised: Option<u32>) {
        let Some(next) = self.next_key(whose) else { return };
        self.change(&self.newest(ADMINISTRATOR), register_key(&next));
        if !self.hub.rules.directory.keys.contains_key(&kid(&next.key())) {
            return;
        }
        let retired = std::mem::replace(&mut self.parties[whose].newest, next);
        let compromised_since = compromised.map(|seconds| self.hub.time.plus_seconds(-i64::from(seconds)));
        let change = RuleChange::RetireKey { kid: kid(&retired.key()), compromised_since };
        self.parties[whose].retired = Some(retired);
        self.change(&self.newest(ADMINISTRATOR), change);
    }

    fn empower(&mut self, whose: usize, may: bool) {
        let more = match whose {
            PROVIDER | SECOND_PROVIDER => Capability::Publish,
            _ => Capability::Query,
        };
        let capabilities = [Capability::SignAgreements].into_iter().chain(may.then_some(more)).collect();
        let system = self.newest(whose).system;
        self.change(&self.newest(ADMINISTRATOR), RuleChange::RegisterSystem { system, capabilities });
    }

    fn reclassify(&mut self, resource: usize, field: usize, class: SharingClass) {
        let Some((_, newest)) = self.hub.rules.catalog.newest(RESOURCES[resource]) else { return };
        let mut changed = Resource::clone(newest);
        changed.fields[field].sharing_class = class;
        let base_version = self.hub.rules.catalog.version;
        self.enter_catalog(changed, base_version);
    }

    fn enter_catalog(&mut self, resource: Resource, base_version: u64) {
        let signer = self.newest(ADMINISTRATOR);
        // Every fourth forgets to say that it may take something from somebody.
        let allow_breaking = base_version % 4 != 3;
        let (statement, part) = self.hub.catalog_part_by(&signer, vec![resource]);
        self.submit(&signer, &statement, &[]);
        self.change(&signer, RuleChange::CatalogRelease { base_version, parts: vec![part], allow_breaking });
    }

    /// What nobody should try; the hub refuses it.
    fn do_wrong(&mut self, by: usize, misdeed: Misdeed) {
        let signer = self.newest(by);
        let retire = |actor: &Actor| RuleChange::RetireKey { kid: kid(&actor.key()), compromised_since: None };
        let change = match misdeed {
            Misdeed::RegisterAgain => register_key(&self.newest(CONSUMER)),
            Misdeed::RegisterUnproven => {
                let mut change = register_key(&Actor { seed: 250, ..consumer() });
                if let RuleChange::RegisterKey { system, .. } = &mut change {
                    *system = provider().system;
                }
                change
            }
            Misdeed::RegisterForGhost => {
                register_key(&Actor::new(provider().system.department().as_str(), "ghost", 251))
            }
            Misdeed::RetireUnknown => retire(&Actor { seed: 252, ..consumer() }),
            Misdeed::RetireAdministrator => retire(&self.newest(ADMINISTRATOR)),
            Misdeed::GhostDepartment => RuleChange::RegisterSystem {
                system: Actor::new("11440399X00000019A", "ghost", 251).system,
                capabilities: BTreeSet::new(),
            },
            Misdeed::UnknownPart => RuleChange::CatalogRelease {
                base_version: self.hub.rules.catalog.version,
                parts: vec![Digest([5; 32])],
                allow_breaking: true,
            },
            Misdeed::OldBase => {
                let base_version = self.hub.rules.catalog.version + 1;
                return self.enter_catalog(resource(), base_version);
            }
            Misdeed::ImpossibleYear => RuleChange::CalendarYear(CalendarYear {
                year: 2026,
                source: "通知".to_owned(),
                holidays: BTreeSet::new(),
                working_days: ["2026-10-01".parse().unwrap()].into(),
            }),
            Misdeed::InvalidPart => {
                let mut invalid = resource();
                invalid.denial_basis.clear();
                let base_version = self.hub.rules.catalog.version;
                return self.enter_catalog(invalid, base_version);
            }
        };
        self.change(&signer, change);
    }

    /// The reasons for which nothing was refused yet.
    pub(super) fn unrefused(outcomes: &BTreeMap<&'static str, u64>) -> Vec<RefusalReason> {
        RefusalReason::ALL.iter().copied().filter(|reason| !outcomes.contains_key(reason.as_str())).collect()
    }
}
