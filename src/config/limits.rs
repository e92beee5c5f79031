//! The bounds of the edge.

use std::{ops::RangeInclusive, time::Duration};

use serde::{Deserialize, Serialize};

/// What peers may take of the hub. Each bound is generous for a department's system and small for the machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The largest message taken, in bytes. 8 MiB hold a publication of 256 records of 32 KiB each; a record of 12
    /// fields has 2.
    pub max_message_bytes: usize,
    /// Connections open at once, handshakes included. A connection costs some 100 KiB with its buffers: 1,024 are 100 MiB.
    pub connections: usize,
    /// Calls at work at once on one connection; HTTP/2 makes a client wait with more. Enough to keep the log's batches
    /// full from one system.
    pub calls_per_connection: u32,
    /// Calls at work at once in all; more are refused as RESOURCE_EXHAUSTED. Bounds the memory that messages take.
    pub calls: usize,
    /// Those of one department, all its systems together; more are refused as RESOURCE_EXHAUSTED. Several batches of the log, and so
    /// all that a hub can do at once; a quarter of `calls`, so that one department's flood leaves room for the others.
    pub calls_per_department: usize,
    /// How long a TLS handshake may take: three round trips around the world, and a slow machine.
    pub handshake_seconds: u64,
    /// How long a call may take that names no deadline.
    pub default_deadline_seconds: u64,
    /// How long a call may take at most, whatever deadline it names.
    pub max_deadline_seconds: u64,
    /// How long a stop waits for the calls at work. Less than the 30 s after which process supervisors usually kill.
    pub drain_seconds: u64,
    /// After how long without a sign of life a peer is asked for one, and for how long its answer is awaited.
    pub keepalive_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 8 << 20,
            connections: 1024,
            calls_per_connection: 256,
            calls: 1024,
            calls_per_department: 256,
            handshake_seconds: 10,
            default_deadline_seconds: 30,
            max_deadline_seconds: 120,
            drain_seconds: 20,
            keepalive_seconds: 30,
        }
    }
}

/// A day: no wait of the edge is longer.
const LONGEST: u64 = 86_400;

impl Limits {
    /// Every value out of its range, with the range.
    pub(super) fn problems(&self) -> Vec<String> {
        let in_range = |name: &str, value: u64, allowed: RangeInclusive<u64>| {
            let problem = || format!("limits.{name} = {value}: allowed is {} to {}", allowed.start(), allowed.end());
            (!allowed.contains(&value)).then(problem)
        };
        // An entry, which a query's answer holds, has up to 64 KiB; above 64 MiB one peer could take a machine's memory.
        let checks = [
            in_range("max_message_bytes", self.max_message_bytes as u64, 64 << 10..=64 << 20),
            in_range("connections", self.connections as u64, 1..=100_000),
            in_range("calls_per_connection", u64::from(self.calls_per_connection), 1..=10_000),
            in_range("calls", self.calls as u64, 1..=100_000),
            in_range("calls_per_department", self.calls_per_department as u64, 1..=100_000),
            in_range("handshake_seconds", self.handshake_seconds, 1..=LONGEST),
            in_range("default_deadline_seconds", self.default_deadline_seconds, 1..=self.max_deadline_seconds.max(1)),
            in_range("max_deadline_seconds", self.max_deadline_seconds, 1..=LONGEST),
            in_range("drain_seconds", self.drain_seconds, 1..=LONGEST),
            in_range("keepalive_seconds", self.keepalive_seconds, 1..=LONGEST),
        ];
        checks.into_iter().flatten().collect()
    }

    /// How long a handshake may take.
    pub fn handshake(&self) -> Duration {
        Duration::from_secs(self.handshake_seconds)
    }

    /// How long a call may take that asks for `wanted`.
    pub fn deadline(&self, wanted: Option<Duration>) -> Duration {
        let default = Duration::from_secs(self.default_deadline_seconds);
        wanted.unwrap_or(default).min(Duration::from_secs(self.max_deadline_seconds))
    }

    /// How long a stop waits.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// After how long a silent peer is asked, and how long its answer is awaited.
    pub fn keepalive(&self) -> Duration {
        Duration::from_secs(self.keepalive_seconds)
    }
}
