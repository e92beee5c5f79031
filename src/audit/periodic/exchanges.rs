//! Who used what for what: queries by provider, consumer, resource and purpose, and by agreement.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::{
    id::{AgreementId, Code, FieldCode, ResourceId},
    identifier::Uscc,
    outcome::{Outcome, QueryPermitted},
    rules::Rules,
    statement::Query,
};

use super::{
    figures::{Exchange, Totals},
    names::Names,
};

/// The most groups that are told apart; what is beyond is counted together. Consumers name resources and purposes as they like in
/// queries that are then refused. At some 300 bytes each they take 15 MB; a city has some thousand agreements.
const MAX_GROUPS: usize = 50_000;

/// What tells uses apart; of an unknown resource there is no provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    provider: Option<Uscc>,
    consumer: Uscc,
    resource: ResourceId,
    purpose: Code,
}

/// The use of an agreement.
#[derive(Debug, Default)]
pub(super) struct Use {
    pub(super) permitted: u64,
    pub(super) asked: u64,
    pub(super) peak: u64,
    pub(super) fields: BTreeSet<FieldCode>,
    /// The day that is being counted, and its records.
    day: (usize, u64),
}

/// All uses in the period.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    groups: BTreeMap<Group, Totals>,
    /// What belongs to none of them.
    others: Option<Totals>,
    agreements: HashMap<AgreementId, Use>,
}

/// What a query adds to counts.
pub(super) fn totals_of(query: &Query, outcome: &Outcome) -> Totals {
    let asked = query.commitments.len() as u64;
    match outcome {
        Outcome::QueryPermitted(QueryPermitted { records, .. }) => Totals {
            queries: 1,
            permitted: 1,
            asked,
            found: records.len() as u64,
            released: records.iter().filter(|release| !release.fields.is_empty()).count() as u64,
            fields: records.iter().map(|release| release.fields.len() as u64).sum(),
            ..Totals::default()
        },
        _ => Totals { queries: 1, refused: 1, asked, ..Totals::default() },
    }
}

impl Exchanges {
    /// Counts a query of a day of the period.
    pub(super) fn count(&mut self, rules: &Rules, consumer: &Uscc, query: &Query, outcome: &Outcome, day: usize) {
        let totals = totals_of(query, outcome);
        let provider = rules.catalog.newest(query.resource_id.as_str()).map(|(_, resource)| resource.provider);
        let group = Group {
            provider,
            consumer: *consumer,
            resource: query.resource_id.clone(),
            purpose: query.purpose.clone(),
        };
        if self.groups.len() < MAX_GROUPS || self.groups.contains_key(&group) {
            self.groups.entry(group).or_default().add(&totals);
        } else {
            self.others.get_or_insert_default().add(&totals);
        }
        if let Outcome::QueryPermitted(permitted) = outcome {
            self.agreements.entry(permitted.agreement_id.clone()).or_default().count(query, day);
        }
    }

    /// The use of an agreement; `None` where there was none.
    pub(super) fn of_agreement(&self, id: &AgreementId) -> Option<&Use> {
        self.agreements.get(id)
    }

    /// Whether some uses could not be told apart.
    pub(super) fn overflowed(&self) -> bool {
        self.others.is_some()
    }

    /// As a report has them, the most records released first.
    pub(super) fn finish(&self, names: &Names<'_>) -> Vec<Exchange> {
        let groups = self.groups.iter().map(|(group, totals)| {
            let resource = names.resource(group.resource.as_str());
            exchange(
                names.party(group.provider),
                names.party(Some(group.consumer)),
                resource,
                group.purpose.as_str(),
                totals,
            )
        });
        let others = self
            .others
            .iter()
            .map(|totals| exchange(names.party(None), names.party(None), names.resource(""), "", totals));
        let mut all: Vec<_> = groups.chain(others).collect();
        all.sort_by_key(|row| std::cmp::Reverse((row.released, row.permitted, row.refused)));
        all
    }
}

impl Use {
    fn count(&mut self, query: &Query, day: usize) {
        let asked = query.commitments.len() as u64;
        self.permitted += 1;
        self.asked += asked;
        self.fields.extend(query.fields.iter().cloned());
        self.day = if self.day.0 == day { (day, self.day.1 + asked) } else { (day, asked) };
        self.peak = self.peak.max(self.day.1);
    }
}

fn exchange(
    provider: super::figures::Party,
    consumer: super::figures::Party,
    resource: super::figures::Named,
    purpose: &str,
    totals: &Totals,
) -> Exchange {
    Exchange {
        provider,
        consumer,
        resource,
        purpose: purpose.to_owned(),
        permitted: totals.permitted,
        refused: totals.refused,
        asked: totals.asked,
        found: totals.found,
        released: totals.released,
        fields: totals.fields,
    }
}
