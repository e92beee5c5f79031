//! `hutong serve`: composes a hub of its folder, and serves it.

mod beside;

use std::{
    fmt, fs,
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use self::beside::{Beside, listen};
use super::{Exit, OrExit as _, Output, Run};
use crate::{
    config::{CONTRADICTION, Settings},
    domain::time::Moment,
    edge::{Credentials, LOOK_EVERY},
    files::{self, Readable},
    grpc,
    hub::{Hub, Parts, SystemClock},
    seal::TrustAnchors,
    sign::{DrawnAhead, LogSigner, SystemRandomness},
    store::embedded,
    telemetry,
    tlog::{Hash, leaf_hash},
};

/// How long threads that are still reading when everything is answered may take to end.
const LAST_READS: Duration = Duration::from_secs(1);

/// Threads for blocking work, of which a decision is mostly computing, for each CPU: one computes while another waits for
/// the disk. Under load these never sleep, where one for every call in flight would only switch with the others.
const BLOCKING_PER_CPU: usize = 2;

/// How often is looked whether something is due about openings: both what ages and what is told goes by days.
const TEND_EVERY: Duration = Duration::from_secs(3_600);

/// After how many entries caught up with a start says how far it is.
const PROGRESS: u64 = 100_000;

/// Run the hub of a folder, until SIGTERM or SIGINT
///
/// When it takes calls it prints its address on stdout. Traces go to stderr. On a signal it takes no more calls,
/// answers those at work, and ends. Certificates and lists of revoked ones are taken anew when their files change, within a
/// minute, and at once on SIGHUP.
#[derive(Args)]
pub(super) struct Serve {
    /// The hub's folder, as `hutong init` made it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// What is printed when the hub takes calls.
#[derive(Serialize)]
struct Listening {
    listening: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<String>,
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listening on {}", self.listening)?;
        match &self.http {
            Some(url) => write!(f, "\nserving the log on {url}"),
            None => Ok(()),
        }
    }
}

impl Run for Serve {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let settings = Settings::read(&self.folder).or_exit(Exit::Config, "cannot use the hub's settings")?;
        telemetry::start(&settings.trace);
        if settings.high_water_path.is_none() {
            warn!(
                "no high_water_path is set: that the log was rolled back, such as by a restored backup, would not be noticed"
            );
        }
        let tls = Credentials::open(settings.tls.clone()).or_exit(Exit::Config, "cannot use the hub's certificates")?;
        let (hub, genesis_leaf_hash) = open(&self.folder, &settings)?;
        require_continuation(&self.folder.join(CONTRADICTION), &hub)?;
        let beside = Beside::start(&self.folder, &settings, &hub, &tls)?;
        let cpus = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(cpus * BLOCKING_PER_CPU)
            .build();
        let runtime = runtime.context("cannot start the asynchronous runtime")?;
        let served = runtime.block_on(async {
            let listener = listen(settings.listen).await?;
            let stop = Stop::new(Arc::clone(&hub))?;
            let hangup = signal(SignalKind::hangup()).context("cannot wait for signals")?;
            let listening = listener.local_addr()?;
            info!(address = %listening, entries = hub.snapshot().size, "listening");
            output.print(&Listening { listening, http: beside.url().map(str::to_owned) })?;
            let failure = Arc::clone(&stop.failure);
            let renewing = tokio::spawn(renew(Arc::clone(&tls), hangup));
            let server =
                grpc::Server { hub: Arc::clone(&hub), genesis_leaf_hash, tls, limits: settings.limits.clone() };
            let tending = tokio::spawn(tend(Arc::clone(&hub), settings.openings.keep_days));
            let stop = async {
                stop.wait().await;
                beside.begin_stop();
            };
            let answered = grpc::serve(server, listener, stop).await;
            tending.abort();
            renewing.abort();
            answered?;
            Ok::<_, anyhow::Error>(failure.get().cloned())
        });
        beside.end(LAST_READS);
        runtime.shutdown_timeout(LAST_READS);
        let stopped = hub.stop();
        if let Some(contradiction) = hub.contradiction() {
            let path = self.folder.join(CONTRADICTION);
            files::replace(&path, contradiction.checkpoint.as_bytes(), Readable::ByAll)?;
        }
        if let Some(failure) = served? {
            bail!("the hub had to end: {failure}");
        }
        stopped.context("the hub did not stop in order; nothing is lost")?;
        info!("stopped");
        Ok(Exit::Success)
    }
}

/// A hub that was halted by a checkpoint starts again only when its log continues it.
fn require_continuation(path: &Path, hub: &Hub) -> anyhow::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let heard = hub.hear(files::read_text(path)?.as_bytes());
    if let Some(contradiction) = hub.contradiction() {
        bail!("the hub was halted by the checkpoint in {}, and is as it was: {}", path.display(), contradiction.reason);
    }
    heard?;
    info!("the log continues the checkpoint that had halted the hub");
    Ok(fs::remove_file(path)?)
}

/// Does what is due about openings, and reminds of what is due from departments, as long as the hub runs. What fails is tried again
/// the next time.
async fn tend(hub: Arc<Hub>, keep_days: Option<u32>) {
    let mut reminded = None;
    loop {
        let today = hub.now().civil_day(hub.snapshot().rules.policy.civil_day_offset_seconds);
        if reminded.replace(today) != Some(today) {
            remind(&hub);
        }
        match hub.tend_openings(keep_days).await {
            Ok(0) => {}
            Ok(erased) => info!(erased, "erased the openings that were kept long enough"),
            Err(problem) => warn!(%problem, "what is due about openings could not be done yet"),
        }
        tokio::time::sleep(TEND_EVERY).await;
    }
}

/// Takes renewed certificates and lists of revoked ones, as long as the hub runs: at once on SIGHUP, and every so often.
async fn renew(tls: Arc<Credentials>, mut hangup: Signal) {
    loop {
        let asked = tokio::select! {
            received = hangup.recv() => received.is_some(),
            () = tokio::time::sleep(LOOK_EVERY) => false,
        };
        let tls = Arc::clone(&tls);
        // A panic was told by its hook.
        let _ = tokio::task::spawn_blocking(move || tls.look(asked)).await;
    }
}

/// How many overdue answers are named in the trace log of a day; all are counted, and `hutong agreement list --overdue` lists them.
const MAX_REMINDERS: usize = 100;

/// Tells, once a civil day, which answers are overdue. Agreements and departments are no personal data.
fn remind(hub: &Hub) {
    let (waiting, overdue) = hub.pending_answers();
    if waiting.is_empty() {
        return;
    }
    info!(waiting = waiting.len(), overdue, "proposals of agreements wait for an answer");
    let now = Moment::new(hub.now());
    let late = waiting.iter().filter(|(_, pending)| pending.is_overdue(&now));
    for (agreement, pending) in late.take(MAX_REMINDERS) {
        let due = pending.due.as_ref().map(|due| due.day.to_string()).unwrap_or_default();
        warn!(%agreement, awaited = ?pending.awaited, due, "an answer is overdue");
    }
}

/// Opens the hub of a folder; gives with it the leaf hash of entry 0.
fn open(folder: &Path, settings: &Settings) -> anyhow::Result<(Arc<Hub>, Hash)> {
    let name = settings.origin().parse().or_exit(Exit::Config, "the log's origin is no key name")?;
    let log_key = settings.read_log_key().or_exit(Exit::Config, "cannot use the log's key")?;
    let vault_key = settings.read_vault_key().or_exit(Exit::Config, "cannot use the vault key")?;
    let options =
        embedded::Options { high_water_path: settings.high_water_path.clone(), ..embedded::Options::default() };
    let random = Arc::new(DrawnAhead::new(SystemRandomness::new()));
    let store = embedded::open(&settings.store, &vault_key, Arc::clone(&random) as _, &options)
        .with_context(|| format!("cannot open the hub in {}", folder.display()))?;

    let first = store.reader.entries(0, 1, 1)?;
    let genesis_leaf_hash = leaf_hash(first.first().context("the log has no genesis entry")?);
    let seal_trust = settings.seals.trust.as_deref().map(TrustAnchors::read).transpose();
    let parts = Parts {
        store,
        blind_index: vault_key.blind_index(),
        log_signer: LogSigner::new(name, log_key),
        seal_trust: seal_trust.or_exit(Exit::Config, "cannot use the trust anchors of e-seals")?.unwrap_or_default(),
        clock: Arc::new(SystemClock),
        random,
    };
    let mut said = 0;
    let hub = Hub::open(parts, |done, of| {
        if done / PROGRESS > said {
            said = done / PROGRESS;
            info!(done, of, "catching up with the log");
        }
    })
    .with_context(|| format!("cannot open the hub in {}", folder.display()))?;
    check_identity(&hub, settings)?;
    Ok((hub, genesis_leaf_hash))
}

/// What genesis fixed must be what the settings say: a hub that claimed another name would void its statements.
fn check_identity(hub: &Hub, settings: &Settings) -> anyhow::Result<()> {
    let snapshot = hub.snapshot();
    let rules = &snapshot.rules;
    let settled = [
        ("hub", rules.hub.as_str(), settings.hub.as_str()),
        ("trust_domain", rules.trust_domain.as_str(), settings.trust_domain.as_str()),
        ("the log's origin", rules.origin.as_str(), &settings.origin()),
    ];
    let check = || {
        for (what, fixed, said) in settled {
            ensure!(fixed == said, "{what} is {fixed:?} since genesis, the settings say {said:?}");
        }
        Ok(())
    };
    check().or_exit(Exit::Config, "the settings are not of the hub in this folder")
}

/// When to stop: on a signal, or when the hub has failed.
struct Stop {
    hub: Arc<Hub>,
    terminate: Signal,
    interrupt: Signal,
    failure: Arc<std::sync::OnceLock<String>>,
}

impl Stop {
    /// Takes the signals from now on.
    fn new(hub: Arc<Hub>) -> anyhow::Result<Self> {
        let cannot = "cannot wait for signals";
        let terminate = signal(SignalKind::terminate()).context(cannot)?;
        let interrupt = signal(SignalKind::interrupt()).context(cannot)?;
        Ok(Self { hub, terminate, interrupt, failure: Arc::default() })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => info!("received SIGTERM"),
            _ = self.interrupt.recv() => info!("received SIGINT"),
            reason = self.hub.failed() => {
                error!(reason, "the hub has failed and must end");
                // It is the only one to say so.
                let _ = self.failure.set(reason);
            }
        }
    }
}
