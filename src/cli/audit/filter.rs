//! Which entries of a log are shown.

use clap::Args;

use crate::{
    audit::Description,
    domain::{id::SystemId, identifier::Uscc, outcome::RefusalReason},
};

/// Only entries that meet all of these; of several values of one kind, any.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Only entries that meet all of these")]
pub(super) struct Filter {
    /// The kind of statement, such as query, publication or register-key; repeat for more
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,

    /// Who acted: a system by its SPIFFE ID, or a department by its credit code; repeat for more
    #[arg(long = "actor", value_name = "WHO")]
    actors: Vec<Who>,

    /// Refused for this reason, such as QUOTA_EXHAUSTED; repeat for more
    #[arg(long = "reason", value_name = "REASON", value_parser = reason)]
    reasons: Vec<RefusalReason>,

    /// Refused, for whatever reason
    #[arg(long)]
    refused: bool,

    /// Whatever of the entry holds this text: a resource, a field, an agreement, a handle, a request id
    #[arg(long = "with", value_name = "TEXT")]
    texts: Vec<String>,
}

/// A system, or all of a department.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    System(SystemId),
    Department(Uscc),
}

impl std::str::FromStr for Who {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("spiffe:") {
            return text.parse().map(Self::System).map_err(|error| format!("{error}"));
        }
        Uscc::parse(text).map(Self::Department).map_err(|error| error.to_string())
    }
}

fn reason(text: &str) -> Result<RefusalReason, String> {
    let found = RefusalReason::ALL.iter().copied().find(|reason| reason.as_str() == text);
    found.ok_or_else(|| format!("`{text}` is no reason: docs/refusals.md lists them"))
}

impl Filter {
    /// Whether an entry is shown.
    pub(super) fn takes(&self, entry: &Description) -> bool {
        let actor: Option<SystemId> = entry.actor.as_deref().and_then(|actor| actor.parse().ok());
        let is_of = |who: &Who| match who {
            Who::System(system) => actor.as_ref() == Some(system),
            Who::Department(department) => actor.as_ref().is_some_and(|actor| actor.department() == department),
        };
        let holds = |text: &String| {
            let values = entry.statement.iter().chain(&entry.outcome).map(|(_, value)| value.as_str());
            values
                .chain(entry.request_id.as_deref())
                .chain(entry.key.as_deref())
                .any(|value| value.contains(text.as_str()))
        };
        (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == entry.kind))
            && (self.actors.is_empty() || self.actors.iter().any(is_of))
            && (self.reasons.is_empty() || self.reasons.iter().any(|reason| entry.reason == Some(reason.as_str())))
            && (!self.refused || entry.reason.is_some())
            && self.texts.iter().all(holds)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn entry() -> Description {
        Description {
            index: 7,
            time: String::new(),
            kind: "query",
            kind_zh: "查询",
            actor: Some("spiffe://gov.example/department/11100000000013338W/system/permits".to_owned()),
            request_id: Some("00ff".to_owned()),
            issued_at: None,
            key: None,
            reason: Some("QUOTA_EXHAUSTED"),
            statement: vec![("resource 资源", "market.licence".to_owned())],
            outcome: Vec::new(),
        }
    }

    #[test]
    fn entry_is_taken_where_it_meets_all() {
        let nothing = Filter::default;
        let own: Who = "11100000000013338W".parse().unwrap();
        let system: Who = entry().actor.unwrap().parse().unwrap();
        let other: Who = "11330105002500287C".parse().unwrap();
        for (filter, is_taken) in [
            (nothing(), true),
            (Filter { kinds: vec!["publication".to_owned(), "query".to_owned()], refused: true, ..nothing() }, true),
            (Filter { kinds: vec!["publication".to_owned()], ..nothing() }, false),
            (Filter { actors: vec![other.clone(), own], ..nothing() }, true),
            (Filter { actors: vec![system], ..nothing() }, true),
            (Filter { actors: vec![other], ..nothing() }, false),
            (Filter { reasons: vec![RefusalReason::QuotaExhausted], ..nothing() }, true),
            (Filter { reasons: vec![RefusalReason::NoAgreement], ..nothing() }, false),
            (Filter { texts: vec!["market.".to_owned(), "00ff".to_owned()], ..nothing() }, true),
            (Filter { texts: vec!["market.".to_owned(), "other".to_owned()], ..nothing() }, false),
        ] {
            assert_eq!(filter.takes(&entry()), is_taken, "{filter:?}");
        }
        assert!(!Filter { refused: true, ..nothing() }.takes(&Description { reason: None, ..entry() }));
    }

    #[test]
    fn who_and_why_read_or_say_what_is_wrong() {
        assert!("housing".parse::<Who>().is_err() && "spiffe://x".parse::<Who>().is_err());
        assert_eq!(reason("NO_AGREEMENT"), Ok(RefusalReason::NoAgreement));
        assert!(reason("none").is_err());
    }
}
