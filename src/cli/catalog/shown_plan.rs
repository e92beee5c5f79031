//! A plan as it is told: to people in colours, where there is a terminal, to machines in JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::lint::Language;
use crate::{
    catalog::{AgreementImpact, Change, InForce, Plan, RecordImpact, TableChange, breaking_word},
    cli::{agreement, counted},
    domain::catalog::{Breaking, BreakingChange},
};

/// What is told of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShownPlan {
    /// The version of the catalog that it was made on.
    pub(super) catalog_version: u64,
    pub(super) breaking: bool,
    changes: Vec<Changed>,
    code_tables: Vec<NewTable>,
    agreements: Vec<TouchedAgreement>,
    records: Vec<TouchedRecords>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    resource: String,
    version: u32,
    /// How many fields the new version has.
    fields: usize,
    differences: Vec<String>,
    breaking: Vec<Broken>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Broken {
    path: String,
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTable {
    table: String,
    version: u32,
    added: usize,
    altered: usize,
    removed: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TouchedAgreement {
    agreement: String,
    version: u32,
    state: String,
    consumer: String,
    consumer_name: String,
    resource: String,
    lost: Vec<String>,
    unaccepted: Vec<String>,
    /// The field for which the row condition no longer fits.
    condition: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TouchedRecords {
    resource: String,
    resource_version: u32,
    records: u64,
    may_be_refused: Vec<Broken>,
}

impl From<&BreakingChange> for Broken {
    fn from(change: &BreakingChange) -> Self {
        let path = change.path.replace("fields[", "field[");
        Self { path, kind: change.breaking.as_str().to_owned() }
    }
}

impl Broken {
    fn word(&self, lang: Language) -> &str {
        let known = Breaking::ALL.into_iter().find(|breaking| breaking.as_str() == self.kind);
        known.filter(|_| lang == Language::Zh).map_or(self.kind.as_str(), |known| breaking_word(known))
    }
}

impl ShownPlan {
    pub(super) fn new(
        in_force: &InForce,
        plan: &Plan,
        agreements: Vec<AgreementImpact>,
        records: Vec<RecordImpact>,
    ) -> Self {
        let changed = |change: &Change| Changed {
            resource: change.resource_id.to_string(),
            version: change.version,
            fields: change.fields,
            differences: change.differences.iter().map(ToString::to_string).collect(),
            breaking: change.breaking.iter().map(Broken::from).collect(),
        };
        let table = |change: &TableChange| NewTable {
            table: change.table_id.to_string(),
            version: change.version,
            added: change.added,
            altered: change.altered,
            removed: change.removed.clone(),
        };
        let touched = |impact: AgreementImpact| TouchedAgreement {
            agreement: impact.agreement_id.to_string(),
            version: impact.version,
            state: agreement::state(impact.state).0.to_owned(),
            consumer: impact.consumer.to_string(),
            consumer_name: in_force.departments.get(&impact.consumer).cloned().unwrap_or_default(),
            resource: impact.resource_id.to_string(),
            lost: impact.lost.iter().map(ToString::to_string).collect(),
            unaccepted: impact.unaccepted.iter().map(ToString::to_string).collect(),
            condition: impact.condition.map(|field| field.to_string()),
        };
        let of_records = |impact: RecordImpact| TouchedRecords {
            resource: impact.resource_id.to_string(),
            resource_version: impact.resource_version,
            records: impact.records,
            may_be_refused: impact.narrowed.iter().map(Broken::from).collect(),
        };
        Self {
            catalog_version: in_force.version,
            breaking: plan.is_breaking(),
            changes: plan.changes.iter().map(changed).collect(),
            code_tables: plan.code_tables.iter().map(table).collect(),
            agreements: agreements.into_iter().map(touched).collect(),
            records: records.into_iter().map(of_records).collect(),
        }
    }

    /// Whether it changes what another one does.
    pub(super) fn has_changes_of(&self, other: &Self) -> bool {
        (&self.changes, &self.code_tables) == (&other.changes, &other.code_tables)
    }

    /// The agreements to which it does something that another does not tell of.
    pub(super) fn agreements_beyond(&self, other: &Self) -> Vec<String> {
        let told = |own: &TouchedAgreement| {
            // An agreement that was proposed may be in force by now: it loses the same.
            other.agreements.iter().any(|other| TouchedAgreement { state: own.state.clone(), ..other.clone() } == *own)
        };
        self.agreements.iter().filter(|own| !told(own)).map(TouchedAgreement::name).collect()
    }
}

impl TouchedAgreement {
    fn name(&self) -> String {
        let Self { agreement, version, state, consumer, consumer_name, .. } = self;
        format!("{agreement} v{version} {state}, {consumer_name} {consumer}")
    }
}

/// A plan in the colours and the language of whoever looks at it.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Painted<'a> {
    plan: &'a ShownPlan,
    #[serde(skip)]
    lang: Language,
    #[serde(skip)]
    colour: bool,
}

impl<'a> Painted<'a> {
    pub(super) fn new(plan: &'a ShownPlan, lang: Language, colour: bool) -> Self {
        Self { plan, lang, colour }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn say<'t>(&self, english: &'t str, chinese: &'t str) -> &'t str {
        if self.lang == Language::Zh { chinese } else { english }
    }

    /// A number of things.
    fn count(&self, number: usize, english: &str, chinese: &str) -> String {
        if self.lang == Language::Zh { format!("{number} 个{chinese}") } else { counted(number, english) }
    }

    fn broken(&self, broken: &[Broken]) -> String {
        let word = |broken: &Broken| format!("{} {}", broken.path, broken.word(self.lang));
        broken.iter().map(word).collect::<Vec<_>>().join(self.say(", ", "、"))
    }

    /// What gets which version, and, if it is new, how much it holds.
    fn heading(&self, name: &str, version: u32, holds: &str) -> String {
        let new = if version == 1 { format!("{}{holds}", self.say(", new: ", "，新增：")) } else { String::new() };
        self.paint("1", &format!("{name} → {} {version}{new}", self.say("version", "版本")))
    }

    fn changes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.plan.code_tables {
            let name = format!("{} {}", self.say("code table", "码表"), table.table);
            let added = self.count(table.added, "code", "代码");
            writeln!(f, "{}", self.heading(&name, table.version, &added))?;
            if table.added > 0 && table.version > 1 {
                writeln!(f, "    {}", self.paint("32", &format!("+ {added}")))?;
            }
            if table.altered > 0 {
                let altered = format!("~ {}", self.count(table.altered, "code", "代码"));
                writeln!(f, "    {}", self.paint("33", &altered))?;
            }
            if !table.removed.is_empty() {
                let named: Vec<_> = table.removed.iter().take(MOST_NAMED).map(String::as_str).collect();
                let more = if table.removed.len() > MOST_NAMED { " …" } else { "" };
                let count = self.count(table.removed.len(), "code", "代码");
                let removed = format!("- {count}: {}{more}", named.join(" "));
                writeln!(f, "    {}", self.paint("31", &removed))?;
            }
        }
        for change in &self.plan.changes {
            let fields = self.count(change.fields, "field", "信息项");
            writeln!(f, "{}", self.heading(&change.resource, change.version, &fields))?;
            for difference in &change.differences {
                let colour = match difference.as_bytes().first() {
                    Some(b'+') => "32",
                    Some(b'-') => "31",
                    _ => "33",
                };
                writeln!(f, "    {}", self.paint(colour, difference))?;
            }
            for broken in &change.breaking {
                let told = format!("! {}", self.broken(std::slice::from_ref(broken)));
                writeln!(f, "    {}", self.paint("1;31", &told))?;
            }
        }
        Ok(())
    }

    fn touched(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ShownPlan { agreements, records, .. } = self.plan;
        if agreements.is_empty() && records.is_empty() {
            return Ok(());
        }
        writeln!(f, "{}", self.paint("1", self.say("whom it touches", "影响")))?;
        for touched in agreements {
            let TouchedAgreement { resource, lost, unaccepted, condition, .. } = touched;
            let who = format!("{} {}, {resource}", self.say("agreement", "协议"), touched.name());
            if !lost.is_empty() {
                let told = format!("{who}: {} {}", self.say("loses", "失去信息项"), lost.join(" "));
                writeln!(f, "    {}", self.paint("31", &told))?;
            }
            if !unaccepted.is_empty() {
                let rests = self.say("rests until its provider accepts", "须经提供方同意后方可继续使用");
                let told = format!("{who}: {rests} {}", unaccepted.join(" "));
                writeln!(f, "    {}", self.paint("31", &told))?;
            }
            if let Some(field) = condition {
                let rests = self.say(
                    "rests until another version is agreed on, for its row condition no longer fits",
                    "记录条件不再适用，须签订新版本后方可继续使用：",
                );
                writeln!(f, "    {}", self.paint("31", &format!("{who}: {rests} {field}")))?;
            }
        }
        for TouchedRecords { resource, resource_version, records, may_be_refused } in records {
            let kept = match self.lang {
                Language::En => format!(
                    "{} of {resource} {} readable under version {resource_version}",
                    counted(usize::try_from(*records).unwrap_or(usize::MAX), "current record"),
                    if *records == 1 { "stays" } else { "stay" }
                ),
                Language::Zh => format!("{resource} 的 {records} 条现行记录仍按版本 {resource_version} 可读"),
            };
            writeln!(f, "    {kept}")?;
            if !may_be_refused.is_empty() {
                let told = self.say(
                    "published again, rows that were in order may be refused: ",
                    "重新发布时，原本合规的行可能不被接受：",
                );
                writeln!(f, "        {}", self.paint("33", &format!("{told}{}", self.broken(may_be_refused))))?;
            }
        }
        Ok(())
    }
}

/// The most codes of a table that are named.
const MOST_NAMED: usize = 10;

impl fmt::Display for Painted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes(f)?;
        self.touched(f)?;
        let plan = self.plan;
        let version = plan.catalog_version;
        if plan.changes.is_empty() && plan.code_tables.is_empty() {
            let told = self.say("nothing to change; the catalog is at version", "没有变更；目录版本为");
            return write!(f, "{told} {version}");
        }
        let counts = [
            (plan.changes.len(), self.count(plan.changes.len(), "resource", "资源")),
            (plan.code_tables.len(), self.count(plan.code_tables.len(), "code table", "码表")),
        ];
        let counts: Vec<_> = counts.into_iter().filter(|(number, _)| *number > 0).map(|(_, words)| words).collect();
        match self.lang {
            Language::En => write!(f, "planned on catalog version {version}: {}", counts.join(", "))?,
            Language::Zh => write!(f, "在目录版本 {version} 上变更：{}", counts.join("、"))?,
        }
        if plan.breaking {
            let told = self.say("; some of it breaks: --allow-breaking", "；含不兼容变更，须加 --allow-breaking");
            f.write_str(&self.paint("1;31", told))?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn plan() -> ShownPlan {
        let broken =
            || vec![Broken::from(&BreakingChange { path: "fields[ZZBH]".into(), breaking: Breaking::LengthShortened })];
        let changed = |resource: &str, version, differences: &[&str], breaking| Changed {
            resource: resource.into(),
            version,
            fields: 20,
            differences: differences.iter().map(|line| (*line).to_owned()).collect(),
            breaking,
        };
        let table = |version, added, altered, removed: &[&str]| NewTable {
            table: "gbt-2260".into(),
            version,
            added,
            altered,
            removed: removed.iter().map(|code| (*code).to_owned()).collect(),
        };
        let agreement = |lost: &[&str], unaccepted: &[&str], condition: Option<&str>| TouchedAgreement {
            agreement: "housing".into(),
            version: 2,
            state: "ACTIVE".into(),
            consumer: "11440399X00000043T".into(),
            consumer_name: "样例市住房和建设局".into(),
            resource: "samr.licence".into(),
            lost: lost.iter().map(|code| (*code).to_owned()).collect(),
            unaccepted: unaccepted.iter().map(|code| (*code).to_owned()).collect(),
            condition: condition.map(str::to_owned),
        };
        let records = |resource_version, records, may_be_refused| TouchedRecords {
            resource: "samr.licence".into(),
            resource_version,
            records,
            may_be_refused,
        };
        ShownPlan {
            catalog_version: 7,
            breaking: true,
            changes: vec![
                changed(
                    "samr.licence",
                    3,
                    &["~ field[ZZBH].max_length: 60 → 50", "- field[KZ_X] = { }", "+ subject = \"市场监管\""],
                    broken(),
                ),
                changed("city.permit", 1, &[], Vec::new()),
            ],
            code_tables: vec![table(1, 34, 0, &[]), table(2, 1, 3, &["83", "84"])],
            agreements: vec![agreement(&["KZ_X"], &["ZZBH"], None), agreement(&[], &[], Some("KZ_LX"))],
            records: vec![records(1, 1, Vec::new()), records(2, 1000, broken())],
        }
    }

    fn shown(lang: Language, colour: bool) -> String {
        Painted::new(&plan(), lang, colour).to_string()
    }

    #[test]
    fn a_plan_says_what_changes_what_breaks_and_whom_it_touches() {
        assert_eq!(
            shown(Language::En, false),
            "code table gbt-2260 → version 1, new: 34 codes\n\
             code table gbt-2260 → version 2\n    \
             + 1 code\n    \
             ~ 3 codes\n    \
             - 2 codes: 83 84\n\
             samr.licence → version 3\n    \
             ~ field[ZZBH].max_length: 60 → 50\n    \
             - field[KZ_X] = { }\n    \
             + subject = \"市场监管\"\n    \
             ! field[ZZBH] LENGTH_SHORTENED\n\
             city.permit → version 1, new: 20 fields\n\
             whom it touches\n    \
             agreement housing v2 ACTIVE, 样例市住房和建设局 11440399X00000043T, samr.licence: loses KZ_X\n    \
             agreement housing v2 ACTIVE, 样例市住房和建设局 11440399X00000043T, samr.licence: rests until its provider accepts ZZBH\n    \
             agreement housing v2 ACTIVE, 样例市住房和建设局 11440399X00000043T, samr.licence: rests until another version is agreed on, for its row condition no longer fits KZ_LX\n    \
             1 current record of samr.licence stays readable under version 1\n    \
             1000 current records of samr.licence stay readable under version 2\n        \
             published again, rows that were in order may be refused: field[ZZBH] LENGTH_SHORTENED\n\
             planned on catalog version 7: 2 resources, 2 code tables; some of it breaks: --allow-breaking"
        );
        let chinese = shown(Language::Zh, false);
        for said in [
            "码表 gbt-2260 → 版本 1，新增：34 个代码\n",
            "! field[ZZBH] 长度缩短\n",
            "协议 housing v2 ACTIVE, 样例市住房和建设局 11440399X00000043T, samr.licence: 失去信息项 KZ_X\n",
            "在目录版本 7 上变更：2 个资源、2 个码表；含不兼容变更，须加 --allow-breaking",
        ] {
            assert!(chinese.contains(said), "{said}: {chinese}");
        }
    }

    #[test]
    fn a_plan_of_nothing_says_so() {
        let nothing = ShownPlan {
            breaking: false,
            changes: Vec::new(),
            code_tables: Vec::new(),
            agreements: Vec::new(),
            records: Vec::new(),
            ..plan()
        };
        let told = Painted::new(&nothing, Language::En, true).to_string();
        assert_eq!(told, "nothing to change; the catalog is at version 7");
    }

    #[test]
    fn colours_are_for_those_who_can_see_them() {
        assert!(!shown(Language::En, false).contains('\x1b'));
        assert!(shown(Language::En, true).contains("\x1b[31m- field[KZ_X] = { }\x1b[0m"));
    }

    #[test]
    fn an_agreement_that_was_not_told_of_is_named() {
        let mut told = plan();
        let mut now = plan();
        now.agreements[0].state = "SUSPENDED".into();
        assert_eq!(now.agreements_beyond(&told), Vec::<String>::new());
        told.agreements.remove(1);
        now.agreements[0].lost.push("KZ_Y".into());
        let named = now.agreements_beyond(&told);
        assert_eq!(named.len(), 2);
        assert_eq!(named[0], "housing v2 SUSPENDED, 样例市住房和建设局 11440399X00000043T");
    }
}
