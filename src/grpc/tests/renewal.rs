//! Certificates and lists of revoked ones that change while the hub runs.

use std::{
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use tokio_rustls::TlsConnector;

use super::*;
use crate::{config::CrlPolicy, pki::CRL_DAYS};

const OTHER: &str = "spiffe://gov.example/department/11100000000013338W/system/other";

impl Edge {
    fn replace(&self, name: &str, text: &str) {
        files::replace(&self.folder.path().join(name), text.as_bytes(), Readable::ByOwner).unwrap();
    }

    /// A client over one connection, which is never made anew: what it is answered shows that the connection is open.
    async fn over_one_connection(&self, identity: &Issued) -> RuleServiceClient<Channel> {
        let (address, config) = (self.address, Arc::new(self.client_config(identity)));
        let connected = Arc::new(AtomicBool::new(false));
        let connector = tower::service_fn(move |_| {
            let (config, connected) = (Arc::clone(&config), Arc::clone(&connected));
            async move {
                if connected.swap(true, Ordering::SeqCst) {
                    return Err(std::io::Error::other("one connection is all there is"));
                }
                let stream = TcpStream::connect(address).await?;
                let name = ServerName::try_from("localhost").unwrap();
                Ok(TokioIo::new(TlsConnector::from(config).connect(name, stream).await?))
            }
        });
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        RuleServiceClient::new(endpoint.connect_with_connector(connector).await.unwrap())
    }

    fn client_config(&self, identity: &Issued) -> ClientConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(der(&self.authority.own().certificate)).unwrap();
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![der(&identity.certificate)], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }

    /// The name for which a server's certificate is taken now.
    async fn is_named(&self, name: &str) -> bool {
        let config = self.client_config(&self.system(ADMINISTRATOR));
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.is_ok()
    }
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn now() -> Time {
    Time::from_millis(jiff::Timestamp::now().as_millisecond()).unwrap()
}

async fn is_answered(client: &mut RuleServiceClient<Channel>) -> bool {
    // A system that is not registered is answered, too.
    match client.get_hub(GetHubRequest {}).await {
        Ok(_) => true,
        Err(status) => reason(&status) == "SYSTEM_NOT_REGISTERED",
    }
}

/// Whether a system gets through to the hub over a new connection.
async fn is_let_in(edge: &Edge, identity: &Issued) -> bool {
    match edge.ask(Some(identity.clone())).await {
        Ok(_) => true,
        Err(status) => reason(&status) == "SYSTEM_NOT_REGISTERED",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_taken_and_open_connections_go_on() {
    let edge = Edge::start(Limits::default()).await;
    let mut client = edge.over_one_connection(&edge.system(ADMINISTRATOR)).await;
    let renewed = edge.authority.issue_server(&["renewed".to_owned()], today()).unwrap();
    edge.tls.look(false);
    assert_eq!(edge.tls.standing().renewals, 0, "nothing changed");

    // Between the two files an operator may be interrupted: what was in force stays.
    edge.replace("server.key", &renewed.key);
    edge.tls.look(false);
    let standing = edge.tls.standing();
    assert_eq!((standing.renewals, standing.refusals, standing.is_refused), (0, 1, true));
    edge.tls.look(false);
    assert_eq!(edge.tls.standing().refusals, 1, "the same files are not refused again");
    assert!(edge.is_named("localhost").await && !edge.is_named("renewed").await);

    edge.replace("server.pem", &renewed.certificate);
    edge.tls.look(false);
    let standing = edge.tls.standing();
    assert_eq!((standing.renewals, standing.is_refused), (1, false));
    assert!(edge.is_named("renewed").await && !edge.is_named("localhost").await);
    assert!(is_answered(&mut client).await, "the connection was not dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_taken_leave_what_is_in_force() {
    let edge = Edge::start(Limits::default()).await;
    let long_ago = days_before(now(), 500);
    let ended = edge.authority_at(long_ago).issue_server(&["localhost".to_owned()], long_ago.civil_day(0)).unwrap();
    let own = edge.authority.issue_server(&["localhost".to_owned()], today()).unwrap();
    let good = [("server.pem", own.certificate.as_str()), ("server.key", own.key.as_str())];
    for (what, changes) in [
        ("no certificate", vec![("server.pem", "garbage")]),
        ("no key", vec![("server.key", "garbage")]),
        ("no authority", vec![("ca.pem", "")]),
        ("an ended certificate", vec![("server.pem", &*ended.certificate), ("server.key", &*ended.key)]),
    ] {
        changes.iter().for_each(|(name, text)| edge.replace(name, text));
        edge.tls.look(false);
        assert!(edge.tls.standing().is_refused, "{what}");
        edge.ask(Some(edge.system(ADMINISTRATOR))).await.unwrap();
        good.iter().for_each(|(name, text)| edge.replace(name, text));
        edge.replace("ca.pem", &edge.authority.own().certificate);
        edge.tls.look(false);
        assert!(!edge.tls.standing().is_refused, "after {what}");
    }
    std::fs::remove_file(edge.folder.path().join("server.key")).unwrap();
    edge.tls.look(true);
    assert!(edge.tls.standing().is_refused, "a file that is gone");
    edge.ask(Some(edge.system(ADMINISTRATOR))).await.unwrap();
}

impl Edge {
    /// An authority of the same name that began some time ago.
    fn authority_at(&self, time: Time) -> Authority {
        Authority::new("Test CA", time.civil_day(0)).unwrap()
    }
}

fn days_before(time: Time, days: i64) -> Time {
    time.plus_seconds(-days * 86_400)
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_an_authority_that_no_longer_counts_are_closed() {
    let edge = Edge::start(Limits::default()).await;
    let system = edge.system(ADMINISTRATOR);
    let mut client = edge.over_one_connection(&system).await;
    assert!(is_answered(&mut client).await);
    let next = Authority::new("Next CA", today()).unwrap();
    let both = format!("{}{}", edge.authority.own().certificate, next.own().certificate);
    edge.replace("ca.pem", &both);
    edge.tls.look(false);
    assert!(is_answered(&mut client).await, "both count");
    edge.replace("ca.pem", &next.own().certificate);
    edge.tls.look(false);
    assert!(!is_answered(&mut client).await);
    assert!(!is_let_in(&edge, &system).await);
    assert!(is_let_in(&edge, &next.issue_system(&ADMINISTRATOR.parse().unwrap(), today()).unwrap()).await);
}

/// An edge whose authority has revoked nobody yet.
async fn with_crl(missing: CrlPolicy, expired: CrlPolicy) -> Edge {
    Edge::start_with(Limits::default(), |authority, files| {
        let path = files.certificate.with_file_name("ca.crl");
        let list = authority.revoke(None, &[], now(), CRL_DAYS).unwrap();
        files::create(&path, list.crl.as_bytes(), Readable::ByAll).unwrap();
        (files.crls, files.crl_missing, files.crl_expired) = (vec![path], missing, expired);
    })
    .await
}

/// Shuts `revoked` out by a list that `revoke` makes, and nobody else.
async fn require_revoked(edge: &Edge, (revoked, other): (&Issued, &Issued), revoke: impl FnOnce()) {
    let (mut its_own, mut others) = (edge.over_one_connection(revoked).await, edge.over_one_connection(other).await);
    assert!(is_answered(&mut its_own).await && is_answered(&mut others).await);
    revoke();
    edge.tls.look(false);
    assert!(!edge.tls.standing().is_refused);
    assert!(!is_answered(&mut its_own).await, "its open connection was closed");
    assert!(!is_let_in(edge, revoked).await);
    assert!(is_answered(&mut others).await, "another's was not");
    assert!(is_let_in(edge, other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_is_shut_out_with_its_open_connections_and_nobody_else_is() {
    let edge = with_crl(CrlPolicy::Refuse, CrlPolicy::Refuse).await;
    let (revoked, other) = (edge.system(OTHER), edge.system(ADMINISTRATOR));
    require_revoked(&edge, (&revoked, &other), || {
        let list = edge.authority.revoke(None, std::slice::from_ref(&revoked.certificate), now(), CRL_DAYS).unwrap();
        edge.replace("ca.crl", &list.crl);
    })
    .await;
    let ends = edge.tls.standing().crls_end.unwrap();
    assert!((29..=30).contains(&((ends - now().as_seconds()) / 86_400)), "{ends}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_another_maker_is_understood_in_pem_and_der() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: there is no openssl here to make lists of revoked certificates");
        return;
    }
    let edge = with_crl(CrlPolicy::Refuse, CrlPolicy::Refuse).await;
    let work = edge.folder.path().to_owned();
    edge.replace("openssl-ca.pem", &edge.authority.own().certificate);
    edge.replace("openssl-ca.key", &edge.authority.own().key);
    edge.replace("openssl.cnf", OPENSSL);
    edge.replace("index.txt", "");
    edge.replace("crlnumber", "01\n");
    for (name, der) in [(OTHER, false), (&*OTHER.replace("other", "another"), true)] {
        let (revoked, other) = (edge.system(name), edge.system(ADMINISTRATOR));
        require_revoked(&edge, (&revoked, &other), || {
            edge.replace("revoked.pem", &revoked.certificate);
            openssl(&work, &["ca", "-config", "openssl.cnf", "-revoke", "revoked.pem"]);
            openssl(&work, &["ca", "-config", "openssl.cnf", "-gencrl", "-out", "made.crl"]);
            let form = if der { "DER" } else { "PEM" };
            openssl(&work, &["crl", "-in", "made.crl", "-outform", form, "-out", "ca.crl"]);
        })
        .await;
    }
}

/// The least that `openssl ca` needs.
const OPENSSL: &str = "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\ncrlnumber = crlnumber\ncertificate = openssl-ca.pem\n\
    private_key = openssl-ca.key\ndefault_md = sha256\ndefault_crl_days = 30\n";

fn openssl(folder: &Path, arguments: &[&str]) {
    let run = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
    assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_list_counts_the_settings_decide() {
    let foreign = |edge: &Edge| {
        let foreign = Authority::new("Another CA", today()).unwrap();
        edge.replace("ca.crl", &foreign.revoke(None, &[], now(), CRL_DAYS).unwrap().crl);
    };
    let ended = |edge: &Edge| {
        edge.replace("ca.crl", &edge.authority.revoke(None, &[], days_before(now(), 40), CRL_DAYS).unwrap().crl);
    };
    let (refuse, accept) = (CrlPolicy::Refuse, CrlPolicy::Accept);
    type Change<'a> = &'a dyn Fn(&Edge);
    let table: [(Change<'_>, CrlPolicy, CrlPolicy, bool); 4] = [
        (&foreign, refuse, accept, false),
        (&foreign, accept, refuse, true),
        (&ended, accept, refuse, false),
        (&ended, refuse, accept, true),
    ];
    for (case, (change, missing, expired, let_in)) in table.into_iter().enumerate() {
        let edge = with_crl(missing, expired).await;
        let system = edge.system(ADMINISTRATOR);
        let mut client = edge.over_one_connection(&system).await;
        change(&edge);
        edge.tls.look(false);
        assert!(!edge.tls.standing().is_refused, "case {case}");
        assert_eq!(is_answered(&mut client).await, let_in, "case {case}");
        assert_eq!(is_let_in(&edge, &system).await, let_in, "case {case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_does_not_read_leaves_the_one_before_in_force() {
    let edge = with_crl(CrlPolicy::Refuse, CrlPolicy::Refuse).await;
    let revoked = edge.system(OTHER);
    let list = edge.authority.revoke(None, std::slice::from_ref(&revoked.certificate), now(), CRL_DAYS).unwrap().crl;
    edge.replace("ca.crl", &list);
    edge.tls.look(false);
    let cut = list.split_at(list.len() / 2).0.to_owned();
    for broken in [cut.as_str(), "", "garbage", &edge.authority.own().certificate] {
        edge.replace("ca.crl", broken);
        edge.tls.look(false);
        assert!(edge.tls.standing().is_refused, "{broken}");
        assert!(!is_let_in(&edge, &revoked).await && is_let_in(&edge, &edge.system(ADMINISTRATOR)).await);
    }
}
