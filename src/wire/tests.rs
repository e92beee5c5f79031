//! What is signed and what is entered, byte for byte: golden vectors in `tests/vectors/wire/`, reading back, and hostile input.

use std::{collections::BTreeSet, fmt::Write as _, path::Path, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::{
    domain::{
        agreement::{AgreementState, AgreementText, LookupKind},
        answer::{AnswerStep, AnswerTerm, AnswerTerms},
        calendar::CalendarYear,
        catalog::{
            CatalogPart, CodeTable, CodeTableRef, CodeValue, CopyOf, DataGrade, Derivation, Field, FieldType, Metadata,
            Resource, ResourceFormat, ResourceKind, ShareMethod, SharingClass, TableCode, UpdateCycle,
        },
        condition::{Comparison, Condition, Literal, Relation, Test},
        decide::most_released,
        derive::DerivationRule,
        directory::Capability,
        id::{CodeTableId, Commitment, Digest, Handle, KeyId, Pseudonym, RequestId, SystemId},
        issuing::IssuingGrant,
        outcome::{
            Effect, Erased, HolderTraced, Notice, Original, Outcome, QueryPermitted, QuotasCarried, RecordRelease,
            RecordViolation, RecordWithheld, Refusal, RefusalReason, Suppressed,
        },
        record::{AnnotatedCopy, RecordStatus, Validity},
        statement::{
            AgreementConsent, ClosingReceipt, DECISION_VERSION, Erasure, FirstDepartment, FirstSystem, Genesis, Header,
            Policy, PreviousLog, Publication, PublishedRecord, Query, RuleChange, Statement, Trace,
        },
        time::{Date, Time},
    },
    sign::{Secret, SigningKey, sha256},
};

const DEPARTMENT: &str = "11100000000013338W";

fn system() -> SystemId {
    format!("spiffe://gov.example/department/{DEPARTMENT}/system/main").parse().unwrap()
}

fn header() -> Header {
    Header {
        request_id: RequestId([0xA5; 16]),
        issued_at: Time::from_millis(1_772_416_800_123).unwrap(),
        actor: system(),
        hub: "hub.example".parse().unwrap(),
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed(&Secret::from_bytes(&[1; 32])).unwrap()
}

fn first_key() -> (KeyId, [u8; 32]) {
    (KeyId(*key().verifying_key().thumbprint()), *key().verifying_key().as_bytes())
}

fn resource() -> Resource {
    let field = |code: &str, field_type, derivation| Field {
        code: code.parse().unwrap(),
        name: format!("名称{code}"),
        name_en: code.to_lowercase(),
        field_type,
        required: true,
        sharing_class: SharingClass::Conditional,
        repeated: false,
        sensitive: true,
        open_to_society: false,
        value_range: String::new(),
        derivation,
    };
    let masked = Derivation { source_field: "FDDBR".parse().unwrap(), rule: DerivationRule::MaskName };
    Resource {
        resource_id: "samr.business-licence".parse().unwrap(),
        name: "营业执照".into(),
        name_en: "Business licence".into(),
        provider: DEPARTMENT.parse().unwrap(),
        kind: ResourceKind::Licence,
        national_code: "307001/000001".into(),
        summary: "摘要".into(),
        sharing_class: SharingClass::Conditional,
        sharing_condition: "按需".into(),
        denial_basis: String::new(),
        metadata: Metadata::default(),
        update_cycle: UpdateCycle::Daily,
        fields: vec![
            field("ZZBS", FieldType::LicenceId, None),
            field("CZZTDM", FieldType::Uscc, None),
            field("FDDBR", FieldType::Text { max_length: 50 }, None),
            field("FDDBR_M", FieldType::Text { max_length: 50 }, Some(masked)),
            field("ZT", FieldType::Code(vec![CodeValue { code: "1".into(), name: "现势".into() }]), None),
            field("JZRQ", FieldType::Date, None),
        ],
        record_id_field: "ZZBS".parse().unwrap(),
        holder_field: "CZZTDM".parse().unwrap(),
        valid_from_field: None,
        valid_until_field: Some("JZRQ".parse().unwrap()),
        holder_type_field: None,
        replaces_field: None,
        copy_of: None,
    }
}

/// A condition with every operator and every kind of literal.
fn condition() -> Condition {
    let is = |field: &str, test| Condition::Comparison(Comparison { field: field.parse().unwrap(), test });
    let text = |text: &str| Literal::Text(text.into());
    Condition::All(vec![
        is("JZRQ", Test::Is(Relation::AtLeast, text("2026-01-01"))),
        is("CZZTDM", Test::StartsWith("914403".into())),
        Condition::Any(vec![
            is("ZT", Test::OneOf([text("1"), text("2")].into())),
            is("ZT", Test::Empty),
            is("FDDBR", Test::NotEmpty),
            is("ZT", Test::Is(Relation::Equal, text(""))),
            is("ZT", Test::Is(Relation::NotEqual, Literal::Boolean(false))),
        ]),
        is("ZS", Test::Is(Relation::Less, Literal::Integer(-3))),
        is("ZS", Test::Is(Relation::AtMost, Literal::Integer(0))),
        is("ZS", Test::Is(Relation::Greater, Literal::Integer(3))),
    ])
}

fn text() -> AgreementText {
    let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    AgreementText {
        hub: "hub.example".parse().unwrap(),
        agreement_id: "housing-2026".parse().unwrap(),
        version: 2,
        previous_digest: Some(Digest([2; 32])),
        consumer: "11430000006122244L".parse().unwrap(),
        provider: DEPARTMENT.parse().unwrap(),
        resource_id: "samr.business-licence".parse().unwrap(),
        fields: ["CZZTDM", "ZZBS"].iter().map(|code| code.parse().unwrap()).collect(),
        purposes: names(&["housing-check"]),
        matters: names(&["M-1", "M-2"]),
        lookups: BTreeSet::from([LookupKind::Record, LookupKind::Holder]),
        valid_from: Time::from_millis(1_772_380_800_000).unwrap(),
        valid_until: Time::from_millis(1_803_916_800_000).unwrap(),
        daily_limit: 5_000,
        batch_limit: 16,
        legal_basis: Some(Commitment([3; 32])),
        scenario: None,
        condition: Some(condition()),
        minute_limit: Some(60),
        networks: ["10.44.0.0/16", "2001:db8::/32"].map(|network| network.parse().unwrap()).into(),
        retention_days: Some(180),
        scope: Some(Commitment([25; 32])),
    }
}

fn part_of(resource: Resource) -> CatalogPart {
    CatalogPart { resources: vec![Arc::new(resource)], code_tables: Vec::new() }
}

/// Everything that a resource may say and [`resource`] leaves unsaid, and a code table.
fn full_part() -> CatalogPart {
    let mut resource = resource();
    resource.metadata = Metadata {
        format: Some(ResourceFormat::Database),
        share_method: Some(ShareMethod::Platform),
        data_grade: Some(DataGrade::Important),
        opening_condition: "公示的信息项".into(),
        related_codes: vec!["307001/000002".into(), "307001/000003".into()],
        source_system: "登记系统".into(),
        subject: "市场监管".into(),
    };
    resource.fields[2].value_range = "姓名".into();
    let table_id: CodeTableId = "gbt-2260".parse().unwrap();
    let reference = CodeTableRef { table_id: table_id.clone(), version: 2, table: None };
    resource.fields[4].field_type = FieldType::CodeTable(reference);
    let code = |code: &str, name: &str, parent: &str, valid_until: Option<&str>| TableCode {
        code: code.into(),
        name: name.into(),
        parent: parent.into(),
        valid_from: None,
        valid_until: valid_until.map(|date| date.parse().unwrap()),
    };
    let codes = vec![code("44", "广东省", "", None), code("4499", "样例市", "44", Some("2020-12-31"))];
    let table = Arc::new(CodeTable::new(table_id, 2, "行政区划".into(), codes));
    CatalogPart { resources: vec![Arc::new(resource)], code_tables: vec![table] }
}

/// One of each kind.
fn statements() -> Vec<(&'static str, Statement)> {
    let rule = |change| Statement::Rule(header(), change);
    let consent = || AgreementConsent {
        agreement_id: "housing-2026".parse().unwrap(),
        version: 2,
        digest: Digest([4; 32]),
        signature: vec![5; 64],
    };
    let serialized = encode_agreement_text(&text());
    let (kid, _) = first_key();
    let id = || "housing-2026".parse().unwrap();
    let part = RuleChange::CatalogPart { part: Digest([0; 32]), content: part_of(resource()) };
    let part = Digest(sha256(&encode_statement(&rule(part)).1));
    let copies = RuleChange::CatalogPart { part: Digest([0; 32]), content: part_of(resource_of_copies()) };
    let copies = Digest(sha256(&encode_statement(&rule(copies)).1));
    let full = RuleChange::CatalogPart { part: Digest([0; 32]), content: full_part() };
    let full = Digest(sha256(&encode_statement(&rule(full)).1));
    vec![
        ("genesis", Statement::Genesis(Box::new(genesis()))),
        ("genesis", Statement::Genesis(Box::new(Genesis { previous: Some(previous_log()), ..genesis() }))),
        (
            "register-department",
            rule(RuleChange::RegisterDepartment { uscc: DEPARTMENT.parse().unwrap(), name: "数据局".into() }),
        ),
        (
            "register-system",
            rule(RuleChange::RegisterSystem {
                system: system(),
                capabilities: BTreeSet::from([Capability::Query, Capability::Publish]),
            }),
        ),
        ("register-key", rule(KeyRequest::sign(&key(), &header().hub, &system()).unwrap().into_change())),
        ("retire-key", rule(RuleChange::RetireKey { kid, compromised_since: Some(header().issued_at) })),
        (
            "grant-issuing-right",
            rule(RuleChange::GrantIssuingRight(IssuingGrant {
                resource_id: "samr.business-licence".parse().unwrap(),
                department: "11430000006122244L".parse().unwrap(),
                valid_from: Time::from_millis(1_772_380_800_000).unwrap(),
                valid_until: Time::from_millis(1_803_916_800_000).unwrap(),
                succeeds: [DEPARTMENT.parse().unwrap()].into(),
            })),
        ),
        (
            "withdraw-issuing-right",
            rule(RuleChange::WithdrawIssuingRight {
                resource_id: "samr.business-licence".parse().unwrap(),
                department: "11430000006122244L".parse().unwrap(),
            }),
        ),
        ("catalog-part", rule(RuleChange::CatalogPart { part, content: part_of(resource()) })),
        ("catalog-part", rule(RuleChange::CatalogPart { part: full, content: full_part() })),
        ("catalog-part", rule(RuleChange::CatalogPart { part: copies, content: part_of(resource_of_copies()) })),
        (
            "catalog-release",
            rule(RuleChange::CatalogRelease { base_version: 3, parts: vec![Digest([6; 32])], allow_breaking: false }),
        ),
        (
            "catalog-release",
            rule(RuleChange::CatalogRelease { base_version: 3, parts: vec![Digest([6; 32])], allow_breaking: true }),
        ),
        (
            "calendar-year",
            rule(RuleChange::CalendarYear(CalendarYear {
                year: 2026,
                source: "国办发明电〔2025〕7号".into(),
                holidays: [Date::constant(2026, 10, 1), Date::constant(2026, 10, 2)].into(),
                working_days: [Date::constant(2026, 10, 10)].into(),
            })),
        ),
        (
            "answer-terms",
            rule(RuleChange::AnswerTerms(
                AnswerTerms::new([
                    (
                        (AnswerStep::Acceptance, SharingClass::Conditional),
                        AnswerTerm { working_days: 10, deferral_days: 10 },
                    ),
                    ((AnswerStep::Activation, SharingClass::Unconditional), 1.into()),
                ])
                .unwrap(),
            )),
        ),
        (
            "agreement-proposal",
            rule(RuleChange::AgreementProposal {
                text: Box::new(text()),
                digest: Digest(sha256(&serialized)),
                serialized: serialized.into(),
                signature: vec![5; 64],
            }),
        ),
        ("agreement-acceptance", rule(RuleChange::AgreementAcceptance(consent()))),
        ("agreement-activation", rule(RuleChange::AgreementActivation(consent()))),
        (
            "agreement-rejection",
            rule(RuleChange::AgreementRejection {
                agreement_id: id(),
                version: 2,
                digest: Digest([4; 32]),
                reason: Commitment([7; 32]),
            }),
        ),
        (
            "answer-deferral",
            rule(RuleChange::AnswerDeferral {
                agreement_id: id(),
                version: 2,
                digest: Digest([4; 32]),
                reason: Commitment([7; 32]),
            }),
        ),
        (
            "agreement-withdrawal",
            rule(RuleChange::AgreementWithdrawal { agreement_id: id(), version: 2, reason: None }),
        ),
        (
            "agreement-suspension",
            rule(RuleChange::AgreementSuspension { agreement_id: id(), reason: Some(Commitment([7; 32])) }),
        ),
        ("agreement-resumption", rule(RuleChange::AgreementResumption { agreement_id: id() })),
        ("agreement-termination", rule(RuleChange::AgreementTermination { agreement_id: id(), reason: None })),
        ("publication", Statement::Publication(header(), publication())),
        ("publication", Statement::Publication(header(), publication_of_a_copy())),
        ("query", Statement::Query(header(), query())),
        (
            "holder-trace",
            Statement::Trace(
                header(),
                Trace {
                    purpose: "citizen-request".parse().unwrap(),
                    holder: Commitment([21; 32]),
                    case_commitment: Commitment([22; 32]),
                    legal_basis: Some(Commitment([23; 32])),
                    since: Some(Time::from_millis(1_772_000_000_000).unwrap()),
                    until: Some(Time::from_millis(1_772_400_000_000).unwrap()),
                },
            ),
        ),
        (
            "opening-erasure",
            Statement::Erasure(header(), Erasure::Before(Time::from_millis(1_760_000_000_000).unwrap())),
        ),
        ("opening-erasure", Statement::Erasure(header(), Erasure::Holder(Commitment([24; 32])))),
    ]
}

fn genesis() -> Genesis {
    Genesis {
        hub: "hub.example".parse().unwrap(),
        origin: "hub.example/exchange-log/2026".into(),
        trust_domain: "gov.example".parse().unwrap(),
        administrators: vec![FirstDepartment {
            uscc: DEPARTMENT.parse().unwrap(),
            name: "数据局".into(),
            systems: vec![FirstSystem {
                system: system(),
                capabilities: BTreeSet::from([Capability::Administer]),
                keys: vec![first_key()],
            }],
        }],
        policy: Policy::default(),
        decision_version: DECISION_VERSION,
        created_at: header().issued_at,
        previous: None,
    }
}

fn previous_log() -> PreviousLog {
    PreviousLog {
        vkey: "hub.example/exchange-log/2025+8ae4cb1d+AWzOeTmjyP2yEKaWLPUOPiIDiQuwtaAXNYF5BUoNzRNT".into(),
        size: 77,
        root: Digest([16; 32]),
        genesis_hash: Digest([17; 32]),
        issued_until: Time::from_millis(1_772_300_000_000).unwrap(),
        closings: vec![ClosingReceipt { entry: vec![9; 40], proof: "c2sp.org/tlog-proof@v1\n".into() }],
    }
}

fn resource_of_copies() -> Resource {
    let copy_of = CopyOf {
        resource_id: "samr.original".parse().unwrap(),
        original_field: "ZZBH".parse().unwrap(),
        purpose_field: Some("SY".parse().unwrap()),
    };
    Resource { copy_of: Some(copy_of), ..resource() }
}

fn publication_of_a_copy() -> Publication {
    let mut publication = publication();
    let (original, purpose) = (Handle([16; 32]), Some("housing-registration".parse().unwrap()));
    publication.records[0].copy = Some(AnnotatedCopy { original, purpose });
    publication
}

/// What is released of a copy.
fn release_of_a_copy() -> RecordRelease {
    RecordRelease {
        lookup: 0,
        handle: Handle([8; 32]),
        version: 1,
        status: RecordStatus::Revoked,
        publication_index: 17,
        jwt_sha256: Digest([9; 32]),
        fields: Vec::new(),
        sd_hash: None,
        replaces: None,
        original: Some(Original { handle: Handle([16; 32]), publication_index: 12, status: RecordStatus::Revoked }),
    }
}

fn publication() -> Publication {
    Publication {
        resource_id: "samr.business-licence".parse().unwrap(),
        resource_version: 1,
        records: vec![PublishedRecord {
            handle: Handle([8; 32]),
            version: 1,
            jwt_sha256: Digest([9; 32]),
            source_digest: Digest([10; 32]),
            validity: Validity { from: None, until: Some(Date::constant(2036, 1, 31)) },
            status: RecordStatus::Active,
            replaces: None,
            copy: None,
        }],
        issuer_key: KeyId([14; 32]),
    }
}

fn query() -> Query {
    Query {
        resource_id: "samr.business-licence".parse().unwrap(),
        purpose: "housing-check".parse().unwrap(),
        matter: "M-1".parse().unwrap(),
        case_commitment: Commitment([11; 32]),
        operator_pseudonym: Pseudonym([12; 32]),
        agreement_id: None,
        fields: ["CZZTDM", "ZZBS"].iter().map(|code| code.parse().unwrap()).collect(),
        lookup: LookupKind::Holder,
        commitments: vec![Commitment([13; 32])],
    }
}

/// One of each kind.
fn outcomes() -> Vec<(&'static str, Outcome)> {
    let applied = Outcome::Applied;
    vec![
        (
            "refused",
            Outcome::Refused(Refusal {
                reason: RefusalReason::FieldNotAgreed,
                term: "ZZBS".into(),
                agreement: Some(("housing-2026".parse().unwrap(), 2)),
                peer_address: None,
            }),
        ),
        (
            "query-permitted",
            Outcome::QueryPermitted(QueryPermitted {
                agreement_id: "housing-2026".parse().unwrap(),
                agreement_version: 2,
                records: vec![release_of_a_copy()],
                withheld: None,
                peer_address: None,
            }),
        ),
        (
            "query-permitted",
            Outcome::QueryPermitted(QueryPermitted {
                agreement_id: "housing-2026".parse().unwrap(),
                agreement_version: 2,
                records: vec![RecordRelease {
                    lookup: 0,
                    handle: Handle([8; 32]),
                    version: 1,
                    status: RecordStatus::Active,
                    publication_index: 17,
                    jwt_sha256: Digest([9; 32]),
                    fields: vec!["CZZTDM".parse().unwrap(), "ZZBS".parse().unwrap()],
                    sd_hash: Some(Digest([14; 32])),
                    replaces: None,
                    original: None,
                }],
                withheld: None,
                peer_address: None,
            }),
        ),
        (
            "query-permitted",
            Outcome::QueryPermitted(QueryPermitted {
                agreement_id: "housing-2026".parse().unwrap(),
                agreement_version: 2,
                records: Vec::new(),
                withheld: Some(vec![RecordWithheld {
                    lookup: 0,
                    handle: Handle([8; 32]),
                    version: 1,
                    publication_index: 17,
                    jwt_sha256: Digest([9; 32]),
                }]),
                peer_address: Some("10.44.0.9".parse().unwrap()),
            }),
        ),
        (
            "refused",
            Outcome::Refused(Refusal {
                peer_address: Some("2001:db8::9".parse().unwrap()),
                ..Refusal::new(RefusalReason::NetworkNotAllowed, "")
            }),
        ),
        (
            "published",
            Outcome::Published(vec![
                BTreeSet::new(),
                BTreeSet::from([RecordViolation::Version, RecordViolation::CheckCharacter]),
            ]),
        ),
        ("log-opened", applied(Effect::LogOpened)),
        ("department-registered", applied(Effect::DepartmentRegistered)),
        ("system-registered", applied(Effect::SystemRegistered)),
        ("key-registered", applied(Effect::KeyRegistered(first_key().0))),
        ("key-retired", applied(Effect::KeyRetired(first_key().0))),
        ("issuing-right-granted", applied(Effect::IssuingRightGranted)),
        ("issuing-right-withdrawn", applied(Effect::IssuingRightWithdrawn)),
        ("catalog-part-entered", applied(Effect::CatalogPartEntered(Digest([6; 32])))),
        (
            "catalog-released",
            applied(Effect::CatalogReleased {
                version: 4,
                resources: vec![("samr.business-licence".parse().unwrap(), 2)],
            }),
        ),
        (
            "agreement-changed",
            applied(Effect::AgreementChanged {
                agreement_id: "housing-2026".parse().unwrap(),
                version: 2,
                state: AgreementState::Active,
            }),
        ),
        ("calendar-year-entered", applied(Effect::CalendarYearEntered(2026))),
        ("answer-terms-set", applied(Effect::AnswerTermsSet)),
        ("holder-traced", Outcome::HolderTraced(HolderTraced { log_size: 4_711, exchanges: 12 })),
        ("erasure-ordered", Outcome::ErasureOrdered),
        (
            "suppressed",
            Outcome::Noted(Notice::Suppressed(Suppressed {
                system: system(),
                count: 1_234,
                since: Time::from_millis(1_772_416_740_000).unwrap(),
                until: Time::from_millis(1_772_416_800_000).unwrap(),
            })),
        ),
        (
            "erased",
            Outcome::Noted(Notice::Erased(Erased {
                count: 77,
                digest: Digest([15; 32]),
                since: Time::from_millis(1_772_300_000_000).unwrap(),
                until: Time::from_millis(1_772_310_000_000).unwrap(),
            })),
        ),
        ("closed", Outcome::Noted(Notice::Closed { next_vkey: previous_log().vkey })),
        (
            "quotas-carried",
            Outcome::Noted(Notice::QuotasCarried(QuotasCarried {
                day: "2026-12-31".parse().unwrap(),
                uses: vec![("housing-2026".parse().unwrap(), 12), ("tax-2026".parse().unwrap(), 1)],
            })),
        ),
    ]
}

/// The entry of an outcome; a notice has no statement.
fn entry(outcome: Outcome) -> Entry {
    let (payload_type, payload) = encode_statement(&Statement::Query(header(), query()));
    let signed = dsse::Envelope::sign(&key(), &payload_type, payload).unwrap();
    let envelope = (!matches!(outcome, Outcome::Noted(_))).then_some(signed);
    Entry { time: Time::from_millis(1_772_416_801_000).unwrap(), envelope, outcome, carried: None }
}

/// Compares with the vector kept; `HUTONG_WRITE_VECTORS=1` writes it, for a format that is new.
fn golden(name: &str, lines: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/wire").join(name);
    if std::env::var_os("HUTONG_WRITE_VECTORS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, lines).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert_eq!(lines, kept, "{}: what is released never changes", path.display());
}

#[test]
fn every_statement_has_its_bytes_and_reads_back() {
    let mut lines = String::new();
    for (kind, statement) in statements() {
        let (payload_type, payload) = encode_statement(&statement);
        assert_eq!(payload_type, dsse::payload_type(kind));
        assert_eq!(read_statement(&payload_type, &payload).as_ref(), Ok(&statement), "{kind}");
        writeln!(lines, "{kind} {}", hex::encode(payload)).unwrap();
    }
    golden("statements.txt", &lines);
}

#[test]
fn every_outcome_has_its_bytes_in_an_entry_and_reads_back() {
    let mut lines = String::new();
    for (kind, outcome) in outcomes() {
        let entry = entry(outcome);
        let bytes = entry.encode();
        assert_eq!(Entry::decode(&bytes).as_ref(), Ok(&entry), "{kind}");
        writeln!(lines, "{kind} {}", hex::encode(bytes)).unwrap();
    }
    let applied = entry(Outcome::Applied(Effect::DepartmentRegistered));
    let carried = Entry { carried: Some(Carried { index: 300, time: header().issued_at }), ..applied };
    let bytes = carried.encode();
    assert_eq!(Entry::decode(&bytes).as_ref(), Ok(&carried));
    assert_eq!(carried.decided_at(), header().issued_at);
    writeln!(lines, "carried {}", hex::encode(bytes)).unwrap();
    golden("entries.txt", &lines);
}

#[test]
fn only_what_holds_is_carried_over_and_never_makes_an_entry_too_long() {
    let carried = Some(Carried { index: u64::MAX, time: Time::from_millis(253_402_300_799_999).unwrap() });
    for (kind, outcome) in outcomes() {
        let entry = entry(outcome);
        let longer = Entry { carried, ..entry.clone() };
        let holds = matches!(entry.outcome, Outcome::Applied(_) | Outcome::Published(_));
        assert_eq!(Entry::decode(&longer.encode()).is_ok(), holds, "{kind}");
        assert!(longer.encode().len() <= entry.encode().len() + CARRIED_LEN, "{kind}");
    }
}

#[test]
fn only_what_the_hub_tells_of_itself_has_no_statement() {
    let outcomes = outcomes();
    let outcome = |wanted: &str| outcomes.iter().find(|(kind, _)| *kind == wanted).unwrap().1.clone();
    let bare = Entry { envelope: None, ..entry(outcome("refused")) };
    let dressed = Entry { envelope: entry(outcome("refused")).envelope, ..entry(outcome("suppressed")) };
    for entry in [bare, dressed] {
        let Malformed(violations) = Entry::decode(&entry.encode()).unwrap_err();
        assert_eq!(violations[0].field, "entry.statement");
    }
}

/// A release of all fields of a query, in as many bytes as it can take.
fn longest_release(query: &Query) -> RecordRelease {
    RecordRelease {
        lookup: 63,
        handle: Handle([8; 32]),
        version: u32::MAX,
        status: RecordStatus::Active,
        publication_index: u64::MAX,
        jwt_sha256: Digest([9; 32]),
        fields: query.fields.iter().cloned().collect(),
        sd_hash: Some(Digest([14; 32])),
        replaces: Some(Handle([15; 32])),
        original: Some(Original {
            handle: Handle([16; 32]),
            publication_index: u64::MAX,
            status: RecordStatus::Superseded,
        }),
    }
}

#[test]
fn whatever_a_query_finds_within_its_bound_fits_an_entry() {
    let domain = format!("{}.{}.{}.example", "a".repeat(63), "b".repeat(63), "c".repeat(63));
    let actor = format!("spiffe://{domain}/department/{DEPARTMENT}/system/{}", "s".repeat(63));
    let header = Header { actor: actor.parse().unwrap(), hub: domain.parse().unwrap(), ..header() };
    for (fields, lookups, most) in [(1, 64, 64), (12, 64, 60), (12, 1, 62), (60, 64, 13), (200, 64, 3), (200, 1, 3)] {
        let query = Query {
            resource_id: "r".repeat(128).parse().unwrap(),
            purpose: "p".repeat(64).parse().unwrap(),
            matter: "m".repeat(64).parse().unwrap(),
            agreement_id: Some("g".repeat(64).parse().unwrap()),
            fields: (0..fields).map(|n| format!("F{n:063}").parse().unwrap()).collect(),
            commitments: vec![Commitment([13; 32]); lookups],
            ..query()
        };
        assert_eq!(most_released(&Policy::GREATEST, &query), most, "{fields} fields, {lookups} lookups");
        let outcome = Outcome::QueryPermitted(QueryPermitted {
            agreement_id: "g".repeat(64).parse().unwrap(),
            agreement_version: u32::MAX,
            records: vec![longest_release(&query); most],
            withheld: Some(Vec::new()),
            peer_address: Some("2001:db8::9".parse().unwrap()),
        });
        let (payload_type, payload) = encode_statement(&Statement::Query(header.clone(), query));
        let envelope = Some(dsse::Envelope::sign(&key(), &payload_type, payload).unwrap());
        let entry = Entry { time: header.issued_at, envelope, outcome, carried: None };
        assert!(entry.encode().len() <= 65_535, "{fields} fields, {lookups} lookups: {}", entry.encode().len());
    }
}

#[test]
fn agreement_text_has_its_bytes_and_reads_back() {
    let bytes = encode_agreement_text(&text());
    assert_eq!(read_agreement_text(&bytes), Ok(text()));
    golden("agreement-text.txt", &format!("{}\n", hex::encode(bytes)));
}

#[test]
fn what_does_not_encode_back_to_itself_is_not_read() {
    let (payload_type, payload) = encode_statement(&Statement::Query(header(), query()));
    let unknown_field = [payload.as_slice(), &[0xA2, 0x06, 0x01, 0x00]].concat();
    let stated_default = [payload.as_slice(), &[0x3A, 0x00]].concat();
    for bytes in [unknown_field, stated_default, payload[..payload.len() - 1].to_vec()] {
        let Malformed(violations) = read_statement(&payload_type, &bytes).unwrap_err();
        assert_eq!(violations[0].field, "payload");
    }
}

#[test]
fn all_violations_of_a_statement_are_named_at_once() {
    let message = proto::QueryStatement {
        header: Some(proto::StatementHeader {
            request_id: vec![1; 15],
            issued_at: None,
            actor: "nobody".into(),
            hub: "Hub".into(),
        }),
        resource_id: "Bad".into(),
        purpose: "p p".into(),
        matter: "M".into(),
        fields: vec!["B".into(), "A".into()],
        lookup: 9,
        ..Default::default()
    };
    let Malformed(violations) =
        read_statement(&dsse::payload_type("query"), &prost::Message::encode_to_vec(&message)).unwrap_err();
    let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "header.request_id",
            "header.issued_at",
            "header.actor",
            "header.hub",
            "resource_id",
            "purpose",
            "case_commitment",
            "operator_pseudonym",
            "fields",
            "lookup",
            "commitments",
        ]
    );
}

#[test]
fn payload_type_of_another_kind_does_not_read() {
    let (_, payload) = encode_statement(&Statement::Query(header(), query()));
    for wrong in ["", "query", "application/vnd.hutong.nothing.v1+protobuf", "application/vnd.hutong.query.v2+protobuf"]
    {
        let Malformed(violations) = read_statement(wrong, &payload).unwrap_err();
        assert_eq!(violations[0].field, "payload_type", "{wrong}");
    }
    assert!(read_statement(&dsse::payload_type("publication"), &payload).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..statements().len()) {
        let kinds: Vec<_> = statements().into_iter().map(|(kind, _)| kind).collect();
        let _ = read_statement(&dsse::payload_type(kinds[kind]), &bytes);
        let _ = Entry::decode(&bytes);
        let _ = read_agreement_text(&bytes);
    }
}
