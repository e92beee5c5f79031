//! How the hub is doing, as Prometheus reads it: counts, and nothing of what is counted.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
};

use hyper::StatusCode;

use crate::{
    edge::Standing,
    hub::{Error, Hub},
    tlog::Checkpoint,
};

/// The content type of the text format.
pub(super) const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers over HTTP, by the class of their status.
#[derive(Default)]
pub(super) struct Answers([AtomicU64; CLASSES.len()]);

/// The classes of status that are given.
const CLASSES: [&str; 3] = ["2xx", "4xx", "5xx"];

impl Answers {
    pub(super) fn count(&self, status: StatusCode) {
        let class = match status.as_u16() {
            ..400 => 0,
            400..500 => 1,
            _ => 2,
        };
        if let Some(count) = self.0.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The page.
///
/// # Errors
/// When the published checkpoint does not read.
pub(super) fn page(hub: &Hub, tls: Standing, answers: &Answers) -> Result<String, Error> {
    let snapshot = hub.snapshot();
    let published = match hub.published_checkpoint()? {
        Some(note) => note.text().parse::<Checkpoint>()?.size,
        None => 0,
    };
    let mut page = String::new();
    let mut gauge = |name: &str, help: &str, value: String| {
        // Writing to a string does not fail.
        let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    };
    let millis = snapshot.time.as_millis();
    gauge("hutong_log_entries", "Entries of the exchange log.", snapshot.size.to_string());
    gauge("hutong_published_entries", "Entries under the published checkpoint.", published.to_string());
    gauge(
        "hutong_log_time_seconds",
        "Time of the newest entry, in seconds since 1970.",
        format!("{}.{:03}", millis.div_euclid(1_000), millis.rem_euclid(1_000)),
    );
    let (waiting, overdue) = hub.pending_answers();
    gauge("hutong_agreements_pending", "Proposals of agreements that wait for an answer.", waiting.len().to_string());
    gauge("hutong_agreements_overdue", "Of them, those whose answer is overdue.", overdue.to_string());
    gauge(
        "hutong_tls_certificate_end_seconds",
        "When the hub's own certificate ends, in seconds since 1970.",
        tls.certificate_ends.to_string(),
    );
    if let Some(end) = tls.crls_end {
        gauge(
            "hutong_tls_crl_end_seconds",
            "When the first of the lists of revoked certificates ends, in seconds since 1970.",
            end.to_string(),
        );
    }
    gauge(
        "hutong_tls_files_refused",
        "1 while the TLS files are others than those in force, which were refused.",
        u8::from(tls.is_refused).to_string(),
    );
    let name = "hutong_tls_looks_total";
    let help = "How often changed TLS files were looked at, by what came of it.";
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} counter");
    for (result, count) in [("taken", tls.renewals), ("refused", tls.refusals)] {
        let _ = writeln!(page, "{name}{{result=\"{result}\"}} {count}");
    }
    let name = "hutong_http_answers_total";
    let _ = writeln!(page, "# HELP {name} Answers over HTTP, by the class of their status.\n# TYPE {name} counter");
    for (class, count) in CLASSES.iter().zip(&answers.0) {
        let _ = writeln!(page, "{name}{{status=\"{class}\"}} {}", count.load(Ordering::Relaxed));
    }
    Ok(page)
}
