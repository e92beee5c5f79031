//! What the hub tells of itself, and the log does not bear out.

use super::{
    super::hub::{MAX_REFUSALS, consumer, provider},
    Hub, Row,
};
use crate::domain::{
    id::Digest,
    outcome::{Erased, Notice, Suppressed},
};

/// A minute in which the consumer was refused so often, and what the hub says of it when it is over.
fn suppressed(name: &str, codes: &'static [&'static str], refusals: u32, change: fn(&mut Suppressed)) -> Row {
    Row::log(name, codes, move || {
        let mut hub = Hub::running();
        hub.time = hub.time.start_of_minute().plus_seconds(60);
        let since = hub.time;
        for _ in 0..refusals {
            hub.query(&["HOLDER"], &[1]);
        }
        hub.time = hub.time.plus_seconds(75);
        let mut told = Suppressed { system: consumer().system, count: 9, since, until: since.plus_seconds(60) };
        change(&mut told);
        let index = hub.note(Notice::Suppressed(told));
        (hub, vec![index; codes.len()])
    })
}

/// What the hub tells of erasures; says which of it lies.
fn erased(name: &str, codes: &'static [&'static str], tell: fn(&mut Hub) -> Vec<u64>) -> Row {
    Row::log(name, codes, move || {
        let mut hub = Hub::running();
        let lies = tell(&mut hub);
        (hub, lies)
    })
}

/// Tells of an erasure a day later.
fn erasure(hub: &mut Hub, change: impl FnOnce(&mut Erased)) -> u64 {
    let (since, until) = (hub.time, hub.time);
    hub.time = hub.time.plus_seconds(86_400);
    let mut erased = Erased { count: 3, digest: Digest([1; 32]), since, until };
    change(&mut erased);
    hub.note(Notice::Erased(erased))
}

pub(super) fn rows() -> Vec<Row> {
    const SUPPRESSION: &[&str] = &["SUPPRESSION_UNFOUNDED"];
    const ERASURE: &[&str] = &["ERASURE_UNFOUNDED"];
    vec![
        suppressed("suppression of a system that had not reached its limit", SUPPRESSION, MAX_REFUSALS - 1, |_| {}),
        suppressed("suppression of another system than the one refused", SUPPRESSION, MAX_REFUSALS, |lie| {
            lie.system = provider().system;
        }),
        suppressed("suppression of nothing", SUPPRESSION, MAX_REFUSALS, |lie| lie.count = 0),
        suppressed("suppression for longer than a minute", SUPPRESSION, MAX_REFUSALS, |lie| {
            lie.until = lie.since.plus_seconds(61);
        }),
        suppressed("suppression that ends before it begins", SUPPRESSION, MAX_REFUSALS, |lie| {
            lie.until = lie.since.plus_seconds(-1);
        }),
        suppressed("suppression in another minute", &["SUPPRESSION_UNFOUNDED"; 2], MAX_REFUSALS, |lie| {
            lie.since = lie.since.plus_seconds(1);
        }),
        erased("an erasure told before its day is over", ERASURE, |hub| {
            vec![erasure(hub, |erased| erased.until = erased.until.plus_seconds(86_400))]
        }),
        erased("an erasure of nothing", ERASURE, |hub| vec![erasure(hub, |erased| erased.count = 0)]),
        erased("an erasure that ends before it begins", ERASURE, |hub| {
            vec![erasure(hub, |erased| erased.until = erased.since.plus_seconds(-60))]
        }),
        erased("an erasure of a period that was told of", ERASURE, |hub| {
            erasure(hub, |_| {});
            vec![erasure(hub, |erased| erased.since = erased.since.plus_seconds(-86_401))]
        }),
        erased("two erasures told on one day", ERASURE, |hub| {
            erasure(hub, |_| {});
            hub.time = hub.time.plus_seconds(-86_400);
            vec![erasure(hub, |_| {})]
        }),
    ]
}
