//! `hutong agreement new|lint`: drafts 草稿, files on the consumer's side, before anything is signed.

use std::{fmt, fmt::Write as _, path::PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::file::Terms;
use crate::{
    catalog::{self, sharing_class_word},
    cli::{
        Exit, OrExit as _, Output, Run, block_on,
        fault::Fault,
        now,
        system::{AsSystem, OrHub as _},
        when::CIVIL_OFFSET_SECONDS,
    },
    client::{Client, Profile},
    domain::{
        catalog::{Resource, SharingClass},
        id::{AgreementId, ResourceId},
        time::{Date, date_of_days, days_of_date},
    },
    files,
};

/// Write a commented draft 草稿 of an agreement on a resource, with the fields that it can give
///
/// The draft is printed on stdout; take out of it what the matter does not need.
#[derive(Args)]
pub(in crate::cli) struct New {
    #[command(flatten)]
    as_system: AsSystem,
    /// The resource, as the hub's catalog has it
    #[arg(long, value_name = "ID")]
    resource: ResourceId,
    /// The agreement's id, unique on the hub: a to z, 0 to 9 and hyphens
    #[arg(value_name = "ID")]
    agreement: AgreementId,
}

/// Check a draft: everything that is wrong with it, as file:line:column, before it is proposed
///
/// Without --profile or --catalog only the file itself is checked; with one of them also that the catalog can give what it asks for.
/// Exit code 0: it may be proposed; 1: there are findings.
#[derive(Args)]
pub(in crate::cli) struct Lint {
    /// The draft, TOML in UTF-8
    file: PathBuf,
    /// The profile of a system, to compare the draft with the catalog of its hub
    #[arg(long, value_name = "FILE", conflicts_with = "catalog")]
    profile: Option<PathBuf>,
    /// A catalog file to compare the draft with
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
}

/// How long a draft proposes to be in force, in days.
const DRAFT_DAYS: i64 = 365;

/// A draft's text.
fn draft(agreement: &AgreementId, consumer: &str, resource: &Resource, today: Date) -> String {
    let mut text = String::new();
    let until = date_of_days(days_of_date(today) + DRAFT_DAYS);
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "# 共享协议草稿 Draft of an agreement on {id} {name}.\n\
         # Check it with `hutong agreement lint`, propose it with `hutong agreement propose`.\n\
         id = \"{agreement}\"\n\
         consumer = \"{consumer}\"     # 需求方\n\
         provider = \"{provider}\"     # 提供方\n\
         resource = \"{id}\"\n\n\
         # 信息项: leave what the matter needs, and no more. CONDITIONAL ones need the provider's acceptance.\n\
         fields = [\n",
        id = resource.resource_id,
        name = resource.name,
        provider = resource.provider.as_str(),
    );
    for field in &resource.fields {
        let class = sharing_class_word(field.sharing_class);
        let _ = match field.sharing_class {
            SharingClass::NotShared => {
                writeln!(text, "    # {} {} is {class}: {}", field.code, field.name, resource.denial_basis)
            }
            _ => writeln!(text, "    \"{}\",     # {} {class}", field.code, field.name),
        };
    }
    let _ = write!(
        text,
        "]\n\n\
         purposes = []                # 用途: the codes of what the data is used for, at least one\n\
         matters = []                 # 事项: their codes; none named: any\n\
         lookups = [\"record\", \"holder\"]\n\n\
         valid_from = {today}\n\
         valid_until = {until}     # the last day\n\
         daily_limit = 1000           # 每日限额, in records\n\
         batch_limit = 10             # 单次限额, in lookups\n\n\
         legal_basis = \"\"             # 使用依据\n\
         scenario = \"\"                # 使用场景\n"
    );
    text
}

impl Run for New {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let (resource, consumer) = block_on(async {
            let client = self.as_system.connect().await?;
            let entry = client.resource(&self.resource).await.or_hub("cannot read the catalog entry")?;
            Ok::<_, anyhow::Error>((entry.resource, *client.system().department()))
        })?;
        let today = now()?.civil_day(CIVIL_OFFSET_SECONDS);
        output.print(&Draft { draft: draft(&self.agreement, consumer.as_str(), &resource, today) })?;
        Ok(Exit::Success)
    }
}

#[derive(Serialize)]
struct Draft {
    draft: String,
}

impl fmt::Display for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.draft.trim_end())
    }
}

/// Where in the file what a catalog decides on stands; what else it holds is for [`Terms`].
#[derive(Deserialize)]
struct Located {
    provider: Option<Spanned<String>>,
    resource: Option<Spanned<String>>,
    #[serde(default)]
    fields: Vec<Spanned<String>>,
}

/// Everything that is wrong with a draft. `resource` finds a catalog entry, where there is a catalog.
fn lint(file: &str, text: &str, resource: impl Fn(&str) -> Option<Option<Resource>>) -> Vec<Fault> {
    let located: Located = match toml::from_str(text) {
        Ok(located) => located,
        Err(error) => return vec![Fault::syntax(file, text, &error)],
    };
    let mut faults = Vec::new();
    match Terms::parse_located(text) {
        Err(error) => faults.push(Fault::syntax(file, text, &error)),
        Ok(terms) if terms.is_backwards() => {
            let at = text.find("valid_until").unwrap_or_default();
            let (en, zh) = ("`valid_until` is not after `valid_from`", "有效期至不晚于有效期自");
            faults.push(Fault::new(file, text, at, en, zh));
        }
        Ok(_) => {}
    }
    let named = located.resource.as_ref().and_then(|named| Some((named, resource(named.get_ref())?)));
    match named {
        None => {}
        Some((named, None)) => {
            let id = named.get_ref();
            let (en, zh) = (format!("the catalog has no resource {id}"), format!("目录中没有信息资源 {id}"));
            faults.push(Fault::new(file, text, named.span().start, en, zh));
        }
        Some((_, Some(resource))) => faults.extend(against(file, text, &located, &resource)),
    }
    faults.sort();
    faults.dedup();
    faults
}

/// What a catalog entry cannot give.
fn against(file: &str, text: &str, located: &Located, resource: &Resource) -> Vec<Fault> {
    let fault = |at: &Spanned<String>, en: String, zh: String| Fault::new(file, text, at.span().start, en, zh);
    let mut faults = Vec::new();
    if let Some(provider) = located.provider.as_ref().filter(|one| one.get_ref() != resource.provider.as_str()) {
        let is = resource.provider.as_str();
        faults.push(fault(
            provider,
            format!("the provider of the resource is {is}"),
            format!("信息资源的提供方是 {is}"),
        ));
    }
    for field in &located.fields {
        let code = field.get_ref();
        match resource.field(code).map(|found| (found.sharing_class, &found.name)) {
            None => {
                let en = format!("the resource has no field {code}");
                faults.push(fault(field, en, format!("信息资源没有信息项 {code}")));
            }
            Some((SharingClass::NotShared, name)) => {
                let basis = &resource.denial_basis;
                let en = format!("the field {code} {name} is not shared: {basis}");
                faults.push(fault(field, en, format!("信息项 {code} {name} 不予共享：{basis}")));
            }
            Some(_) => {}
        }
    }
    faults
}

/// What is said of a draft in order.
#[derive(Serialize)]
struct InOrder {
    file: String,
    agreement: String,
    compared: bool,
}

impl fmt::Display for InOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let compared = if self.compared {
            "in order, and the catalog can give it"
        } else {
            "in order; not compared with a catalog"
        };
        write!(f, "{}: {}, {compared}", self.file, self.agreement)
    }
}

impl Lint {
    /// The entries to compare with, if that is asked for.
    fn catalog(&self) -> anyhow::Result<Option<Vec<Resource>>> {
        if let Some(path) = &self.catalog {
            let bytes = std::fs::read(path).or_exit(Exit::BadInput, format!("cannot read {}", path.display()))?;
            let faulty = format!("{} is no catalog; `hutong catalog lint` says why", path.display());
            return catalog::parse(&bytes).ok().or_exit(Exit::BadInput, faulty).map(|content| Some(content.resources));
        }
        let Some(path) = &self.profile else { return Ok(None) };
        let profile = Profile::read(path).or_exit(Exit::Config, "cannot act as this system")?;
        let (entries, _) = block_on(async {
            let client = Client::connect(&profile).await.or_hub("cannot reach the hub")?;
            client.catalog().await.or_hub("cannot read the catalog")
        })?;
        Ok(Some(entries.into_iter().map(|entry| Resource::clone(&entry.resource)).collect()))
    }
}

impl Run for Lint {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let text = files::read_text(&self.file).or_exit(Exit::BadInput, "cannot read the draft")?;
        let entries = self.catalog()?;
        let file = self.file.display().to_string();
        let find = |id: &str| {
            let entries = entries.as_ref()?;
            Some(entries.iter().find(|resource| resource.resource_id.as_str() == id).cloned())
        };
        let faults = lint(&file, &text, find);
        if !faults.is_empty() {
            faults.iter().try_for_each(|fault| output.print(fault))?;
            return Ok(Exit::Findings);
        }
        let terms = Terms::parse(&text)?;
        output.print(&InOrder { file, agreement: terms.id.to_string(), compared: entries.is_some() })?;
        Ok(Exit::Success)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    const HOUSING: &str = include_str!("../../../deploy/examples/agreement-housing.toml");

    fn entries() -> Vec<Resource> {
        catalog::parse(include_bytes!("../../../deploy/examples/catalog.toml")).unwrap().resources
    }

    fn told(text: &str) -> Vec<String> {
        let find = |id: &str| Some(entries().into_iter().find(|resource| resource.resource_id.as_str() == id));
        lint("a.toml", text, find).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_new_draft_lacks_purposes_and_nothing_else() {
        for resource in entries() {
            let id = "draft-2026".parse().unwrap();
            let text = draft(&id, "11440399X00000043T", &resource, Date::constant(2026, 11, 28));
            let faults = told(&text);
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].contains("at least one must be named"), "{faults:?}");
            let purposeful = text.replacen("purposes = []", "purposes = [\"permit\"]", 1);
            assert_eq!(told(&purposeful), [""; 0], "{purposeful}");
        }
    }

    #[test]
    fn what_the_catalog_cannot_give_is_found_by_line_and_column() {
        assert_eq!(told(HOUSING), [""; 0]);
        let line = HOUSING.lines().position(|line| line.starts_with("fields")).unwrap() + 1;
        let secret = entries()[0].fields.iter().find(|one| one.sharing_class == SharingClass::NotShared).cloned();
        let secret = secret.unwrap();
        let changed = HOUSING.replacen("fields = [", &format!("fields = [\"NOTHING\", \"{}\", ", secret.code), 1);
        let faults = told(&changed);
        assert!(faults[0].starts_with(&format!("a.toml:{line}:11: the resource has no field NOTHING")), "{faults:?}");
        assert!(faults[1].starts_with(&format!("a.toml:{line}:22: the field {}", secret.code)), "{faults:?}");
        assert!(faults[1].contains(&entries()[0].denial_basis), "{faults:?}");
        let elsewhere = HOUSING.replacen("resource = \"samr", "resource = \"sama", 1);
        assert!(told(&elsewhere)[0].contains("the catalog has no resource sama"), "{:?}", told(&elsewhere));
        let backwards = told(&HOUSING.replacen("valid_until = 2028", "valid_until = 2025", 1));
        assert!(backwards[0].contains("not after"), "{backwards:?}");
        let unreadable = told(&HOUSING.replacen("daily_limit", "dayly_limit", 1));
        assert!(unreadable[0].contains("unknown field"), "{unreadable:?}");
        assert_eq!(lint("a.toml", HOUSING, |_| None), [], "without a catalog the file alone is checked");
    }
}
