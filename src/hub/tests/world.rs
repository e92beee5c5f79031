//! A small world: a hub on memory or on a folder, with a clock that stands still, an administrator, a provider and a consumer.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};

use crate::{
    domain::{
        agreement::{AgreementText, LookupKind},
        catalog::{
            CatalogPart, Derivation, Field, FieldType, Metadata, Resource, ResourceKind, SharingClass, UpdateCycle,
        },
        derive::DerivationRule,
        directory::Capability,
        id::{Commitment, Digest, Handle, KeyId, Pseudonym, RequestId, SystemId},
        identifier::Uscc,
        outcome::Outcome,
        record::{RecordStatus, Validity},
        statement::{
            AgreementConsent, DECISION_VERSION, FirstDepartment, FirstSystem, Genesis, Header, Policy, Publication,
            PublishedRecord, Query, RuleChange, Statement,
        },
        time::Time,
    },
    hub::{Clock, Hub, Parts, PublicationAnswer, QueryAnswer, Receipt, RecordBody, open_log},
    sign::{
        LogSigner, Secret, Signer as _, SigningKey, SystemRandomness,
        commitment::{Opening, Scheme, record_handle, record_salt},
        dsse,
        sd_jwt::{RecordClaims, issue},
        sealing::VaultKey,
        sha256,
    },
    store::Store,
    wire,
};

pub(super) const ADMINISTRATOR: &str = "11100000000013338W";
pub(super) const PROVIDER: &str = "11330105002500287C";
pub(super) const CONSUMER: &str = "11430000006122244L";
pub(super) const RESOURCE: &str = "samr.business-licence";
/// A moment at which the world begins: 2026-03-02 10:00 at +08:00.
const BEGIN: i64 = 1_772_416_800_000;

/// The time in milliseconds, and what each reading adds to it.
pub(super) struct TestClock(AtomicI64, AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::from_millis(self.0.fetch_add(self.1.load(Ordering::SeqCst), Ordering::SeqCst)).unwrap()
    }
}

impl TestClock {
    /// From now on each reading is a second earlier than the one before.
    pub(super) fn run_backwards(&self) {
        self.1.store(-1_000, Ordering::SeqCst);
    }
}

pub(super) struct Actor {
    pub(super) system: SystemId,
    pub(super) key: SigningKey,
}

impl Actor {
    pub(super) fn new(uscc: &str, seed: u8) -> Self {
        Self { system: system(uscc), key: key(seed) }
    }

    pub(super) fn kid(&self) -> KeyId {
        KeyId(*self.key.verifying_key().thumbprint())
    }

    pub(super) fn sign(&self, statement: &Statement) -> dsse::Envelope {
        let (payload_type, payload) = wire::encode_statement(statement);
        dsse::Envelope::sign(&self.key, &payload_type, payload).unwrap()
    }
}

pub(super) fn system(uscc: &str) -> SystemId {
    SystemId::new(&"gov.example".parse().unwrap(), &uscc.parse::<Uscc>().unwrap(), "main").unwrap()
}

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::from_bytes(&[seed; 32])).unwrap()
}

pub(super) fn vault() -> VaultKey {
    VaultKey::new(Secret::from_bytes(&[9; 32]))
}

pub(super) fn log_signer() -> LogSigner {
    LogSigner::new("hub.example/exchange-log/2026".parse().unwrap(), key(7))
}

pub(super) struct World {
    pub(super) hub: Arc<Hub>,
    pub(super) clock: Arc<TestClock>,
    pub(super) administrator: Actor,
    pub(super) provider: Actor,
    pub(super) consumer: Actor,
    counter: AtomicU64,
}

impl World {
    /// A hub on an empty store, with genesis written.
    pub(super) fn begin(store: Store, policy: Policy) -> Self {
        let mut store = store;
        let administrator = Actor::new(ADMINISTRATOR, 1);
        open_log(store.log.as_mut(), &log_signer(), genesis(&administrator, policy)).unwrap();
        Self::open(store)
    }

    /// A hub on a store that has a genesis.
    pub(super) fn open(store: Store) -> Self {
        Self::open_signed(store, log_signer())
    }

    /// A hub on a store whose log has this key.
    pub(super) fn open_signed(store: Store, log_signer: LogSigner) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(BEGIN), AtomicI64::new(0)));
        let parts = Parts {
            store,
            blind_index: vault().blind_index(),
            log_signer,
            seal_trust: crate::seal::TrustAnchors::default(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Arc::new(SystemRandomness::new()),
        };
        Self {
            hub: Hub::open(parts, |_, _| {}).unwrap(),
            clock,
            administrator: Actor::new(ADMINISTRATOR, 1),
            provider: Actor::new(PROVIDER, 2),
            consumer: Actor::new(CONSUMER, 3),
            counter: AtomicU64::new(0),
        }
    }

    /// A world in which records can be published and queried under agreement `a1`.
    pub(super) async fn furnished(store: Store) -> Self {
        Self::furnished_with(store, Policy::default()).await
    }

    pub(super) async fn furnished_with(store: Store, policy: Policy) -> Self {
        let world = Self::begin(store, policy);
        world.register().await;
        world.apply_catalog(vec![licence()]).await;
        world.agree(world.agreement("a1")).await;
        world
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    /// 16 bytes that no other call gives.
    pub(super) fn fresh(&self) -> [u8; 16] {
        let count = self.counter.fetch_add(1, Ordering::SeqCst) + 1_000_000 * u64::from(std::process::id());
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&count.to_be_bytes());
        bytes[8..].copy_from_slice(&self.hub.snapshot().size.to_be_bytes());
        bytes
    }

    pub(super) fn header(&self, actor: &Actor) -> Header {
        Header {
            request_id: RequestId(self.fresh()),
            issued_at: self.clock.now(),
            actor: actor.system.clone(),
            hub: "hub.example".parse().unwrap(),
        }
    }

    pub(super) async fn change(&self, actor: &Actor, change: RuleChange) -> Receipt {
        self.change_opened(actor, change, Vec::new()).await
    }

    pub(super) async fn change_opened(&self, actor: &Actor, change: RuleChange, openings: Vec<Opening>) -> Receipt {
        let envelope = actor.sign(&Statement::Rule(self.header(actor), change));
        self.hub.change_rules(actor.system.clone(), envelope, openings).await.unwrap()
    }

    async fn register(&self) {
        for (actor, name, capabilities) in [
            (&self.provider, "市场监督管理局", vec![Capability::Publish, Capability::SignAgreements]),
            (&self.consumer, "住房和城乡建设局", vec![Capability::Query, Capability::SignAgreements]),
        ] {
            let uscc = *actor.system.department();
            let system = actor.system.clone();
            for change in [
                RuleChange::RegisterDepartment { uscc, name: name.to_owned() },
                RuleChange::RegisterSystem { system: system.clone(), capabilities: capabilities.into_iter().collect() },
                key_request(&actor.key, &system).into_change(),
            ] {
                applied(&self.change(&self.administrator, change).await);
            }
        }
    }

    pub(super) async fn apply_catalog(&self, resources: Vec<Resource>) {
        let change = RuleChange::CatalogPart {
            part: Digest([0; 32]), // The payload's hash, which is known when it is read.
            content: CatalogPart { resources: resources.into_iter().map(Arc::new).collect(), ..CatalogPart::default() },
        };
        let receipt = self.change(&self.administrator, change).await;
        let Outcome::Applied(crate::domain::outcome::Effect::CatalogPartEntered(part)) = receipt.outcome else {
            panic!("{:?}", receipt.outcome)
        };
        let base_version = self.hub.snapshot().rules.catalog.version;
        let release = RuleChange::CatalogRelease { base_version, parts: vec![part], allow_breaking: true };
        applied(&self.change(&self.administrator, release).await);
    }

    pub(super) fn agreement(&self, id: &str) -> AgreementText {
        let now = self.clock.now();
        let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
        AgreementText {
            hub: "hub.example".parse().unwrap(),
            agreement_id: id.parse().unwrap(),
            version: 1,
            previous_digest: None,
            consumer: CONSUMER.parse().unwrap(),
            provider: PROVIDER.parse().unwrap(),
            resource_id: RESOURCE.parse().unwrap(),
            fields: ["CZZT", "CZZTDM", "FDDBR_MASKED"].iter().map(|code| code.parse().unwrap()).collect(),
            purposes: names(&["housing-check"]),
            matters: BTreeSet::new(),
            lookups: BTreeSet::from([LookupKind::Record, LookupKind::Holder]),
            valid_from: now.plus_seconds(-60),
            valid_until: now.plus_seconds(30 * 86_400),
            daily_limit: 1_000,
            batch_limit: 16,
            legal_basis: None,
            scenario: None,
            condition: None,
            minute_limit: None,
            networks: BTreeSet::new(),
            retention_days: None,
            scope: None,
        }
    }

    pub(super) fn proposal(&self, actor: &Actor, text: AgreementText) -> RuleChange {
        let serialized = wire::encode_agreement_text(&text);
        let digest = Digest(sha256(&serialized));
        let signature = sign_text(actor, &serialized);
        RuleChange::AgreementProposal { text: Box::new(text), serialized: serialized.into(), digest, signature }
    }

    pub(super) fn consent(&self, actor: &Actor, id: &str) -> AgreementConsent {
        let snapshot = self.hub.snapshot();
        let version = snapshot.rules.agreements.find(id).unwrap().newest().unwrap();
        AgreementConsent {
            agreement_id: id.parse().unwrap(),
            version: version.text.version,
            digest: version.digest,
            signature: sign_text(actor, &version.serialized),
        }
    }

    pub(super) async fn agree(&self, text: AgreementText) {
        let id = text.agreement_id.to_string();
        applied(&self.change(&self.consumer, self.proposal(&self.consumer, text)).await);
        let acceptance = RuleChange::AgreementAcceptance(self.consent(&self.provider, &id));
        applied(&self.change(&self.provider, acceptance).await);
        let activation = RuleChange::AgreementActivation(self.consent(&self.administrator, &id));
        applied(&self.change(&self.administrator, activation).await);
    }

    /// A record of holder number `n`, at a version, with a body.
    pub(super) fn record(&self, n: u32, version: u32) -> (PublishedRecord, RecordBody) {
        self.record_by(&self.provider, n, version)
    }

    /// The same, signed by a department.
    pub(super) fn record_by(&self, issuer: &Actor, n: u32, version: u32) -> (PublishedRecord, RecordBody) {
        let (id, holder) = (licence_id(n), holder(n));
        let fields: Vec<(String, Value)> = vec![
            ("ZZBS".into(), json!(id)),
            ("CZZTDM".into(), json!(holder)),
            ("CZZT".into(), json!(format!("样例企业{n}版本{version}"))),
            ("FDDBR".into(), json!("张三丰")),
            (
                "FDDBR_MASKED".into(),
                DerivationRule::MaskName.derive(&json!("张三丰"), jiff::civil::Date::constant(2026, 1, 1)),
            ),
            ("ZZYXQJZRQ".into(), Value::Null),
        ];
        self.sign(issuer, RESOURCE, &id, fields, version)
    }

    /// A record of a resource with these fields, of which `id` is its identifier, at a version, with a body.
    pub(super) fn sign(
        &self,
        issuer: &Actor,
        resource: &str,
        id: &str,
        fields: Vec<(String, Value)>,
        version: u32,
    ) -> (PublishedRecord, RecordBody) {
        let salt = record_salt(&Secret::from_bytes(&[5; 32]), resource, id).unwrap();
        let handle = record_handle(&salt, resource, id).unwrap();
        let snapshot = self.hub.snapshot();
        let (resource_version, resource) = snapshot.rules.catalog.newest(resource).unwrap();
        let claims = RecordClaims {
            iss: issuer.system.department().to_string(),
            vct: resource.vct(resource_version),
            jti: handle,
            ver: version.into(),
            iat: self.clock.now().as_seconds(),
        };
        let sd_jwt = issue(&issuer.key, &SystemRandomness::new(), &claims, &fields).unwrap();
        let jwt = sd_jwt.split('~').next().unwrap();
        let record = PublishedRecord {
            handle: Handle(handle),
            version,
            jwt_sha256: Digest(sha256(jwt.as_bytes())),
            source_digest: Digest([version as u8; 32]),
            validity: Validity::default(),
            status: RecordStatus::Active,
            replaces: None,
            copy: None,
        };
        (record, RecordBody { sd_jwt, record_salt: salt.to_vec() })
    }

    pub(super) async fn publish(&self, records: Vec<(PublishedRecord, RecordBody)>) -> PublicationAnswer {
        self.publish_naming(KeyId(*self.provider.key.verifying_key().thumbprint()), records).await
    }

    /// Publishes records, saying that this key signed them.
    pub(super) async fn publish_naming(
        &self,
        issuer_key: KeyId,
        records: Vec<(PublishedRecord, RecordBody)>,
    ) -> PublicationAnswer {
        self.publish_by(&self.provider, issuer_key, records).await
    }

    /// Publishes licences as a department.
    pub(super) async fn publish_by(
        &self,
        publisher: &Actor,
        issuer_key: KeyId,
        records: Vec<(PublishedRecord, RecordBody)>,
    ) -> PublicationAnswer {
        self.publish_of(RESOURCE, publisher, issuer_key, records).await
    }

    /// Publishes records of a resource as a department.
    pub(super) async fn publish_of(
        &self,
        resource: &str,
        publisher: &Actor,
        issuer_key: KeyId,
        records: Vec<(PublishedRecord, RecordBody)>,
    ) -> PublicationAnswer {
        let (records, bodies) = records.into_iter().unzip();
        let publication = Publication {
            resource_id: resource.parse().unwrap(),
            resource_version: self.hub.snapshot().rules.catalog.newest(resource).unwrap().0,
            records,
            issuer_key,
        };
        let envelope = publisher.sign(&Statement::Publication(self.header(publisher), publication));
        self.hub.publish(publisher.system.clone(), envelope, bodies).await.unwrap()
    }

    /// A query for one holder's name, and its openings.
    pub(super) fn query(&self, lookup: LookupKind, value: &str) -> (Query, Vec<Opening>) {
        let random = SystemRandomness::new();
        let scheme = match lookup {
            LookupKind::Record => Scheme::LicenceId,
            LookupKind::Holder => Scheme::Uscc,
        };
        let case = Opening::new(&random, Scheme::Case, "办件-1").unwrap();
        let opening = Opening::new(&random, scheme, value).unwrap();
        let query = Query {
            resource_id: RESOURCE.parse().unwrap(),
            purpose: "housing-check".parse().unwrap(),
            matter: "M1".parse().unwrap(),
            case_commitment: Commitment(case.commitment()),
            operator_pseudonym: Pseudonym([1; 32]),
            agreement_id: None,
            fields: BTreeSet::from(["CZZT".parse().unwrap()]),
            lookup,
            commitments: vec![Commitment(opening.commitment())],
        };
        (query, vec![case, opening])
    }

    pub(super) async fn ask(&self, query: Query, openings: Vec<Opening>) -> QueryAnswer {
        let envelope = self.consumer.sign(&Statement::Query(self.header(&self.consumer), query));
        self.hub.query(self.consumer.system.clone(), address(), envelope, openings).await.unwrap()
    }

    pub(super) async fn ask_holder(&self, n: u32) -> QueryAnswer {
        let (query, openings) = self.query(LookupKind::Holder, &holder(n));
        self.ask(query, openings).await
    }
}

pub(super) fn applied(receipt: &Receipt) {
    assert!(matches!(receipt.outcome, Outcome::Applied(_)), "{:?}", receipt.outcome);
}

fn sign_text(actor: &Actor, serialized: &[u8]) -> Vec<u8> {
    actor.key.sign(&dsse::pae(&dsse::payload_type(wire::AGREEMENT_TEXT_KIND), serialized)).unwrap()
}

pub(super) fn genesis(administrator: &Actor, policy: Policy) -> Genesis {
    Genesis {
        hub: "hub.example".parse().unwrap(),
        origin: "hub.example/exchange-log/2026".into(),
        trust_domain: "gov.example".parse().unwrap(),
        administrators: vec![FirstDepartment {
            uscc: ADMINISTRATOR.parse().unwrap(),
            name: "大数据局".into(),
            systems: vec![FirstSystem {
                system: administrator.system.clone(),
                capabilities: Capability::ALL.into_iter().collect(),
                keys: vec![(administrator.kid(), *administrator.key.verifying_key().as_bytes())],
            }],
        }],
        policy,
        decision_version: DECISION_VERSION,
        created_at: Time::from_millis(BEGIN - 1_000).unwrap(),
        previous: None,
    }
}

pub(super) fn licence_id(n: u32) -> String {
    use crate::domain::identifier::LicenceId;
    let id = LicenceId::complete("11100000000013338W001", PROVIDER, &format!("{n:011}"), "001").unwrap();
    id.as_str().to_owned()
}

/// From where everybody asks.
pub(super) fn address() -> std::net::IpAddr {
    [10, 44, 0, 9].into()
}

/// Every third record shares a holder with the one before.
pub(super) fn holder(n: u32) -> String {
    Uscc::complete(&format!("91330105{:08}", n / 3)).unwrap().as_str().to_owned()
}

pub(super) fn licence() -> Resource {
    let field = |code: &str, field_type: FieldType, sharing_class, required| Field {
        code: code.parse().unwrap(),
        name: format!("{code} 名称"),
        name_en: String::new(),
        field_type,
        required,
        sharing_class,
        repeated: false,
        sensitive: false,
        open_to_society: false,
        value_range: String::new(),
        derivation: None,
    };
    let text = || FieldType::Text { max_length: 200 };
    let (open, on_terms, never) = (SharingClass::Unconditional, SharingClass::Conditional, SharingClass::NotShared);
    let mut masked = field("FDDBR_MASKED", text(), on_terms, false);
    masked.derivation = Some(Derivation { source_field: "FDDBR".parse().unwrap(), rule: DerivationRule::MaskName });
    Resource {
        resource_id: RESOURCE.parse().unwrap(),
        name: "营业执照".into(),
        name_en: "Business licence".into(),
        provider: PROVIDER.parse().unwrap(),
        kind: ResourceKind::Licence,
        national_code: String::new(),
        summary: String::new(),
        sharing_class: open,
        sharing_condition: String::new(),
        denial_basis: "个人信息".into(),
        metadata: Metadata::default(),
        update_cycle: UpdateCycle::Daily,
        fields: vec![
            field("ZZBS", FieldType::LicenceId, open, true),
            field("CZZTDM", FieldType::Uscc, open, true),
            field("CZZT", text(), open, true),
            field("FDDBR", text(), never, false),
            masked,
            field("ZZYXQJZRQ", FieldType::Date, open, false),
        ],
        record_id_field: "ZZBS".parse().unwrap(),
        holder_field: "CZZTDM".parse().unwrap(),
        valid_from_field: None,
        valid_until_field: Some("ZZYXQJZRQ".parse().unwrap()),
        holder_type_field: None,
        replaces_field: None,
        copy_of: None,
    }
}

/// The request of a system's key at the world's hub.
pub(super) fn key_request(key: &SigningKey, system: &SystemId) -> wire::KeyRequest {
    wire::KeyRequest::sign(key, &"hub.example".parse().unwrap(), system).unwrap()
}
