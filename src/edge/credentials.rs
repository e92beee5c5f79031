//! TLS as it is in force, and taken anew from its files while the hub runs.
//!
//! Certificate, key, authorities and lists of revoked certificates are taken together or not at all: where any of them is broken
//! or does not fit, what was in force stays. A connection that is open when something new comes into force is held to it as a
//! handshake would be.

use std::{
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rustls::{ServerConfig, server::danger::ClientCertVerifier};
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::{sync::watch, time::timeout};
use tracing::{error, info};

use super::{
    Error,
    tls::{Protocol, read},
};
use crate::{config::TlsFiles, domain::time::Time};

/// How often the files are looked at: certificates are renewed days before they end, and who is revoked is shut out within this
/// time.
pub const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How often an open connection is held to what is in force though nothing was renewed: certificates end, and lists of revoked
/// ones. It costs a connection some 0.2 ms.
const HOLD_EVERY: Duration = Duration::from_secs(3_600);

/// What was made of the files at one time.
pub(super) struct InForce {
    pub(super) grpc: Arc<ServerConfig>,
    pub(super) http: Arc<ServerConfig>,
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// When the hub's own certificate ends, in seconds since 1970.
    pub(super) certificate_ends: i64,
    /// When the first of the lists of revoked certificates ends, in seconds since 1970.
    pub(super) crls_end: Option<i64>,
}

/// How it stands with TLS, for those who watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// When the hub's own certificate ends, in seconds since 1970.
    pub certificate_ends: i64,
    /// When the first of the lists of revoked certificates ends, in seconds since 1970; none where there are none.
    pub crls_end: Option<i64>,
    /// How often changed files were taken.
    pub renewals: u64,
    /// How often changed files were refused.
    pub refusals: u64,
    /// Whether the files are others than what is in force, for they were refused.
    pub is_refused: bool,
}

/// What is known of a file without reading it; `None` where it is not there.
type Mark = Option<(u64, u64, i64, i64)>;

/// TLS in force, and the files that it is taken from.
pub struct Credentials {
    files: TlsFiles,
    in_force: watch::Sender<Arc<InForce>>,
    /// The files as they were looked at last.
    seen: Mutex<Vec<Mark>>,
    renewals: AtomicU64,
    refusals: AtomicU64,
    is_refused: AtomicBool,
}

impl Credentials {
    /// Takes the files for the first time.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Certificate`], [`Error::Tls`].
    pub fn open(files: TlsFiles) -> Result<Arc<Self>, Error> {
        // The marks first: what changes while it is read is looked at again.
        let seen = marks(&files);
        let in_force = Arc::new(read(&files)?);
        Ok(Arc::new(Self {
            files,
            in_force: watch::Sender::new(in_force),
            seen: Mutex::new(seen),
            renewals: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            is_refused: AtomicBool::new(false),
        }))
    }

    /// Looks at the files, and takes them if they changed, or if that is `asked` for. What came of it is traced. Blocks for the
    /// time of some small reads.
    pub fn look(&self, asked: bool) {
        let marks = marks(&self.files);
        let is_new = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = asked || *seen != marks;
            *seen = marks;
            is_new
        };
        // What was refused is tried again each time: the disk may have failed, and not the files.
        if !is_new && !self.is_refused.load(Ordering::Relaxed) {
            return;
        }
        let taken = read(&self.files).and_then(|taken| {
            let now = i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX);
            if taken.certificate_ends > now {
                return Ok(taken);
            }
            let path = self.files.certificate.display().to_string();
            Err(Error::Certificate { path, problem: "the certificate has ended".to_owned() })
        });
        self.is_refused.store(taken.is_err(), Ordering::Relaxed);
        match taken {
            Ok(taken) => {
                self.renewals.fetch_add(1, Ordering::Relaxed);
                info!(
                    certificate_ends = %in_words(taken.certificate_ends),
                    crls_end = taken.crls_end.map(in_words),
                    "took the TLS files anew; open connections are held to them"
                );
                self.in_force.send_replace(Arc::new(taken));
            }
            // Once is enough to say so.
            Err(_) if !is_new => {}
            Err(error) => {
                self.refusals.fetch_add(1, Ordering::Relaxed);
                error!(%error, "the TLS files were not taken: those taken before stay in force");
            }
        }
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        let in_force = self.in_force.borrow();
        Standing {
            certificate_ends: in_force.certificate_ends,
            crls_end: in_force.crls_end,
            renewals: self.renewals.load(Ordering::Relaxed),
            refusals: self.refusals.load(Ordering::Relaxed),
            is_refused: self.is_refused.load(Ordering::Relaxed),
        }
    }

    /// How the next handshake is made.
    pub fn config(&self, protocol: Protocol) -> Arc<ServerConfig> {
        let in_force = self.in_force.borrow();
        Arc::clone(match protocol {
            Protocol::Grpc => &in_force.grpc,
            Protocol::Http => &in_force.http,
        })
    }

    /// Resolves, with the reason, once a peer's certificates are no longer taken: revoked, ended, or of an authority that no
    /// longer counts.
    pub(super) async fn until_void(self: Arc<Self>, chain: Vec<CertificateDer<'static>>) -> String {
        let mut renewed = self.in_force.subscribe();
        loop {
            let in_force = Arc::clone(&renewed.borrow_and_update());
            let Some((own, rest)) = chain.split_first() else {
                // Without a certificate there is nothing that could be void.
                return std::future::pending().await;
            };
            if let Err(error) = in_force.verifier.verify_client_cert(own, rest, UnixTime::now()) {
                return error.to_string();
            }
            // Nobody but `self` sends, so waiting fails with time alone.
            let _ = timeout(HOLD_EVERY, renewed.changed()).await;
        }
    }
}

/// A time in seconds since 1970, for people.
fn in_words(seconds: i64) -> String {
    Time::from_millis(seconds.saturating_mul(1_000)).map_or_else(|| seconds.to_string(), |time| time.to_string())
}

fn marks(files: &TlsFiles) -> Vec<Mark> {
    let mark = |path: &Path| {
        let found = path.metadata().ok()?;
        Some((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
    };
    let own = [&files.certificate, &files.key, &files.client_ca];
    own.into_iter().chain(&files.crls).map(|path| mark(path)).collect()
}
