//! Statements, peers, settings and folders that are not in order: each gets its own error, and nothing is half done.

use std::{fs, time::Duration};

use hutong::{
    cli,
    client::{
        Client, Error, Lookup,
        statement::{Author, Signed},
    },
    domain::{
        id::{KeyId, SystemId},
        outcome::RefusalReason,
        statement::{Publication, Statement},
        time::Time,
    },
    pki::{Authority, Issued},
    sign::{SigningKey, SystemRandomness, dsse::Envelope},
    wire::{
        self,
        proto::{
            Envelope as EnvelopeMessage, GetHubRequest, PublishRecordsRequest, RecordBody, SubmitQueryRequest,
            exchange_service_client::ExchangeServiceClient, publication_service_client::PublicationServiceClient,
            rule_service_client::RuleServiceClient,
        },
    },
};
use tonic::{
    Code, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_types::StatusExt as _;

use crate::world::{HOUSING, TAXATION, World, hutong, licences, question, resource_id, run};

/// What the hub says about a status: code, reason, and the entry's index if there is one.
fn said(status: &Status) -> (Code, String, Option<u64>) {
    let info = status.get_error_details().error_info().cloned().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "hutong");
    assert!(!status.message().is_empty());
    (status.code(), info.reason, info.metadata.get("entry_index").map(|index| index.parse().unwrap()))
}

/// A publication of one licence, signed as said.
struct Forged<'a> {
    client: &'a Client,
    author: Author<'a>,
    at: Time,
}

impl Forged<'_> {
    fn sign(&self, record: &hutong::client::SignedRecord) -> Signed {
        let publication = Publication {
            resource_id: resource_id(),
            resource_version: 1,
            records: vec![record.published.clone()],
            issuer_key: KeyId(*self.author.key.verifying_key().thumbprint()),
        };
        let statement = |header| Statement::Publication(header, publication);
        self.author.sign(&SystemRandomness::new(), self.at, Vec::new(), statement).unwrap()
    }

    async fn send(&self, record: &hutong::client::SignedRecord) -> Status {
        send(self.client, &self.sign(record).envelope, record).await.unwrap_err()
    }
}

async fn send(client: &Client, envelope: &Envelope, record: &hutong::client::SignedRecord) -> Result<(), Status> {
    let body = RecordBody { sd_jwt: record.sd_jwt.clone(), record_salt: record.record_salt.to_vec() };
    let request = PublishRecordsRequest { envelope: Some(wire::envelope_to_proto(envelope)), bodies: vec![body] };
    PublicationServiceClient::new(client.channel()).publish_records(request).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_is_not_in_order_is_rejected_by_its_fault_without_an_entry() {
    let world = World::begin().await;
    let registry = world.registry().await;
    let (client, permits) = (&registry.client, world.client("permits").await);
    let record = registry.sign(&licences(1)[0], 1);
    let now = cli::now().unwrap();
    let (system, hub, key) = (client.system(), client.hub_domain(), client.signing_key());
    let own = || Author { system, hub, key };
    let before = world.log().await.size();

    let stranger = SigningKey::generate(&SystemRandomness::new()).unwrap();
    let elsewhere = "other.gov.example".parse().unwrap();
    let unregistered = Author { key: &stranger, ..own() };
    let stolen = Author { key: permits.signing_key(), ..own() };
    let foreign = Author { hub: &elsewhere, ..own() };
    for (what, client, author, expected) in [
        ("a key that nobody registered", client, unregistered, (Code::Unauthenticated, "KEY_NOT_REGISTERED")),
        ("another system's key", client, stolen, (Code::Unauthenticated, "KEY_NOT_REGISTERED")),
        ("another system's statement", &permits, own(), (Code::PermissionDenied, "FOREIGN_ACTOR")),
        ("a statement for another hub", client, foreign, (Code::InvalidArgument, "FOREIGN_HUB")),
    ] {
        let status = Forged { client, author, at: now }.send(&record).await;
        let (code, reason, entry) = said(&status);
        assert_eq!((code, reason.as_str(), entry), (expected.0, expected.1, None), "{what}: {status:?}");
    }

    // Bytes that are changed after they were signed; bytes that say more than is known, signed.
    let signed = Forged { client, author: own(), at: now }.sign(&record);
    let mut changed = signed.envelope.clone();
    changed.signatures[0].sig[5] ^= 1;
    let status = send(client, &changed, &record).await.unwrap_err();
    assert_eq!(said(&status), (Code::Unauthenticated, "SIGNATURE".to_owned(), None));
    // Field 500, of which no message knows.
    let more = [&signed.envelope.payload[..], &[0xa2, 0x1f, 0x01, 0x78]].concat();
    let more = Envelope::sign(key, &signed.envelope.payload_type, more).unwrap();
    let cut = signed.envelope.payload[..signed.envelope.payload.len() / 2].to_vec();
    let cut = Envelope::sign(key, &signed.envelope.payload_type, cut).unwrap();
    for envelope in [more, cut] {
        let status = send(client, &envelope, &record).await.unwrap_err();
        assert_eq!(said(&status), (Code::InvalidArgument, "MALFORMED".to_owned(), None), "{status:?}");
    }
    assert_eq!(world.log().await.size(), before);
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_one_hour_off_is_refused_with_evidence() {
    let world = World::begin().await;
    let registry = world.registry().await;
    let client = &registry.client;
    let record = registry.sign(&licences(1)[0], 1);
    for seconds in [-3_600, 3_600] {
        let author = Author { system: client.system(), hub: client.hub_domain(), key: client.signing_key() };
        let at = cli::now().unwrap().plus_seconds(seconds);
        let before = world.log().await.size();
        let status = Forged { client, author, at }.send(&record).await;
        assert_eq!(said(&status), (Code::FailedPrecondition, "CLOCK_SKEW".to_owned(), Some(before)), "{status:?}");
        assert_eq!(world.log().await.size(), before + 1);
    }
    let states = client.record_states(&resource_id(), &[record.published.handle]).await.unwrap();
    assert_eq!(states, [None], "what was refused has no effect");
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_request_sent_again_with_a_change_is_refused() {
    let world = World::begin().await;
    let registry = world.registry().await;
    let client = &registry.client;
    let records: Vec<_> = licences(2).iter().map(|licence| registry.sign(licence, 1)).collect();
    let author = || Author { system: client.system(), hub: client.hub_domain(), key: client.signing_key() };
    let first = Forged { client, author: author(), at: cli::now().unwrap() }.sign(&records[0]);
    send(client, &first.envelope, &records[0]).await.unwrap();
    let size = world.log().await.size();
    send(client, &first.envelope, &records[0]).await.unwrap();
    assert_eq!(world.log().await.size(), size, "the same bytes again are the same request");

    let Statement::Publication(header, mut publication) =
        wire::read_statement(&first.envelope.payload_type, &first.envelope.payload).unwrap()
    else {
        panic!("it is a publication");
    };
    publication.records = vec![records[1].published.clone()];
    let (payload_type, payload) = wire::encode_statement(&Statement::Publication(header, publication));
    let changed = Envelope::sign(client.signing_key(), &payload_type, payload).unwrap();
    let status = send(client, &changed, &records[1]).await.unwrap_err();
    assert_eq!(said(&status), (Code::AlreadyExists, "REQUEST_ID_REUSED".to_owned(), Some(size)), "{status:?}");
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_of_ten_megabytes_is_refused_by_its_size() {
    let world = World::begin().await;
    let client = world.client("permits").await;
    let before = world.log().await.size();
    let envelope = || Some(EnvelopeMessage { payload: vec![0; 10 << 20], ..EnvelopeMessage::default() });
    let query = SubmitQueryRequest { envelope: envelope(), openings: Vec::new() };
    let query = ExchangeServiceClient::new(client.channel()).submit_query(query).await.unwrap_err();
    let publication = PublishRecordsRequest { envelope: envelope(), bodies: Vec::new() };
    let publication = PublicationServiceClient::new(client.channel()).publish_records(publication).await.unwrap_err();
    for status in [query, publication] {
        assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
        assert!(status.message().contains("limit"), "{status:?}");
    }
    assert_eq!(world.log().await.size(), before);
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identifiers_mistyped_in_a_query_are_told_before_anything_is_sent() {
    let world = World::begin().await;
    let client = world.client("permits").await;
    let before = world.log().await.size();
    for by in [
        Lookup::Holder(vec!["91440399X000000786".to_owned()]),
        Lookup::Record(vec!["1.2.156.3005.2.11100000MB03271699991.11440399X00000019A.201500000001.001.6".to_owned()]),
    ] {
        let error = client.query(&question(by)).await.unwrap_err();
        assert!(matches!(error, Error::Input { .. }), "{error}");
        assert!(error.to_string().contains("check character"), "{error}");
    }
    let mut unknown = question(Lookup::Holder(vec!["91440399X000000785".to_owned()]));
    unknown.fields = ["KZ_NONSENSE".parse().unwrap()].into();
    let refused = client.query(&unknown).await.unwrap_err();
    let refused = refused.refused().unwrap();
    assert_eq!((refused.reason, refused.term.as_str()), (RefusalReason::FieldUnknown, "KZ_NONSENSE"));
    assert_eq!((refused.index, world.log().await.size()), (before, before + 1));
    world.require_no_panic();
}

/// Asks the hub who it is, with this certificate.
async fn ask(world: &World, issued: Option<&Issued>) -> Result<String, Status> {
    let settings: toml::Table = fs::read_to_string(world.folder.join("hutong.toml")).unwrap().parse().unwrap();
    let ca = fs::read_to_string(world.folder.join("pki/ca.pem")).unwrap();
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)).domain_name("localhost");
    if let Some(issued) = issued {
        tls = tls.identity(Identity::from_pem(&issued.certificate, issued.key.as_bytes()));
    }
    let endpoint = Endpoint::from_shared(format!("https://{}", settings["listen"].as_str().unwrap())).unwrap();
    let channel: Channel = endpoint.tls_config(tls).unwrap().timeout(Duration::from_secs(20)).connect_lazy();
    let answer = RuleServiceClient::new(channel).get_hub(GetHubRequest {}).await?;
    Ok(answer.into_inner().hub)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_are_not_the_hubs_are_turned_away_without_an_entry() {
    let world = World::begin().await;
    let before = world.log().await.size();
    let today = cli::today().unwrap();
    let system = |trust_domain: &str, department: &str| -> SystemId {
        SystemId::new(&trust_domain.parse().unwrap(), &department.parse().unwrap(), "permits").unwrap()
    };
    let own = world.authority();
    let known = own.issue_system(&system("hub.gov.example", HOUSING), today).unwrap();
    assert_eq!(ask(&world, Some(&known)).await.unwrap(), "hub.gov.example");

    let unregistered = own.issue_system(&system("hub.gov.example", TAXATION), today).unwrap();
    let (code, reason, _) = said(&ask(&world, Some(&unregistered)).await.unwrap_err());
    assert_eq!((code, reason.as_str()), (Code::PermissionDenied, "SYSTEM_NOT_REGISTERED"));
    let elsewhere = own.issue_system(&system("other.gov.example", HOUSING), today).unwrap();
    let (code, reason, _) = said(&ask(&world, Some(&elsewhere)).await.unwrap_err());
    assert_eq!((code, reason.as_str()), (Code::Unauthenticated, "PEER_IDENTITY"));

    let stranger = Authority::new("Somebody's CA", today).unwrap();
    let unknown_ca = stranger.issue_system(&system("hub.gov.example", HOUSING), today).unwrap();
    let server = own.issue_server(&["localhost".to_owned()], today).unwrap();
    for (what, issued) in
        [("an unknown CA", Some(&unknown_ca)), ("a server's certificate", Some(&server)), ("none", None)]
    {
        let status = ask(&world, issued).await.unwrap_err();
        assert!(status.get_error_details().error_info().is_none(), "{what}: the handshake must fail: {status:?}");
    }
    assert!(world.traces_read().contains("TLS handshake failed"));
    assert_eq!(world.log().await.size(), before);
    world.require_no_panic();
}

#[test]
fn settings_that_are_wrong_are_told_by_line_and_key() {
    let mut world = World::make();
    let path = world.folder.join("hutong.toml");
    let good = fs::read_to_string(&path).unwrap();
    let lines = good.lines().count();
    for (text, expected) in [
        (format!("lsten = 1\n{good}"), "line 1, column 1: unknown field `lsten`".to_owned()),
        (format!("{good}[web]\nport = 1\n"), format!("line {}, column 2: unknown field `web`", lines + 1)),
        (
            good.replacen("connections = ", "connections = 0 # ", 1),
            "limits.connections = 0: allowed is 1 to".to_owned(),
        ),
    ] {
        assert_ne!(text, good);
        fs::write(&path, text).unwrap();
        world.try_start().unwrap_err().fails(78, &[&expected]);
    }
    fs::write(&path, good).unwrap();
    world.start();
    world.stop();
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let mut world = World::make();
    world.start();
    let folder = world.folder.to_str().unwrap().to_owned();
    run(["serve", &folder]).fails(70, &["is in use by another process"]);
    run(["fsck", &folder]).fails(70, &["is in use by another process"]);
    let mut init = hutong(["init", "--development", "--domain", "hub.gov.example", &folder]);
    let output = init
        .args(["--administrator-uscc", crate::world::ADMINISTRATION, "--administrator-name", "样例市大数据局"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(73));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is a hub's folder already"));
    world.stop();
    run(["fsck", &folder]).well();
    world.require_no_panic();
}
