//! Behaviour of the edge over real connections on loopback.

mod renewal;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};
use tonic::{
    Code, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_types::StatusExt as _;

use super::{Error, Server, serve};
use crate::{
    config::{Limits, TlsFiles},
    domain::{
        directory::Capability,
        id::{KeyId, SystemId},
        statement::{DECISION_VERSION, FirstDepartment, FirstSystem, Genesis, Policy},
        time::{Date, Time},
    },
    edge::Credentials,
    files::{self, Readable},
    hub::{Hub, Parts, SystemClock, open_log},
    pki::{Authority, Issued},
    sign::{LogSigner, Secret, SigningKey, SystemRandomness, sealing::VaultKey},
    store::memory,
    tlog::{Hash, leaf_hash},
    wire::proto::{
        Envelope, GetHubRequest, ListDepartmentsRequest, PublishRecordsRequest, ReadEntriesRequest,
        audit_service_client::AuditServiceClient, publication_service_client::PublicationServiceClient,
        rule_service_client::RuleServiceClient,
    },
};

const ADMINISTRATOR: &str = "spiffe://gov.example/department/11100000000013338W/system/administration";
const TODAY: Date = Date::constant(2026, 3, 1);

/// A server on loopback and the authority of its peers.
struct Edge {
    address: SocketAddr,
    authority: Authority,
    folder: TempDir,
    tls: Arc<Credentials>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), Error>>,
}

impl Edge {
    async fn start(limits: Limits) -> Self {
        Self::start_with(limits, |_, _| ()).await
    }

    /// With other TLS files, in its folder.
    async fn start_with(limits: Limits, change: impl FnOnce(&Authority, &mut TlsFiles)) -> Self {
        let authority = Authority::new("Test CA", today()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            files::create(&path, text.as_bytes(), Readable::ByOwner).unwrap();
            path
        };
        let own = authority.issue_server(&["localhost".to_owned()], today()).unwrap();
        let mut files = TlsFiles {
            certificate: put("server.pem", &own.certificate),
            key: put("server.key", &own.key),
            client_ca: put("ca.pem", &authority.own().certificate),
            ..TlsFiles::default()
        };
        change(&authority, &mut files);
        let tls = Credentials::open(files).unwrap();
        let (hub, genesis_leaf_hash) = hub();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = Server { hub, genesis_leaf_hash, tls: Arc::clone(&tls), limits };
        let served = tokio::spawn(serve(server, listener, async {
            let _ = stopped.await;
        }));
        Self { address, authority, folder, tls, stop, served }
    }

    fn system(&self, id: &str) -> Issued {
        self.authority.issue_system(&id.parse().unwrap(), today()).unwrap()
    }

    /// A channel with this certificate; it connects with the first call.
    fn channel(&self, identity: Option<Issued>) -> Channel {
        let mut tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.authority.own().certificate))
            .domain_name("localhost");
        if let Some(issued) = identity {
            tls = tls.identity(Identity::from_pem(&issued.certificate, issued.key.as_bytes()));
        }
        let endpoint = Endpoint::from_shared(format!("https://{}", self.address)).unwrap();
        endpoint.tls_config(tls).unwrap().timeout(Duration::from_secs(10)).connect_lazy()
    }

    async fn ask(&self, identity: Option<Issued>) -> Result<String, Status> {
        let answer = RuleServiceClient::new(self.channel(identity)).get_hub(GetHubRequest {}).await?;
        Ok(answer.into_inner().hub)
    }
}

/// The peers check validity by the machine's clock.
fn today() -> Date {
    Time::from_millis(jiff::Timestamp::now().as_millisecond()).unwrap().civil_day(0)
}

fn hub() -> (Arc<Hub>, Hash) {
    let key = SigningKey::from_seed(&Secret::from_bytes(&[1; 32])).unwrap();
    let signer = LogSigner::new("hub.example/exchange-log/2026".parse().unwrap(), key);
    let administrator: SystemId = ADMINISTRATOR.parse().unwrap();
    let system_key = SigningKey::from_seed(&Secret::from_bytes(&[2; 32])).unwrap();
    let system_key = system_key.verifying_key();
    let genesis = Genesis {
        hub: "hub.example".parse().unwrap(),
        origin: "hub.example/exchange-log/2026".to_owned(),
        trust_domain: "gov.example".parse().unwrap(),
        administrators: vec![FirstDepartment {
            uscc: *administrator.department(),
            name: "某市数据局".to_owned(),
            systems: vec![FirstSystem {
                system: administrator,
                capabilities: BTreeSet::from([Capability::Administer, Capability::Audit]),
                keys: vec![(KeyId(*system_key.thumbprint()), *system_key.as_bytes())],
            }],
        }],
        policy: Policy::default(),
        decision_version: DECISION_VERSION,
        created_at: Time::start_of(TODAY, 0),
        previous: None,
    };
    let mut store = memory::store();
    open_log(store.log.as_mut(), &signer, genesis).unwrap();
    let genesis_leaf_hash = leaf_hash(&store.reader.entries(0, 1, 1).unwrap()[0]);
    let blind_index = VaultKey::new(Secret::from_bytes(&[3; 32])).blind_index();
    let parts = Parts {
        store,
        blind_index,
        log_signer: signer,
        seal_trust: crate::seal::TrustAnchors::default(),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandomness::new()),
    };
    (Hub::open(parts, |_, _| ()).unwrap(), genesis_leaf_hash)
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_system_is_answered_and_others_learn_what_is_wrong() {
    let edge = Edge::start(Limits::default()).await;
    assert_eq!(edge.ask(Some(edge.system(ADMINISTRATOR))).await.unwrap(), "hub.example");

    let unregistered = edge.ask(Some(edge.system(&ADMINISTRATOR.replace("administration", "other")))).await;
    let unregistered = unregistered.unwrap_err();
    assert_eq!(
        (unregistered.code(), reason(&unregistered).as_str()),
        (Code::PermissionDenied, "SYSTEM_NOT_REGISTERED")
    );

    let foreign = edge.ask(Some(edge.system(&ADMINISTRATOR.replace("gov.example", "other.example")))).await;
    let foreign = foreign.unwrap_err();
    assert_eq!((foreign.code(), reason(&foreign).as_str()), (Code::Unauthenticated, "PEER_IDENTITY"));
    assert!(foreign.message().contains("is of the trust domain other.example: allowed is gov.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_without_a_certificate_of_the_hubs_authorities_is_not_answered() {
    let edge = Edge::start(Limits::default()).await;
    assert!(edge.ask(None).await.is_err());
    let stranger = Authority::new("Test CA", today()).unwrap();
    let forged = stranger.issue_system(&ADMINISTRATOR.parse().unwrap(), today()).unwrap();
    assert!(edge.ask(Some(forged)).await.is_err());
    // A server's certificate of the right authority is no client's.
    let server = edge.authority.issue_server(&["localhost".to_owned()], today()).unwrap();
    assert!(edge.ask(Some(server)).await.is_err());
}

/// A ClientHello of TLS 1.2: without the extension that names newer versions.
fn client_hello_1_2() -> Vec<u8> {
    let mut hello = vec![0x03, 0x03];
    hello.extend([7; 32]);
    hello.push(0);
    // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    hello.extend([0x00, 0x02, 0xc0, 0x2b]);
    hello.extend([0x01, 0x00]);
    // supported_groups: secp256r1; ec_point_formats: uncompressed; signature_algorithms: ecdsa_secp256r1_sha256
    let extensions = [
        &[0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17][..],
        &[0x00, 0x0b, 0x00, 0x02, 0x01, 0x00],
        &[0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x04, 0x03],
    ]
    .concat();
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let mut handshake = vec![0x01, 0x00];
    handshake.extend((hello.len() as u16).to_be_bytes());
    handshake.extend(hello);
    let mut record = vec![0x16, 0x03, 0x01];
    record.extend((handshake.len() as u16).to_be_bytes());
    record.extend(handshake);
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_2_is_refused_by_the_alert_that_says_so() {
    let edge = Edge::start(Limits::default()).await;
    let mut stream = TcpStream::connect(edge.address).await.unwrap();
    stream.write_all(&client_hello_1_2()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    // Alert record, fatal, protocol_version (70).
    assert_eq!((answer[0], &answer[5..7]), (0x15, &[2, 70][..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handshake_is_cut_off_and_holds_up_nobody() {
    let edge = Edge::start(Limits { handshake_seconds: 1, ..Limits::default() }).await;
    let started = Instant::now();
    let mut silent = TcpStream::connect(edge.address).await.unwrap();
    edge.ask(Some(edge.system(ADMINISTRATOR))).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(1), "the silent peer held up another");
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_are_closed_at_once_and_free_their_place() {
    let edge = Edge::start(Limits { connections: 1, handshake_seconds: 30, ..Limits::default() }).await;
    let first = TcpStream::connect(edge.address).await.unwrap();
    let mut second = TcpStream::connect(edge.address).await.unwrap();
    assert_eq!(second.read(&mut [0]).await.unwrap_or(0), 0);
    drop(first);
    let deadline = Instant::now() + Duration::from_secs(5);
    while edge.ask(Some(edge.system(ADMINISTRATOR))).await.is_err() {
        assert!(Instant::now() < deadline, "the place was never free again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_beyond_the_limit_is_refused() {
    let edge = Edge::start(Limits::default()).await;
    let mut client = PublicationServiceClient::new(edge.channel(Some(edge.system(ADMINISTRATOR))));
    let envelope = Envelope { payload: vec![0; 10_000_000], ..Envelope::default() };
    let request = PublishRecordsRequest { envelope: Some(envelope), bodies: Vec::new() };
    let status = client.publish_records(request).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert!(status.message().contains("8388608"), "{}", status.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_arguments_are_named() {
    let edge = Edge::start(Limits::default()).await;
    let mut client = RuleServiceClient::new(edge.channel(Some(edge.system(ADMINISTRATOR))));
    let status = client.list_departments(ListDepartmentsRequest { page_size: 1001, ..Default::default() }).await;
    let status = status.unwrap_err();
    assert_eq!(status.get_error_details().bad_request().unwrap().field_violations[0].field, "page_size");
    let page = client.list_departments(ListDepartmentsRequest::default()).await.unwrap().into_inner();
    assert_eq!((page.departments.len(), page.next_page_token.as_str()), (1, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_stream_to_their_end() {
    let edge = Edge::start(Limits::default()).await;
    let mut client = AuditServiceClient::new(edge.channel(Some(edge.system(ADMINISTRATOR))));
    let mut stream = client.read_entries(ReadEntriesRequest::default()).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!((first.start, first.entries.len()), (0, 1));
    assert!(stream.message().await.unwrap().is_none());
    let beyond = client.read_entries(ReadEntriesRequest { start: 0, end: 2 }).await.unwrap_err();
    assert_eq!(beyond.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_the_services_and_health_says_that_they_serve() {
    use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let edge = Edge::start(Limits::default()).await;
    let channel = edge.channel(Some(edge.system(ADMINISTRATOR)));
    let health = HealthClient::new(channel.clone())
        .check(HealthCheckRequest { service: "hutong.v1.ExchangeService".to_owned() })
        .await
        .unwrap();
    assert_eq!(health.into_inner().status(), ServingStatus::Serving);

    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) = answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("no list of services");
    };
    let names: BTreeSet<_> = list.service.into_iter().map(|service| service.name).collect();
    for service in ["ExchangeService", "PublicationService", "RuleService", "AuditService"] {
        assert!(names.contains(&format!("hutong.v1.{service}")), "{names:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_is_at_work_and_ends() {
    let edge = Edge::start(Limits { drain_seconds: 5, ..Limits::default() }).await;
    let channel = edge.channel(Some(edge.system(ADMINISTRATOR)));
    RuleServiceClient::new(channel.clone()).get_hub(GetHubRequest {}).await.unwrap();
    edge.stop.send(()).unwrap();
    let served = tokio::time::timeout(Duration::from_secs(5), edge.served).await;
    served.expect("an idle connection must not hold up the end").unwrap().unwrap();
    assert!(TcpStream::connect(edge.address).await.is_err());
    drop(channel);
}
