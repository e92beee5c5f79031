//! `hutong opening erase`.

use std::fmt;

use clap::{ArgGroup, Args};
use serde::Serialize;

use crate::{
    cli::{
        Exit, OrExit as _, Output, Run, block_on, now,
        search::Search,
        system::{AsSystem, OrHub as _},
    },
    client::Holder,
};

/// Erase openings for good, by age or by holder; every proof still verifies
///
/// The order is a statement of an administrator and is entered in the log. How many openings were erased, the log says on a later
/// day, for all erasures together. If the command is interrupted, order it again.
#[derive(Args)]
#[command(group = ArgGroup::new("which").required(true))]
pub(in crate::cli) struct Erase {
    #[command(flatten)]
    as_system: AsSystem,
    /// Those of queries and traces entered longer ago than this: days, such as 180d
    #[arg(long, value_name = "DAYS", value_parser = days, group = "which")]
    older_than: Option<u32>,
    /// Those that name this holder, or a record of theirs: `uscc`, `citizen-id` or a holder code type 持证主体代码类型 such as 414, and
    /// the identifier
    #[arg(long, num_args = 2, value_names = ["TYPE", "VALUE"], group = "which")]
    holder: Option<Vec<String>>,
}

/// What came of it, as it is printed.
#[derive(Serialize)]
struct Done {
    erased: u64,
    entry: u64,
    time: String,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} openings erased; ordered by entry {}, {}", self.erased, self.entry, self.time)
    }
}

impl Run for Erase {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let holder = match self.holder.as_deref() {
            Some([code_type, value]) => Some(Holder::new(code_type, value).or_exit(Exit::BadInput, "no such holder")?),
            _ => None,
        };
        let before = now()?.plus_seconds(-86_400 * i64::from(self.older_than.unwrap_or_default()));
        let erased = block_on(async {
            let client = self.as_system.connect().await?;
            let search = Search::begin();
            let erased = match &holder {
                Some(holder) => client.erase_holder(holder, |progress| search.told(progress)).await,
                None => client.erase_before(before, |progress| search.told(progress)).await,
            };
            drop(search);
            erased.or_hub("the openings were not erased")
        })?;
        let (entry, time) = (erased.receipt.index, erased.receipt.time().to_string());
        output.print(&Done { erased: erased.count, entry, time })?;
        Ok(Exit::Success)
    }
}

/// A number of days, with the unit said.
fn days(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix('d').and_then(|number| number.parse().ok());
    number.ok_or_else(|| "must be a number of days, such as 180d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::days;

    #[test]
    fn days_are_said_with_their_unit() {
        assert_eq!(days("180d"), Ok(180));
        for text in ["180", "d", "-1d", "1.5d", "6m", "4294967296d"] {
            assert!(days(text).is_err(), "{text}");
        }
    }
}
