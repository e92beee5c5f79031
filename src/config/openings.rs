//! How long openings are kept.

use serde::{Deserialize, Serialize};

/// How long the openings of queries and traces are kept, which say who was asked about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Openings {
    /// For how many days; without it until an administrator has them erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
}

/// The longest time that can be said, in days: a century.
const MAX_KEEP_DAYS: u32 = 36_500;

impl Openings {
    /// Every value that is not allowed, with what is.
    pub(super) fn problems(&self) -> Vec<String> {
        let wrong = self.keep_days.filter(|days| !(1..=MAX_KEEP_DAYS).contains(days));
        wrong.map(|days| format!("openings.keep_days = {days}: allowed is 1 to {MAX_KEEP_DAYS}")).into_iter().collect()
    }
}
