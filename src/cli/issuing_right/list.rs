//! `hutong issuing-right list`.

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        Exit, Output, Row, Run, block_on, now,
        system::{AsSystem, OrHub as _},
    },
    domain::{
        issuing::IssuingRight,
        time::{Moment, Time},
    },
};

/// List the rights to publish records of another department's resource
#[derive(Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    as_system: AsSystem,
    /// Past ones too: replaced, withdrawn or over
    #[arg(long)]
    all: bool,
}

/// A right as it is listed.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Listed {
    resource: String,
    department: String,
    valid_from: String,
    valid_until: String,
    succeeds: Vec<String>,
    state: &'static str,
    granted_index: u64,
    ended_index: Option<u64>,
}

impl Listed {
    fn new(right: &IssuingRight, now: Time) -> Self {
        let now = Moment::new(now);
        Self {
            resource: right.grant.resource_id.to_string(),
            department: right.grant.department.to_string(),
            valid_from: right.grant.valid_from.to_string(),
            valid_until: right.grant.valid_until.to_string(),
            succeeds: right.grant.succeeds.iter().map(ToString::to_string).collect(),
            state: if right.ended_index.is_some() {
                "ended"
            } else if right.is_valid(&now) {
                "valid"
            } else if now.reached(right.grant.valid_until) {
                "over"
            } else {
                "to come"
            },
            granted_index: right.granted_index,
            ended_index: right.ended_index,
        }
    }

    fn is_past(&self) -> bool {
        matches!(self.state, "ended" | "over")
    }
}

impl Row for Listed {
    const HEADINGS: &'static [&'static str] = &["RESOURCE", "DEPARTMENT", "FROM", "UNTIL", "SUCCEEDS", "STATE"];

    fn cells(&self) -> Vec<String> {
        let succeeds = if self.succeeds.is_empty() { "-".to_owned() } else { self.succeeds.join(",") };
        vec![
            self.resource.clone(),
            self.department.clone(),
            self.valid_from.clone(),
            self.valid_until.clone(),
            succeeds,
            self.state.to_owned(),
        ]
    }
}

impl Run for List {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let rights = block_on(async {
            self.as_system.connect().await?.issuing_rights().await.or_hub("cannot list the issuing rights")
        })?;
        let now = now()?;
        let listed = rights.iter().map(|right| Listed::new(right, now));
        output.list(&listed.filter(|listed| self.all || !listed.is_past()).collect::<Vec<_>>())?;
        Ok(Exit::Success)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::domain::issuing::IssuingGrant;

    #[test]
    fn a_right_is_listed_by_what_it_is_worth_now() {
        let at = |millis| Time::from_millis(millis).unwrap();
        let grant = IssuingGrant {
            resource_id: "samr.business-licence".parse().unwrap(),
            department: "11440399X00000043T".parse().unwrap(),
            valid_from: at(100),
            valid_until: at(200),
            succeeds: std::collections::BTreeSet::new(),
        };
        for (now, ended_index, state) in
            [(50, None, "to come"), (100, None, "valid"), (200, None, "over"), (150, Some(9), "ended")]
        {
            let right = IssuingRight { grant: grant.clone(), granted_index: 3, ended_index };
            assert_eq!(Listed::new(&right, at(now)).state, state);
        }
    }
}
