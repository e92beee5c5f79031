//! The open loop: calls come when they come, whether those before were answered or not, and each one's latency counts from the
//! moment at which it was due. So a server that stalls is charged with all who would have waited (no coordinated omission).

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde::Serialize;
use tokio::{sync::mpsc, task::JoinSet};
use tonic::Status;
use tonic_types::StatusExt as _;

use super::{
    clients::{self, Clients},
    latencies::{Latencies, Summary},
    schedule::Schedule,
};
use crate::wire::proto::{SubmitQueryRequest, exchange_service_client::ExchangeServiceClient};

/// The most calls without an answer; what comes beyond is counted and not sent. At some 10 KB each they are half a gigabyte.
const MOST_WAITING: usize = 50_000;
/// In slices of this length is told what became of calls.
const SLICE: Duration = Duration::from_millis(250);

/// What became of calls that were offered at a rate.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Offered {
    /// Calls a second that were due.
    pub per_second: f64,
    /// For how long, in seconds.
    pub seconds: f64,
    /// Calls that were due.
    pub due: u64,
    /// Of these not sent, since too many others had no answer yet: the client's own bound.
    pub unsent: u64,
    /// Answered, with what was asked for.
    pub answered: u64,
    /// Of these within the time in which calls were due, a second.
    pub goodput_per_second: f64,
    /// From the moment at which they were due until they were answered.
    pub latency: Summary,
    /// How late calls were sent, p99 in microseconds: the client's own delay, which is in the latencies.
    pub sent_late_p99_us: u64,
    /// Refused or failed.
    pub refused: Vec<Refused>,
    /// From the last call that was due until the last one was answered, in seconds.
    pub drained_in_seconds: f64,
    /// Quarter by quarter of a second: how many were answered, and how many refused.
    pub slices: Vec<(u64, u64)>,
}

impl Offered {
    /// How many were refused or failed.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refused.iter().map(|refused| refused.count).sum()
    }

    /// The share of those due that were answered.
    #[must_use]
    pub fn success(&self) -> f64 {
        self.answered as f64 / self.due.max(1) as f64
    }

    /// A line about them, for people.
    pub(super) fn line(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        let ms = |micros: u64| micros as f64 / 1e3;
        let Self { per_second, due, answered, latency, .. } = self;
        writeln!(
            f,
            "  {name:24} {per_second:8.0}/s offered, {answered} of {due} answered; p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms; sent late by {:.2} ms (p99)",
            ms(latency.p50_us),
            ms(latency.p99_us),
            ms(latency.p99_9_us),
            ms(self.sent_late_p99_us)
        )
    }

    /// Lines about what was refused, why and how soon.
    pub(super) fn refusal_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for refused in &self.refused {
            writeln!(
                f,
                "  {} refused, {}; {} of them with when to try again; p50 {:.2} ms, p99 {:.2} ms after they were sent",
                refused.count,
                refused.reason,
                refused.with_retry_hint,
                refused.latency.p50_us as f64 / 1e3,
                refused.latency.p99_us as f64 / 1e3
            )?;
        }
        if self.unsent > 0 {
            writeln!(f, "  {} not sent: too many others had no answer yet", self.unsent)?;
        }
        Ok(())
    }
}

/// Calls that were refused for the same reason.
#[derive(Debug, Clone, Serialize)]
pub struct Refused {
    /// The status's code, and its reason where it names one.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// How many of them said when to try again.
    pub with_retry_hint: u64,
    /// From the moment at which they were sent until they were refused.
    pub latency: Summary,
}

/// What became of calls so far.
#[derive(Default)]
pub(crate) struct Tally {
    answered: Latencies,
    late: Latencies,
    refused: BTreeMap<String, (Latencies, u64)>,
    slices: Vec<(u64, u64)>,
}

/// Why a call brought no answer.
pub(crate) struct Failed {
    /// In few words, so that calls that failed alike are counted together.
    pub(crate) reason: String,
    /// Whether it was said when to try again.
    pub(crate) retry_hint: bool,
}

/// Offers the queries at a rate, over the connections in turn, and waits until the last one is answered.
pub(crate) async fn offer(
    clients: &Clients,
    queries: Vec<SubmitQueryRequest>,
    per_second: f64,
) -> anyhow::Result<Offered> {
    let due = queries.len() as u64;
    offer_calls(queries.into_iter().zip(clients.in_turn()), due, per_second, |(query, channel)| async move {
        let answer = clients::ask(&mut ExchangeServiceClient::new(channel), query).await;
        answer.map(|_| ()).map_err(|status| Failed {
            reason: reason(&status),
            retry_hint: status.get_details_retry_info().is_some_and(|info| info.retry_delay.is_some()),
        })
    })
    .await
}

/// Offers so many calls at a rate, each made by `ask`, and waits until the last one is answered.
pub(crate) async fn offer_calls<Q, F: Future<Output = Result<(), Failed>> + Send + 'static>(
    mut questions: impl Iterator<Item = Q>,
    due: u64,
    per_second: f64,
    ask: impl Fn(Q) -> F,
) -> anyhow::Result<Offered> {
    let begun = Instant::now();
    let (sender, mut moments) = mpsc::unbounded_channel();
    let many = usize::try_from(due).unwrap_or(usize::MAX);
    // A thread of its own: a runtime's timers are of a millisecond.
    thread::spawn(move || {
        for at in Schedule::new(per_second).take(many) {
            let moment = begun + at;
            thread::sleep(moment.saturating_duration_since(Instant::now()));
            if sender.send(moment).is_err() {
                return;
            }
        }
    });
    let tally = Arc::new(Mutex::new(Tally::default()));
    let mut calls = JoinSet::new();
    let (mut unsent, mut last) = (0, begun);
    while let Some(moment) = moments.recv().await {
        last = moment;
        while calls.try_join_next().is_some() {}
        let Some(question) = questions.next() else { break };
        if calls.len() >= MOST_WAITING {
            unsent += 1;
            continue;
        }
        let (asked, tally) = (ask(question), Arc::clone(&tally));
        calls.spawn(async move {
            let sent = Instant::now();
            let came = asked.await;
            tally.lock().unwrap_or_else(PoisonError::into_inner).record(begun, moment, sent, came);
        });
    }
    let drains = Instant::now();
    while let Some(called) = calls.join_next().await {
        called.context("a caller panicked")?;
    }
    let tally = std::mem::take(&mut *tally.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(tally.told(per_second, last - begun, due, unsent, drains.elapsed()))
}

/// Why, such as `ResourceExhausted OVERLOADED`.
fn reason(status: &Status) -> String {
    let code = format!("{:?}", status.code());
    match status.get_details_error_info() {
        Some(info) => format!("{code} {}", info.reason),
        None => code,
    }
}

impl Tally {
    /// Counts a call that came to its end now.
    pub(crate) fn record(&mut self, begun: Instant, due: Instant, sent: Instant, came: Result<(), Failed>) {
        let done = Instant::now();
        self.late.record(sent - due);
        let slice = usize::try_from((done - begun).as_millis() / SLICE.as_millis()).unwrap_or_default();
        if self.slices.len() <= slice {
            self.slices.resize(slice + 1, (0, 0));
        }
        let counts = self.slices.get_mut(slice);
        match came {
            Ok(()) => {
                counts.into_iter().for_each(|(answered, _)| *answered += 1);
                self.answered.record(done - due);
            }
            Err(failed) => {
                counts.into_iter().for_each(|(_, refused)| *refused += 1);
                let (latencies, hints) = self.refused.entry(failed.reason).or_default();
                latencies.record(done - sent);
                *hints += u64::from(failed.retry_hint);
            }
        }
    }

    /// What is told: of calls at this rate for this time, of which so many were due and so many not sent.
    pub(crate) fn told(self, per_second: f64, took: Duration, due: u64, unsent: u64, drained_in: Duration) -> Offered {
        let seconds = took.as_secs_f64();
        // Whole slices only: the last one may have ended after the time.
        let whole = (seconds / SLICE.as_secs_f64()).floor().max(1.0);
        let good: u64 = self.slices.iter().take(whole as usize).map(|(answered, _)| answered).sum();
        Offered {
            per_second,
            seconds,
            due,
            unsent,
            answered: self.answered.count(),
            goodput_per_second: good as f64 / (whole * SLICE.as_secs_f64()),
            latency: self.answered.summary(),
            sent_late_p99_us: self.late.percentile(99.0),
            refused: self
                .refused
                .into_iter()
                .map(|(reason, (latencies, with_retry_hint))| Refused {
                    reason,
                    count: latencies.count(),
                    with_retry_hint,
                    latency: latencies.summary(),
                })
                .collect(),
            drained_in_seconds: drained_in.as_secs_f64(),
            slices: self.slices,
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn refusals_are_told_by_code_and_reason() {
        let details = ErrorDetails::with_error_info("OVERLOADED", "hutong", [("a".to_owned(), "b".to_owned())]);
        let status = Status::with_error_details(tonic::Code::ResourceExhausted, "", details);
        assert_eq!(reason(&status), "ResourceExhausted OVERLOADED");
        assert_eq!(reason(&Status::cancelled("")), "Cancelled");
    }

    #[test]
    fn goodput_is_of_the_time_in_which_calls_were_due() {
        let mut tally = Tally { slices: vec![(10, 0), (20, 5), (30, 0), (40, 0)], ..Tally::default() };
        (0..100).for_each(|_| tally.answered.record(Duration::from_millis(1)));
        let told = tally.told(200.0, Duration::from_millis(600), 120, 15, Duration::ZERO);
        // Two whole slices, of which 30 were answered in half a second.
        assert!((told.goodput_per_second - 60.0).abs() < 1e-9, "{told:?}");
        assert!((told.success() - 100.0 / 120.0).abs() < 1e-9);
        assert_eq!((told.answered, told.refusals(), told.unsent), (100, 0, 15));
    }
}
