//! `hutong witness serve`

use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing::info;

use super::or_exit;
use crate::{
    cli::{Exit, OrExit as _, Output, Run, now},
    config::{Trace, TraceFormat},
    telemetry,
    witness::{Witness, serve},
};

/// Run the witness of a folder, until SIGTERM or SIGINT
///
/// Serves C2SP tlog-witness over HTTP: POST /add-checkpoint for logs, GET /<origin hash>/checkpoint for auditors, GET
/// /healthz. Every refusal is traced to stderr; what a person should look at is kept in the folder, and `hutong witness
/// status` shows it.
#[derive(Args)]
pub(super) struct Serve {
    /// The witness's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Where to listen. It is plain HTTP: a front that speaks TLS belongs before it where the road is public
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7480")]
    listen: SocketAddr,

    /// Trace as JSON, one object on a line
    #[arg(long)]
    trace_json: bool,
}

/// What is printed when the witness takes requests.
#[derive(Serialize)]
struct Listening {
    listening: SocketAddr,
    vkey: String,
    logs: usize,
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listening on http://{} for {} logs as {}", self.listening, self.logs, self.vkey)
    }
}

impl Run for Serve {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let format = if self.trace_json { TraceFormat::Json } else { TraceFormat::Text };
        telemetry::start(&Trace { format, ..Trace::default() });
        // A clock before 1970 or after 9999 gives 0, at which nothing is cosigned.
        let clock = || now().ok().and_then(|now| u64::try_from(now.as_seconds()).ok()).unwrap_or_default();
        let witness = or_exit(Witness::open(&self.folder, Arc::new(clock)), "cannot open the witness")?;
        let witness = Arc::new(witness);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.context("cannot start the asynchronous runtime")?.block_on(async {
            let cannot = || format!("cannot listen on {}", self.listen);
            let listener = TcpListener::bind(self.listen).await.or_exit(Exit::Config, cannot())?;
            let cannot = "cannot wait for signals";
            let mut terminate = signal(SignalKind::terminate()).context(cannot)?;
            let mut interrupt = signal(SignalKind::interrupt()).context(cannot)?;
            let listening = listener.local_addr()?;
            info!(address = %listening, logs = witness.log_count(), "listening");
            let (vkey, logs) = (witness.key().to_string(), witness.log_count());
            output.print(&Listening { listening, vkey, logs })?;
            let stop = async {
                tokio::select! {
                    _ = terminate.recv() => info!("received SIGTERM"),
                    _ = interrupt.recv() => info!("received SIGINT"),
                }
            };
            serve(Arc::clone(&witness), listener, stop).await;
            Ok::<_, anyhow::Error>(())
        })?;
        anyhow::ensure!(
            !witness.has_failed(),
            "the witness had to end: its disk failed; nothing that was not kept was cosigned"
        );
        info!("stopped");
        Ok(Exit::Success)
    }
}
