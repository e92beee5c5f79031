//! What a version of an agreement changes of another 变更, term by term.

use std::{collections::BTreeSet, fmt::Display};

use super::agreement::AgreementText;

/// A term that changed, by the name that files of terms have for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amendment {
    /// The term.
    pub term: &'static str,
    /// How.
    pub change: Change,
}

/// How a term changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A member of a list was added.
    Added(String),
    /// A member of a list was removed.
    Removed(String),
    /// A value took the place of another; none: the term is not set.
    Replaced {
        /// What it was.
        from: Option<String>,
        /// What it is.
        to: Option<String>,
    },
}

/// Everything in which one text differs from another, but for the free texts, of which texts hold only commitments, and for what
/// every version changes: its number and the digest before it.
pub fn amendments(from: &AgreementText, to: &AgreementText) -> Vec<Amendment> {
    // Every term is named, so that none can be forgotten here.
    let AgreementText {
        hub: _,
        agreement_id: _,
        version: _,
        previous_digest: _,
        consumer,
        provider,
        resource_id,
        fields,
        purposes,
        matters,
        lookups,
        valid_from,
        valid_until,
        daily_limit,
        batch_limit,
        legal_basis: _,
        scenario: _,
        condition,
        minute_limit,
        networks,
        retention_days,
        scope: _,
    } = to;
    let lookup_words =
        |text: &AgreementText| text.lookups.iter().map(|lookup| lookup.as_str()).collect::<BTreeSet<_>>();
    debug_assert_eq!(lookup_words(to).len(), lookups.len());
    [
        value("consumer", from.consumer.as_str(), consumer.as_str()),
        value("provider", from.provider.as_str(), provider.as_str()),
        value("resource", &from.resource_id, resource_id),
        members("fields", &from.fields, fields),
        members("purposes", &from.purposes, purposes),
        members("matters", &from.matters, matters),
        members("lookups", &lookup_words(from), &lookup_words(to)),
        value("valid_from", from.valid_from, *valid_from),
        value("valid_until", from.valid_until, *valid_until),
        value("daily_limit", from.daily_limit, *daily_limit),
        replaced("minute_limit", from.minute_limit, *minute_limit),
        value("batch_limit", from.batch_limit, *batch_limit),
        members("networks", &from.networks, networks),
        replaced("retention_days", from.retention_days, *retention_days),
        replaced("condition", from.condition.as_ref(), condition.as_ref()),
    ]
    .concat()
}

fn members<T: Ord + Display>(term: &'static str, from: &BTreeSet<T>, to: &BTreeSet<T>) -> Vec<Amendment> {
    let added = to.difference(from).map(|member| Change::Added(member.to_string()));
    let removed = from.difference(to).map(|member| Change::Removed(member.to_string()));
    added.chain(removed).map(|change| Amendment { term, change }).collect()
}

fn value<T: PartialEq + Display>(term: &'static str, from: T, to: T) -> Vec<Amendment> {
    replaced(term, Some(from), Some(to))
}

/// A term that is a value, or nothing.
pub fn replaced<T: PartialEq + Display>(term: &'static str, from: Option<T>, to: Option<T>) -> Vec<Amendment> {
    if from == to {
        return Vec::new();
    }
    let change = Change::Replaced { from: from.map(|from| from.to_string()), to: to.map(|to| to.to_string()) };
    vec![Amendment { term, change }]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::domain::{agreement::LookupKind, time::Time};

    fn text() -> AgreementText {
        AgreementText {
            hub: "hub.example".parse().unwrap(),
            agreement_id: "a".parse().unwrap(),
            version: 1,
            previous_digest: None,
            consumer: "11430000006122244L".parse().unwrap(),
            provider: "11330105002500287C".parse().unwrap(),
            resource_id: "market.licence".parse().unwrap(),
            fields: ["NAME".parse().unwrap(), "SCOPE".parse().unwrap()].into(),
            purposes: ["permit".parse().unwrap()].into(),
            matters: BTreeSet::new(),
            lookups: [LookupKind::Record].into(),
            valid_from: Time::from_millis(1_767_196_800_000).unwrap(),
            valid_until: Time::from_millis(1_798_732_800_000).unwrap(),
            daily_limit: 10,
            batch_limit: 1,
            legal_basis: None,
            scenario: None,
            condition: None,
            minute_limit: None,
            networks: BTreeSet::new(),
            retention_days: None,
            scope: None,
        }
    }

    #[test]
    fn each_term_that_differs_is_told_and_nothing_else() {
        let same = AgreementText { version: 2, ..text() };
        assert_eq!(amendments(&text(), &same), []);
        let mut changed = text();
        changed.fields = ["NAME".parse().unwrap(), "STATUS".parse().unwrap()].into();
        changed.matters = ["M-1".parse().unwrap()].into();
        changed.lookups.insert(LookupKind::Holder);
        changed.daily_limit = 20;
        let replaced = |from: &str, to: &str| Change::Replaced { from: Some(from.to_owned()), to: Some(to.to_owned()) };
        let told: Vec<_> = amendments(&text(), &changed).into_iter().map(|one| (one.term, one.change)).collect();
        assert_eq!(
            told,
            [
                ("fields", Change::Added("STATUS".to_owned())),
                ("fields", Change::Removed("SCOPE".to_owned())),
                ("matters", Change::Added("M-1".to_owned())),
                ("lookups", Change::Added("holder".to_owned())),
                ("daily_limit", replaced("10", "20")),
            ]
        );
    }

    #[test]
    fn a_longer_validity_alone_is_an_extension() {
        let later = Time::from_millis(1_830_268_800_000).unwrap();
        let longer = AgreementText { version: 2, valid_until: later, ..text() };
        assert!(longer.is_extension_of(&text()));
        assert!(!text().is_extension_of(&longer), "a shorter one is none");
        assert!(!AgreementText { batch_limit: 2, ..longer.clone() }.is_extension_of(&text()));
        let terms: Vec<_> = amendments(&text(), &longer).into_iter().map(|one| one.term).collect();
        assert_eq!(terms, ["valid_until"]);
    }
}
