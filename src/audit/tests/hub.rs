//! A small hub in memory, made of the pure rooms alone. Honest when it decides, and able to lie when told to: whatever its
//! entries are, its log is sealed with its key.

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    fs,
    net::IpAddr,
    ops::Range,
    path::Path,
};

use crate::{
    audit::{Error, LogSource},
    domain::{
        agreement::{AgreementText, LookupKind},
        catalog::{CatalogPart, Field, FieldType, Metadata, Resource, ResourceKind, SharingClass, UpdateCycle},
        decide::{
            Found, Released, RuleFacts, Standing, Usage, admit, decide_access, decide_publication, decide_release,
            decide_rule, learns_successor, may_continue,
        },
        directory::Capability,
        id::{AgreementId, Commitment, Digest, Handle, KeyId, Pseudonym, RequestId, ResourceId, SystemId},
        network::Peer,
        outcome::{
            Effect, HolderTraced, Notice, Outcome, QueryPermitted, RecordRelease, RecordViolation, RecordWithheld,
        },
        record::{RecordHead, RecordStatus, Successor, Validity},
        rules::Rules,
        statement::{
            AgreementConsent, DECISION_VERSION, Erasure, FirstDepartment, FirstSystem, Genesis, Header, Policy,
            Publication, PublishedRecord, Query, RuleChange, Statement, Trace,
        },
        time::{Date, Moment, Time},
    },
    sign::{LogSigner, Secret, SigningKey, dsse, sha256},
    tlog::{
        Checkpoint, Frontier, Hash, HashReader, Note, TILE_WIDTH, TileKind, TilePath, leaf_hash, prove_consistency,
        tree_root,
    },
    wire::{self, Entry},
};

pub(super) const ADMINISTRATION: &str = "11100000000013338W";
pub(super) const PROVIDER: &str = "11330105002500287C";
pub(super) const CONSUMER: &str = "11430000006122244L";
pub(super) const RESOURCE: &str = "market.licence";
pub(super) const AGREEMENT: &str = "housing-licence";
pub(super) const DAILY_LIMIT: u64 = 2_000;
/// The refusals a minute that are entered for one system: few, so that tests reach them soon.
pub(super) const MAX_REFUSALS: u32 = 20;
/// The records that one query may release: few, likewise.
pub(super) const MAX_RELEASED: u32 = 12;

pub(super) fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::from_bytes(&[seed; 32])).unwrap()
}

pub(super) fn kid(key: &SigningKey) -> KeyId {
    KeyId(*key.verifying_key().thumbprint())
}

/// A system and the key that it signs with.
#[derive(Clone)]
pub(super) struct Actor {
    pub(super) system: SystemId,
    pub(super) seed: u8,
}

impl Actor {
    pub(super) fn new(department: &str, name: &str, seed: u8) -> Self {
        let department = department.parse().unwrap();
        Self { system: SystemId::new(&"gov.example".parse().unwrap(), &department, name).unwrap(), seed }
    }

    pub(super) fn key(&self) -> SigningKey {
        signing_key(self.seed)
    }

    pub(super) fn sign(&self, statement: &Statement) -> dsse::Envelope {
        let (payload_type, payload) = wire::encode_statement(statement);
        dsse::Envelope::sign(&self.key(), &payload_type, payload).unwrap()
    }

    fn sign_text(&self, serialized: &[u8]) -> Vec<u8> {
        dsse::Signature::sign(&self.key(), &dsse::payload_type(wire::AGREEMENT_TEXT_KIND), serialized).unwrap().sig
    }
}

/// The hub.
#[derive(Clone)]
pub(super) struct Hub {
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) rules: Rules,
    pub(super) time: Time,
    pub(super) records: HashMap<Handle, (ResourceId, RecordHead)>,
    requests: HashMap<(SystemId, RequestId), Vec<u8>>,
    usage: HashMap<(AgreementId, Date), Usage>,
    /// What every record holds.
    pub(super) values: Vec<(String, serde_json::Value)>,
    /// From where everybody asks.
    pub(super) address: IpAddr,
    /// Whether the openings beside statements are those of their commitments.
    pub(super) openings_match: bool,
    next: u64,
}

pub(super) fn log_signer(seed: u8) -> LogSigner {
    LogSigner::new("hub.example/exchange-log/2026".parse().unwrap(), signing_key(seed))
}

impl Hub {
    pub(super) fn open() -> Self {
        let time = Time::from_millis(1_767_578_400_000).unwrap();
        let administrator = administrator();
        let genesis = Genesis {
            hub: "hub.example".parse().unwrap(),
            origin: "hub.example/exchange-log/2026".to_owned(),
            trust_domain: "gov.example".parse().unwrap(),
            administrators: vec![FirstDepartment {
                uscc: ADMINISTRATION.parse().unwrap(),
                name: "数据局".to_owned(),
                systems: vec![FirstSystem {
                    system: administrator.system.clone(),
                    capabilities: BTreeSet::from([Capability::Administer]),
                    keys: vec![(kid(&administrator.key()), *administrator.key().verifying_key().as_bytes())],
                }],
            }],
            policy: Policy {
                max_refusals_per_minute: MAX_REFUSALS,
                max_released_records: MAX_RELEASED,
                ..Policy::default()
            },
            decision_version: DECISION_VERSION,
            created_at: time,
            previous: None,
        };
        let statement = Statement::Genesis(Box::new(genesis.clone()));
        let (payload_type, payload) = wire::encode_statement(&statement);
        let envelope = dsse::Envelope { payload, payload_type, signatures: Vec::new() };
        let entry =
            Entry { time, envelope: Some(envelope), outcome: Outcome::Applied(Effect::LogOpened), carried: None };
        Self {
            entries: vec![entry.encode()],
            rules: Rules::of_genesis(&genesis),
            time,
            records: HashMap::new(),
            requests: HashMap::new(),
            usage: HashMap::new(),
            values: Vec::new(),
            address: IpAddr::from([10, 44, 0, 9]),
            openings_match: true,
            next: 0,
        }
    }

    /// A hub with three departments, a catalog, an agreement in force and two records.
    pub(super) fn running() -> Self {
        let mut hub = Self::open();
        let capabilities = [
            (provider(), "市场监管局", vec![Capability::Publish, Capability::SignAgreements]),
            (consumer(), "住建局", vec![Capability::Query, Capability::SignAgreements, Capability::Trace]),
        ];
        for (actor, name, capabilities) in capabilities {
            let uscc = *actor.system.department();
            hub.change(&administrator(), RuleChange::RegisterDepartment { uscc, name: name.to_owned() });
            let system = actor.system.clone();
            let capabilities = capabilities.into_iter().collect();
            hub.change(&administrator(), RuleChange::RegisterSystem { system: system.clone(), capabilities });
            hub.change(&administrator(), register_key(&actor));
        }
        hub.release_catalog(vec![resource()]);
        hub.agree(AGREEMENT, &["NAME", "STATUS"]);
        hub.publish(1, 1, RecordStatus::Active);
        hub.publish(2, 1, RecordStatus::Active);
        hub
    }

    /// What was used of quotas, to be forgotten by a hub that cheats.
    pub(super) fn usage_mut(&mut self) -> &mut HashMap<(AgreementId, Date), Usage> {
        &mut self.usage
    }

    pub(super) fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(super) fn header(&mut self, actor: &Actor) -> Header {
        self.next += 1;
        self.header_again(actor, self.next)
    }

    pub(super) fn header_again(&self, actor: &Actor, request: u64) -> Header {
        let request_id = RequestId(u128::from(request).to_be_bytes());
        Header { request_id, issued_at: self.time, actor: actor.system.clone(), hub: "hub.example".parse().unwrap() }
    }

    /// The number of the request made last.
    pub(super) fn last_request(&self) -> u64 {
        self.next
    }

    pub(super) fn change(&mut self, actor: &Actor, change: RuleChange) -> u64 {
        let statement = Statement::Rule(self.header(actor), change);
        self.submit(actor, &statement)
    }

    /// Decides honestly and enters the outcome.
    pub(super) fn submit(&mut self, actor: &Actor, statement: &Statement) -> u64 {
        self.submit_looking_up(actor, statement, &[])
    }

    /// Decides honestly on a query of which each lookup finds the record of this number, if there is one.
    pub(super) fn submit_looking_up(&mut self, actor: &Actor, statement: &Statement, records: &[u8]) -> u64 {
        let outcome = self.decide(actor, statement, records);
        self.enter(actor.sign(statement), statement, outcome)
    }

    pub(super) fn decide(&self, actor: &Actor, statement: &Statement, records: &[u8]) -> Outcome {
        let now = Moment::new(self.time);
        let header = statement.header().unwrap();
        let (_, payload) = wire::encode_statement(statement);
        let earlier = self.requests.get(&(header.actor.clone(), header.request_id));
        let request_id_reused = earlier.is_some_and(|earlier| *earlier != payload);
        let standing = Standing { kid: kid(&actor.key()), request_id_reused, openings_match: self.openings_match };
        let admitted = admit(&self.rules, statement, standing, &now);
        let decided = admitted.and_then(|()| match statement {
            Statement::Rule(_, change) => {
                let key = actor.key();
                let facts = RuleFacts {
                    text_signature_valid: wire::text_signature_valid(&self.rules, change, Some(key.verifying_key())),
                    possession_proven: wire::possession_proven(&self.rules.hub, change),
                };
                decide_rule(&self.rules, header, change, facts, &now).map(Outcome::Applied)
            }
            Statement::Query(_, query) => self.answer(header, query, records, &now),
            Statement::Publication(_, publication) => decide_publication(&self.rules, &header.actor, publication, &now)
                .map(|resource| self.examine(&resource, header, publication, &now)),
            Statement::Trace(..) => Ok(Outcome::HolderTraced(HolderTraced { log_size: self.size(), exchanges: 1 })),
            Statement::Erasure(..) => Ok(Outcome::ErasureOrdered),
            Statement::Genesis(_) => panic!("decided at genesis"),
        });
        decided.unwrap_or_else(Outcome::Refused)
    }

    fn answer(
        &self,
        header: &Header,
        query: &Query,
        records: &[u8],
        now: &Moment,
    ) -> Result<Outcome, crate::domain::outcome::Refusal> {
        let usage = |id: &AgreementId, day| {
            Ok::<_, Infallible>(self.usage.get(&(id.clone(), day)).copied().unwrap_or(Usage::NONE))
        };
        let peer = Peer::new(Some(self.address));
        let access = decide_access(&self.rules, &header.actor, query, &peer, usage, now).unwrap()?;
        let found: Vec<Found> = (0..)
            .zip(records)
            .filter_map(|(lookup, record)| {
                let (resource, head) = self.records.get(&handle(*record))?;
                (*resource == query.resource_id).then(|| self.with_successors(query, lookup, head))
            })
            .flatten()
            .collect();
        let values = |_| Ok::<_, Infallible>(self.values.clone());
        let release = decide_release(&self.rules, &access, query, &found, values, now).unwrap()?;
        let (mut records, mut withheld) = (Vec::new(), Vec::new());
        for (Found { lookup, head, replaces, .. }, released) in found.into_iter().zip(release.records) {
            let RecordHead { handle, version, publication_index, jwt_sha256, .. } = head;
            match released {
                Some(Released { status, fields, original }) => records.push(RecordRelease {
                    lookup,
                    handle,
                    version,
                    status,
                    publication_index,
                    jwt_sha256,
                    sd_hash: (!fields.is_empty()).then_some(Digest([9; 32])),
                    replaces,
                    original,
                    fields,
                }),
                None => withheld.push(RecordWithheld { lookup, handle, version, publication_index, jwt_sha256 }),
            }
        }
        Ok(Outcome::QueryPermitted(QueryPermitted {
            agreement_id: access.agreement_id,
            agreement_version: access.agreement_version,
            records,
            withheld: release.is_conditional.then_some(withheld),
            peer_address: access.peer_address,
        }))
    }

    /// A record found, and what replaced it where the query learns that.
    fn with_successors(&self, query: &Query, lookup: u32, head: &RecordHead) -> Vec<Found> {
        let original = head.copy.as_ref().and_then(|copy| Some(self.records.get(&copy.original)?.1.clone()));
        let mut found = vec![Found { lookup, head: head.clone(), replaces: None, original }];
        while let Some((last, handle)) =
            found.last().and_then(|last| Some((last.head.handle, last.head.replaced_by()?)))
        {
            let resource = self.rules.catalog.newest(RESOURCE).map(|(_, resource)| resource.as_ref());
            if !learns_successor(query, resource) {
                break;
            }
            let (_, head) = self.records.get(&handle).unwrap();
            found.push(Found { lookup, head: head.clone(), replaces: Some(last), original: None });
        }
        found
    }

    /// Examines records as far as that needs no body.
    fn examine(&self, resource: &Resource, header: &Header, publication: &Publication, now: &Moment) -> Outcome {
        let issuer = self.rules.directory.keys.get(&publication.issuer_key).filter(|key| key.is_active());
        let department = header.actor.department();
        let is_issuer = issuer.is_some_and(|key| key.system.department() == department);
        let violations = |record: &PublishedRecord| {
            let current = self.records.get(&record.handle);
            let next = current.map_or(1, |(_, head)| head.version + 1);
            let Validity { from, until } = record.validity;
            [
                (record.version == next, RecordViolation::Version),
                (current.is_none_or(|(resource, _)| *resource == publication.resource_id), RecordViolation::Handle),
                (record.status != RecordStatus::Expired, RecordViolation::Status),
                (from.zip(until).is_none_or(|(from, until)| from <= until), RecordViolation::Validity),
                (is_issuer, RecordViolation::Signature),
                (
                    current.is_none_or(|(_, head)| may_continue(&self.rules, resource, department, head, now)),
                    RecordViolation::Issuer,
                ),
            ]
            .into_iter()
            .filter_map(|(holds, violation)| (!holds).then_some(violation))
            .collect()
        };
        Outcome::Published(publication.records.iter().map(violations).collect())
    }

    /// Enters whatever is said to have come of a statement, and follows it as far as it can be followed.
    pub(super) fn enter(&mut self, envelope: dsse::Envelope, statement: &Statement, outcome: Outcome) -> u64 {
        let index = self.size();
        if let Some(header) = statement.header() {
            let key = (header.actor.clone(), header.request_id);
            self.requests.entry(key).or_insert_with(|| envelope.payload.clone());
        }
        match (statement, &outcome) {
            (_, Outcome::Applied(effect)) => drop(self.rules.apply(index, self.time, statement, effect)),
            (Statement::Query(_, query), Outcome::QueryPermitted(permitted)) => {
                let day = self.time.civil_day(self.rules.policy.civil_day_offset_seconds);
                let usage = self.usage.entry((permitted.agreement_id.clone(), day)).or_insert(Usage::NONE);
                usage.take(self.time.start_of_minute(), query.commitments.len() as u64);
            }
            (Statement::Publication(_, publication), Outcome::Published(results)) => {
                for (record, _) in publication.records.iter().zip(results).filter(|(_, found)| found.is_empty()) {
                    let successor = self.records.get(&record.handle).and_then(|(_, head)| head.successor);
                    let head = RecordHead { successor, ..head(publication, record, index, self.time) };
                    self.records.insert(record.handle, (publication.resource_id.clone(), head));
                    if let Some((_, head)) = record.replaces.and_then(|replaced| self.records.get_mut(&replaced)) {
                        let successor = Successor { handle: record.handle, publication_index: index };
                        head.successor.get_or_insert(successor);
                    }
                }
            }
            _ => {}
        }
        self.entries.push(Entry { time: self.time, envelope: Some(envelope), outcome, carried: None }.encode());
        index
    }

    /// A question of who asked about some holder.
    pub(super) fn trace_statement(&mut self, actor: &Actor) -> Statement {
        let (holder, case_commitment) = (Commitment([31; 32]), Commitment([32; 32]));
        let purpose = "holder-request".parse().unwrap();
        let trace = Trace { purpose, holder, case_commitment, legal_basis: None, since: None, until: None };
        Statement::Trace(self.header(actor), trace)
    }

    /// An order to erase what names some holder.
    pub(super) fn erasure_statement(&mut self, actor: &Actor) -> Statement {
        Statement::Erasure(self.header(actor), Erasure::Holder(Commitment([33; 32])))
    }

    /// Enters what the hub tells of itself.
    pub(super) fn note(&mut self, notice: Notice) -> u64 {
        let index = self.size();
        self.entries
            .push(Entry { time: self.time, envelope: None, outcome: Outcome::Noted(notice), carried: None }.encode());
        index
    }

    pub(super) fn release_catalog(&mut self, resources: Vec<Resource>) {
        let (statement, part) = self.catalog_part(resources);
        self.submit(&administrator(), &statement);
        let base_version = self.rules.catalog.version;
        self.change(
            &administrator(),
            RuleChange::CatalogRelease { base_version, parts: vec![part], allow_breaking: true },
        );
    }

    /// The statement that enters a part of a catalog, and the part's digest.
    pub(super) fn catalog_part(&mut self, resources: Vec<Resource>) -> (Statement, Digest) {
        self.catalog_part_by(&administrator(), resources)
    }

    /// The same, by somebody whose key is not the administrator's first.
    pub(super) fn catalog_part_by(&mut self, actor: &Actor, resources: Vec<Resource>) -> (Statement, Digest) {
        let resources = resources.into_iter().map(Into::into).collect();
        let content = CatalogPart { resources, ..CatalogPart::default() };
        let unnamed = RuleChange::CatalogPart { part: Digest([0; 32]), content: content.clone() };
        let header = self.header(actor);
        let (_, payload) = wire::encode_statement(&Statement::Rule(header.clone(), unnamed));
        let part = Digest(sha256(&payload));
        (Statement::Rule(header, RuleChange::CatalogPart { part, content }), part)
    }

    /// Proposes, accepts and activates version 1 of an agreement.
    pub(super) fn agree(&mut self, id: &str, fields: &[&str]) {
        let text = agreement_text(self.time, id, fields);
        self.change(&consumer(), proposal(&consumer(), text.clone()));
        self.change(&provider(), RuleChange::AgreementAcceptance(consent(&provider(), &text)));
        self.change(&administrator(), RuleChange::AgreementActivation(consent(&administrator(), &text)));
    }

    pub(super) fn publication(&mut self, record: u8, version: u32, status: RecordStatus) -> Statement {
        self.publication_by(&provider(), record, version, status)
    }

    /// A publication of which one key signs the statement and the record.
    pub(super) fn publication_by(
        &mut self,
        publisher: &Actor,
        record: u8,
        version: u32,
        status: RecordStatus,
    ) -> Statement {
        let publication = Publication {
            resource_id: RESOURCE.parse().unwrap(),
            resource_version: 1,
            records: vec![PublishedRecord {
                handle: handle(record),
                version,
                jwt_sha256: Digest(sha256(&[record, version as u8])),
                source_digest: Digest([0; 32]),
                validity: Validity::default(),
                status,
                replaces: None,
                copy: None,
            }],
            issuer_key: kid(&publisher.key()),
        };
        Statement::Publication(self.header(publisher), publication)
    }

    pub(super) fn publish(&mut self, record: u8, version: u32, status: RecordStatus) -> u64 {
        let statement = self.publication(record, version, status);
        self.submit(&provider(), &statement)
    }

    pub(super) fn query_statement(&mut self, fields: &[&str], records: &[u8]) -> Statement {
        Statement::Query(self.header(&consumer()), query(fields, records.len()))
    }

    pub(super) fn query(&mut self, fields: &[&str], records: &[u8]) -> u64 {
        let statement = self.query_statement(fields, records);
        self.submit_looking_up(&consumer(), &statement, records)
    }

    /// An honest query whose permission is then changed before it is entered.
    pub(super) fn query_entering(
        &mut self,
        fields: &[&str],
        records: &[u8],
        change: impl FnOnce(&mut QueryPermitted),
    ) -> u64 {
        let statement = self.query_statement(fields, records);
        let mut outcome = self.decide(&consumer(), &statement, records);
        let Outcome::QueryPermitted(permitted) = &mut outcome else { panic!("not permitted: {outcome:?}") };
        change(permitted);
        self.enter(consumer().sign(&statement), &statement, outcome)
    }

    /// The log as it can be copied, sealed with its key.
    pub(super) fn source(&self) -> Source {
        Source::new(self.entries.clone())
    }
}

fn head(publication: &Publication, record: &PublishedRecord, index: u64, time: Time) -> RecordHead {
    RecordHead {
        handle: record.handle,
        version: record.version,
        resource_version: publication.resource_version,
        status: record.status,
        validity: record.validity,
        jwt_sha256: record.jwt_sha256,
        source_digest: record.source_digest,
        publication_index: index,
        published_at: time,
        issuer_key: publication.issuer_key,
        successor: None,
        copy: record.copy.clone(),
    }
}

pub(super) fn administrator() -> Actor {
    Actor::new(ADMINISTRATION, "office", 1)
}

pub(super) fn provider() -> Actor {
    Actor::new(PROVIDER, "registry", 2)
}

pub(super) fn consumer() -> Actor {
    Actor::new(CONSUMER, "permits", 3)
}

pub(super) fn register_key(actor: &Actor) -> RuleChange {
    wire::KeyRequest::sign(&actor.key(), &"hub.example".parse().unwrap(), &actor.system).unwrap().into_change()
}

pub(super) fn handle(record: u8) -> Handle {
    Handle([record; 32])
}

pub(super) fn query(fields: &[&str], lookups: usize) -> Query {
    Query {
        resource_id: RESOURCE.parse().unwrap(),
        purpose: "permit".parse().unwrap(),
        matter: "housing-01".parse().unwrap(),
        case_commitment: Commitment([1; 32]),
        operator_pseudonym: Pseudonym([2; 32]),
        agreement_id: None,
        fields: fields.iter().map(|field| field.parse().unwrap()).collect(),
        lookup: LookupKind::Record,
        commitments: (0..lookups).map(|i| Commitment([i as u8; 32])).collect(),
    }
}

pub(super) fn agreement_text(time: Time, id: &str, fields: &[&str]) -> AgreementText {
    AgreementText {
        hub: "hub.example".parse().unwrap(),
        agreement_id: id.parse().unwrap(),
        version: 1,
        previous_digest: None,
        consumer: CONSUMER.parse().unwrap(),
        provider: PROVIDER.parse().unwrap(),
        resource_id: RESOURCE.parse().unwrap(),
        fields: fields.iter().map(|field| field.parse().unwrap()).collect(),
        purposes: BTreeSet::from(["permit".parse().unwrap()]),
        matters: BTreeSet::new(),
        lookups: BTreeSet::from([LookupKind::Record]),
        valid_from: time,
        valid_until: time.plus_seconds(30 * 86_400),
        daily_limit: DAILY_LIMIT,
        batch_limit: 10,
        legal_basis: None,
        scenario: None,
        condition: None,
        minute_limit: None,
        networks: BTreeSet::new(),
        retention_days: None,
        scope: None,
    }
}

pub(super) fn proposal(actor: &Actor, text: AgreementText) -> RuleChange {
    let serialized = wire::encode_agreement_text(&text);
    RuleChange::AgreementProposal {
        text: Box::new(text),
        digest: Digest(sha256(&serialized)),
        signature: actor.sign_text(&serialized),
        serialized: serialized.into(),
    }
}

pub(super) fn consent(actor: &Actor, text: &AgreementText) -> AgreementConsent {
    let serialized = wire::encode_agreement_text(text);
    AgreementConsent {
        agreement_id: text.agreement_id.clone(),
        version: text.version,
        digest: Digest(sha256(&serialized)),
        signature: actor.sign_text(&serialized),
    }
}

pub(super) fn resource() -> Resource {
    let field = |code: &str, field_type, required, sharing_class| Field {
        code: code.parse().unwrap(),
        name: format!("{code} 名称"),
        name_en: code.to_owned(),
        field_type,
        required,
        sharing_class,
        repeated: false,
        sensitive: false,
        open_to_society: false,
        value_range: String::new(),
        derivation: None,
    };
    let text = || FieldType::Text { max_length: 100 };
    Resource {
        resource_id: RESOURCE.parse().unwrap(),
        name: "营业执照".to_owned(),
        name_en: "business licence".to_owned(),
        provider: PROVIDER.parse().unwrap(),
        kind: ResourceKind::Licence,
        national_code: String::new(),
        summary: String::new(),
        sharing_class: SharingClass::Conditional,
        sharing_condition: "按协议".to_owned(),
        denial_basis: "内部使用".to_owned(),
        metadata: Metadata::default(),
        update_cycle: UpdateCycle::Daily,
        fields: vec![
            field("ID", text(), true, SharingClass::Conditional),
            field("HOLDER", FieldType::Uscc, true, SharingClass::Conditional),
            field("NAME", text(), false, SharingClass::Conditional),
            field("STATUS", text(), false, SharingClass::Conditional),
            field("SECRET", text(), false, SharingClass::NotShared),
        ],
        record_id_field: "ID".parse().unwrap(),
        holder_field: "HOLDER".parse().unwrap(),
        valid_from_field: None,
        valid_until_field: None,
        holder_type_field: None,
        replaces_field: None,
        copy_of: None,
    }
}

/// A log in memory that can be copied.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) note: String,
    /// The hashes of each tile level.
    levels: Vec<Vec<Hash>>,
    /// How many more calls are answered.
    pub(super) patience: usize,
}

impl Source {
    pub(super) fn new(entries: Vec<Vec<u8>>) -> Self {
        let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        let mut frontier = Frontier::new();
        leaves.iter().for_each(|leaf| frontier.append(*leaf).unwrap());
        let mut levels = vec![leaves];
        while levels.last().unwrap().len() >= usize::from(TILE_WIDTH) {
            let above = levels.last().unwrap().chunks_exact(TILE_WIDTH.into()).map(tree_root).collect();
            levels.push(above);
        }
        Self { entries, note: seal(&log_signer(7), &frontier).to_string(), levels, patience: usize::MAX }
    }

    /// Lays the log out in a folder as a mirror does, but does not wait for the disk.
    pub(super) fn lay_out(&self, folder: &Path) {
        let size = self.entries.len() as u64;
        let write = |kind, index: usize, bytes: Vec<u8>| {
            let path = folder.join(TilePath::at_size(kind, index as u64, size).unwrap().to_string());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        for (level, hashes) in (0..).zip(&self.levels) {
            for (index, tile) in hashes.chunks(TILE_WIDTH.into()).enumerate() {
                write(TileKind::Hashes(level), index, tile.iter().flat_map(|hash| hash.as_ref().to_vec()).collect());
            }
        }
        for (index, bundle) in self.entries.chunks(TILE_WIDTH.into()).enumerate() {
            let prefixed = |entry: &Vec<u8>| [&(entry.len() as u16).to_be_bytes()[..], entry].concat();
            write(TileKind::Entries, index, bundle.iter().flat_map(prefixed).collect());
        }
        fs::write(folder.join("checkpoint"), &self.note).unwrap();
    }

    fn answer(&mut self) -> Result<(), Error> {
        self.patience = self.patience.checked_sub(1).ok_or_else(|| Error::unexpected("asking", "hung up"))?;
        Ok(())
    }
}

pub(super) fn seal(signer: &LogSigner, frontier: &Frontier) -> Note {
    let origin = signer.vkey().name().clone();
    Checkpoint { origin, size: frontier.size(), root: frontier.root() }.sign(signer).unwrap()
}

impl HashReader for &Source {
    type Error = crate::tlog::Error;

    fn read(&self, level: u8, range: Range<u64>) -> Result<Vec<Hash>, Self::Error> {
        Ok(self.levels[usize::from(level)][range.start as usize..range.end as usize].to_vec())
    }
}

impl LogSource for Source {
    async fn checkpoint(&mut self) -> Result<String, Error> {
        self.answer()?;
        Ok(self.note.clone())
    }

    async fn entries(&mut self, start: u64, end: u64) -> Result<Vec<Vec<u8>>, Error> {
        self.answer()?;
        Ok(self.entries[start as usize..end as usize].to_vec())
    }

    async fn consistency_proof(&mut self, first: u64, second: u64) -> Result<Vec<Hash>, Error> {
        self.answer()?;
        Ok(prove_consistency(&&*self, first, second)?)
    }
}
