//! What a hub does beside the exchange: the log over HTTP, and publishing checkpoints.
//!
//! It has threads of its own, so that no exchange waits for a reader of the log, or for a name server that is asked where a
//! witness is.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use tokio::{net::TcpListener, runtime::Runtime, sync::watch, task::JoinHandle};
use tracing::info;

use crate::{
    checkpoints::Publisher,
    cli::{Exit, OrExit as _},
    config::{PUBLISHED, Settings},
    edge::{self, Credentials},
    files, http,
    hub::Hub,
    tlog::TrustPolicy,
};

/// Threads that drive connections: they only pass bytes on.
const WORKERS: usize = 1;
/// Threads that read tiles, sync the published checkpoint, and wait for name servers.
const BLOCKING: usize = 4;

/// What goes on beside the exchange.
pub(super) struct Beside {
    runtime: Runtime,
    stopping: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    url: Option<String>,
}

impl Beside {
    /// Starts what the settings ask for.
    pub(super) fn start(
        folder: &Path,
        settings: &Settings,
        hub: &Arc<Hub>,
        tls: &Arc<Credentials>,
    ) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .max_blocking_threads(BLOCKING)
            .thread_name("beside")
            .enable_all()
            .build();
        let runtime = runtime.context("cannot start the asynchronous runtime")?;
        let mut beside = Self { runtime, stopping: watch::Sender::new(false), tasks: Vec::new(), url: None };
        beside.publish(folder, settings, hub)?;
        beside.open_site(settings, hub, tls)?;
        Ok(beside)
    }

    /// Where the log is served, if it is.
    pub(super) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Begins to stop.
    pub(super) fn begin_stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Waits until all has stopped; each part has its own limit on how long it takes.
    pub(super) fn end(self, last_reads: Duration) {
        self.begin_stop();
        self.runtime.block_on(async {
            for task in self.tasks {
                // A panic was told by its hook.
                let _ = task.await;
            }
        });
        self.runtime.shutdown_timeout(last_reads);
    }

    /// Has witnesses see the checkpoints before they are published, where there is a policy.
    fn publish(&mut self, folder: &Path, settings: &Settings, hub: &Arc<Hub>) -> anyhow::Result<()> {
        let Some(path) = &settings.witnesses.policy else { return Ok(()) };
        let cannot = || format!("cannot use the trust policy {}", path.display());
        let text = files::read_text(path).or_exit(Exit::Config, cannot())?;
        let policy = TrustPolicy::parse(text.as_bytes()).or_exit(Exit::Config, cannot())?;
        let ca = settings.witnesses.ca.as_deref().map(edge::client_config).transpose();
        let ca = ca.or_exit(Exit::Config, "cannot use the witnesses' authorities")?;
        let (witnesses, file) = (policy.witnesses().len(), folder.join(PUBLISHED));
        let met = Publisher::open(Arc::clone(hub), policy, ca.as_ref(), &file)
            .and_then(|publisher| self.runtime.block_on(publisher.meet()).map(|()| publisher));
        if let Some(contradiction) = hub.contradiction() {
            bail!("the log does not continue what was published: {}", contradiction.reason);
        }
        let publisher = met.or_exit(Exit::Config, "cannot publish checkpoints")?;
        info!(witnesses, "checkpoints are published when enough witnesses have cosigned them");
        self.tasks.push(self.runtime.spawn(publisher.run(self.stopped())));
        Ok(())
    }

    /// Serves the log over HTTP, where there is an address.
    fn open_site(&mut self, settings: &Settings, hub: &Arc<Hub>, tls: &Arc<Credentials>) -> anyhow::Result<()> {
        let Some(address) = settings.http.listen else { return Ok(()) };
        let scheme = if settings.http.tls { "https" } else { "http" };
        let listener = self.runtime.block_on(listen(address))?;
        self.url = Some(format!("{scheme}://{}", listener.local_addr()?));
        let (http, limits) = (settings.http.clone(), settings.limits.clone());
        let server = http::Server { hub: Arc::clone(hub), tls: Arc::clone(tls), http, limits };
        self.tasks.push(self.runtime.spawn(http::serve(server, listener, self.stopped())));
        Ok(())
    }

    /// Resolves when it is time to stop.
    fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stopping = self.stopping.subscribe();
        async move {
            // Without a sender there is nobody left to go on for.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }
}

/// Takes an address.
pub(super) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.or_exit(Exit::Config, format!("cannot listen on {address}"))
}
