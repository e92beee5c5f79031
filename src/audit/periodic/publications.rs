//! Publications, and how they keep to the update cycle 更新周期 that the catalog promises.

use std::collections::{BTreeSet, HashMap};

use crate::domain::{
    catalog::UpdateCycle, id::ResourceId, outcome::RecordViolation, record::RecordStatus, rules::Rules,
    statement::Publication, time::Time,
};

use super::{
    Frame,
    figures::{Freshness, Totals},
    names::Names,
};

/// What was published of a resource.
#[derive(Debug, Default)]
struct Published {
    last: Option<Time>,
    published: u64,
    withdrawn: u64,
    rejected: u64,
    days: Vec<u64>,
}

/// All publications. Only resources of the catalog can be published, so there are no more of them than it has.
#[derive(Debug, Default)]
pub(super) struct Publications(HashMap<ResourceId, Published>);

/// What a publication adds to counts.
pub(super) fn totals_of(results: &[BTreeSet<RecordViolation>]) -> Totals {
    let published = results.iter().filter(|violations| violations.is_empty()).count() as u64;
    Totals { publications: 1, published, rejected: results.len() as u64 - published, ..Totals::default() }
}

impl Publications {
    /// Counts a publication that was taken, before the period or on a day of it.
    pub(super) fn count(
        &mut self,
        publication: &Publication,
        results: &[BTreeSet<RecordViolation>],
        time: Time,
        day: Option<usize>,
        frame: &Frame,
    ) {
        let resource = self.0.entry(publication.resource_id.clone()).or_default();
        let totals = totals_of(results);
        if totals.published > 0 {
            resource.last = Some(time);
        }
        let Some(day) = day else { return };
        resource.days.resize(frame.period.days().unsigned_abs() as usize, 0);
        resource.published += totals.published;
        resource.rejected += totals.rejected;
        let accepted = publication.records.iter().zip(results).filter(|(_, violations)| violations.is_empty());
        resource.withdrawn += accepted.filter(|(record, _)| record.status != RecordStatus::Active).count() as u64;
        if let Some(count) = resource.days.get_mut(day) {
            *count += totals.published;
        }
    }

    /// Every resource of the catalog as it stands at the end of the period, or of the log if that is earlier.
    pub(super) fn finish(&self, rules: &Rules, frame: &Frame, as_of: Time) -> Vec<Freshness> {
        let (names, nothing) = (Names(rules), Published::default());
        let resources = rules.catalog.resources.iter().filter_map(|(id, versions)| Some((id, versions.last()?)));
        resources
            .map(|(id, resource)| {
                let found = self.0.get(id).unwrap_or(&nothing);
                let cycle_days = cycle_days(resource.update_cycle);
                let age_days = found.last.map(|last| (as_of.as_seconds() - last.as_seconds()).max(0) / 86_400);
                let mut days = found.days.clone();
                days.resize(frame.period.days().unsigned_abs() as usize, 0);
                Freshness {
                    resource: names.resource(id.as_str()),
                    provider: names.party(Some(resource.provider)),
                    cycle: cycle(resource.update_cycle),
                    cycle_days,
                    last_published: found.last.map(|last| frame.local(last)),
                    age_days,
                    state: state(age_days, cycle_days),
                    published: found.published,
                    withdrawn: found.withdrawn,
                    rejected: found.rejected,
                    days,
                }
            })
            .collect()
    }
}

fn state(age_days: Option<i64>, cycle_days: Option<i64>) -> &'static str {
    match (age_days, cycle_days) {
        (None, _) => "NEVER",
        (Some(_), None) => "UNSCHEDULED",
        (Some(age), Some(cycle)) if age > cycle => "LATE",
        _ => "FRESH",
    }
}

/// The longest that may pass between two publications. A real-time resource is published as it changes, so a day without
/// any is worth a look.
fn cycle_days(cycle: UpdateCycle) -> Option<i64> {
    match cycle {
        UpdateCycle::RealTime | UpdateCycle::Daily => Some(1),
        UpdateCycle::Weekly => Some(7),
        UpdateCycle::Monthly => Some(31),
        UpdateCycle::Quarterly => Some(92),
        UpdateCycle::HalfYearly => Some(184),
        UpdateCycle::Yearly => Some(366),
        UpdateCycle::Other => None,
    }
}

fn cycle(cycle: UpdateCycle) -> &'static str {
    match cycle {
        UpdateCycle::RealTime => "REAL_TIME",
        UpdateCycle::Daily => "DAILY",
        UpdateCycle::Weekly => "WEEKLY",
        UpdateCycle::Monthly => "MONTHLY",
        UpdateCycle::Quarterly => "QUARTERLY",
        UpdateCycle::HalfYearly => "HALF_YEARLY",
        UpdateCycle::Yearly => "YEARLY",
        UpdateCycle::Other => "OTHER",
    }
}
