//! `hutong agreement diff`, and what is shown of a text before it is signed.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::{
    file::Terms,
    propose::{next_place, predecessor},
};
use crate::{
    cli::{
        Exit, OrExit as _, Output, Run, block_on,
        system::{AsSystem, OrHub as _},
    },
    client::{Client, ShownAgreement},
    domain::{
        agreement::AgreementText,
        amendment::{Amendment, Change, amendments, replaced},
        id::AgreementId,
    },
    files,
};

/// Show what one version of an agreement changes of another, term by term
///
/// Without options the newest version is compared with the one before it.
#[derive(Args)]
pub(in crate::cli) struct Diff {
    #[command(flatten)]
    as_system: AsSystem,
    /// The agreement
    #[arg(value_name = "ID")]
    agreement: AgreementId,
    /// The version compared with [default: the one before]
    #[arg(long, value_name = "NUMBER")]
    from: Option<u32>,
    /// The version compared [default: the newest]
    #[arg(long, value_name = "NUMBER")]
    to: Option<u32>,
    /// A file of terms compared with the newest version, or with --from
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    draft: Option<PathBuf>,
}

/// One text with its free texts, as far as they are known.
pub(super) struct Readable<'a> {
    pub(super) text: &'a AgreementText,
    pub(super) free: Vec<(&'static str, Option<&'a str>)>,
}

impl<'a> Readable<'a> {
    pub(super) fn of(shown: &'a ShownAgreement) -> Self {
        Self { text: &shown.version.text, free: shown.free_texts() }
    }
}

/// What one text changes of another.
#[derive(Serialize)]
pub(super) struct Difference {
    agreement: String,
    from: String,
    to: String,
    is_extension: bool,
    changes: Vec<ChangedTerm>,
    #[serde(skip)]
    is_coloured: bool,
}

#[derive(Serialize)]
struct ChangedTerm {
    term: &'static str,
    term_zh: &'static str,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

impl From<Amendment> for ChangedTerm {
    fn from(Amendment { term, change }: Amendment) -> Self {
        let (change, from, to) = match change {
            Change::Added(member) => ("added", None, Some(member)),
            Change::Removed(member) => ("removed", Some(member), None),
            Change::Replaced { from, to } => ("replaced", from, to),
        };
        Self { term, term_zh: term_zh(term), change, from, to }
    }
}

/// The Chinese name of a term.
fn term_zh(term: &str) -> &'static str {
    match term {
        "consumer" => "需求方",
        "provider" => "提供方",
        "resource" => "信息资源",
        "fields" => "信息项",
        "purposes" => "用途",
        "matters" => "事项",
        "lookups" => "查询方式",
        "valid_from" => "有效期自",
        "valid_until" => "有效期至",
        "daily_limit" => "每日限额",
        "batch_limit" => "单次限额",
        "minute_limit" => "每分钟限额",
        "condition" => "记录条件",
        "networks" => "网段",
        "retention_days" => "保存期限",
        "legal_basis" => "使用依据",
        "scenario" => "使用场景",
        "scope" => "使用范围",
        _ => "",
    }
}

impl Difference {
    pub(super) fn new(from: (&Readable<'_>, String), to: (&Readable<'_>, String), is_coloured: bool) -> Self {
        let ((before, from), (after, to)) = (from, to);
        let free = before.free.iter().zip(&after.free);
        let free = free.flat_map(|((term, before), (_, after))| replaced(term, *before, *after));
        let changes: Vec<_> = amendments(before.text, after.text).into_iter().chain(free).collect();
        let is_extension = changes.iter().all(|change| matches!(change.term, "valid_from" | "valid_until"))
            && after.text.valid_until > before.text.valid_until;
        Self {
            agreement: after.text.agreement_id.to_string(),
            from,
            to,
            is_extension,
            changes: changes.into_iter().map(ChangedTerm::from).collect(),
            is_coloured,
        }
    }
}

/// Green for what is added, red for what is removed.
const GREEN: &str = "\u{1b}[32m";
const RED: &str = "\u{1b}[31m";
const PLAIN: &str = "\u{1b}[0m";

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match (self.changes.is_empty(), self.is_extension) {
            (true, _) => "no difference 无变化",
            (_, true) => "an extension 延期",
            (_, false) => "an amendment 变更",
        };
        write!(f, "{} {} → {}: {kind}", self.agreement, self.from, self.to)?;
        let mut line = |sign: char, term: &str, value: &str| {
            let padding = " ".repeat(TERM_WIDTH.saturating_sub(term.width()));
            let (colour, plain) = match sign {
                '+' if self.is_coloured => (GREEN, PLAIN),
                '-' if self.is_coloured => (RED, PLAIN),
                _ => ("", ""),
            };
            write!(f, "\n  {colour}{sign} {term}{padding} {value}{plain}")
        };
        for ChangedTerm { term, term_zh, from, to, .. } in &self.changes {
            let name = format!("{term} {term_zh}");
            if let Some(from) = from {
                line('-', &name, from)?;
            }
            if let Some(to) = to {
                line('+', &name, to)?;
            }
        }
        Ok(())
    }
}

/// The places that names of terms take on a terminal: the longest, `retention_days 保存期限`.
const TERM_WIDTH: usize = 23;

fn numbered(shown: &ShownAgreement) -> String {
    format!("version {}", shown.version.text.version)
}

/// What a version changes of the one before it, if there is one.
pub(super) async fn from_predecessor(
    client: &Client,
    shown: &ShownAgreement,
    is_coloured: bool,
) -> anyhow::Result<Option<Difference>> {
    let before = predecessor(client, shown).await?;
    Ok(before.map(|before| {
        let from = (&Readable::of(&before), numbered(&before));
        Difference::new(from, (&Readable::of(shown), numbered(shown)), is_coloured)
    }))
}

impl Diff {
    async fn compare(&self, is_coloured: bool) -> anyhow::Result<Option<Difference>> {
        let client = self.as_system.connect().await?;
        let read = async |version| client.agreement(&self.agreement, version).await.or_hub("cannot read the agreement");
        if let Some(file) = &self.draft {
            let written = files::read_text(file).or_exit(Exit::BadInput, "cannot read the terms")?;
            let faulty = || format!("{} is no agreement", file.display());
            let terms = Terms::parse(&written).or_exit(Exit::BadInput, faulty())?;
            let before = read(self.from).await?;
            let text = terms.text(client.hub_domain(), next_place(&before));
            let draft = Readable { text: &text, free: terms.free_texts() };
            let from = (&Readable::of(&before), numbered(&before));
            return Ok(Some(Difference::new(from, (&draft, format!("draft 草稿 {}", file.display())), is_coloured)));
        }
        let after = read(self.to).await?;
        let Some(from) = self.from else { return from_predecessor(&client, &after, is_coloured).await };
        let before = read(Some(from)).await?;
        let from = (&Readable::of(&before), numbered(&before));
        Ok(Some(Difference::new(from, (&Readable::of(&after), numbered(&after)), is_coloured)))
    }
}

impl Run for Diff {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let Some(difference) = block_on(self.compare(output.is_coloured()))? else {
            let why = format!("{} has no version before; --draft FILE compares with a file", self.agreement);
            return None.or_exit(Exit::BadInput, why);
        };
        output.print(&difference)?;
        Ok(Exit::Success)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::cli::agreement::file::Place;

    #[test]
    fn what_is_added_and_removed_is_told_in_both_languages_and_coloured_only_where_asked() {
        let housing = include_str!("../../../deploy/examples/agreement-housing.toml");
        let parse = |text: &str| Terms::parse(text).unwrap();
        let (before, after) = (parse(housing), parse(&housing.replacen("daily_limit = ", "daily_limit = 7 #", 1)));
        let text = |terms: &Terms| terms.text(&"hub.example".parse().unwrap(), Place { version: 1, previous: None });
        let (before_text, after_text) = (text(&before), text(&after));
        let readable = |text, terms: &'static str| Readable { text, free: vec![("scenario", Some(terms))] };
        let difference = |is_coloured| {
            let (before, after) = (readable(&before_text, "a"), readable(&after_text, "b"));
            Difference::new((&before, "version 1".to_owned()), (&after, "version 2".to_owned()), is_coloured)
        };
        let told = difference(false).to_string();
        let lines: Vec<_> = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines[0], "housing-business-licence version 1 → version 2: an amendment 变更");
        assert!(lines[1].starts_with("- daily_limit 每日限额 ") && lines[2] == "+ daily_limit 每日限额 7", "{told}");
        assert_eq!(lines[3..], ["- scenario 使用场景 a", "+ scenario 使用场景 b"]);
        assert!(difference(true).to_string().contains("\u{1b}[32m+ daily_limit"));
        let machine = serde_json::to_value(difference(false)).unwrap();
        assert_eq!(machine["changes"][0]["change"], "replaced");
        assert_eq!(machine["changes"][0]["term_zh"], "每日限额");
    }
}
