//! `hutong agreement lint`: what is wrong with a draft, by line and column, before it is sent.

use std::{fmt, path::PathBuf, sync::Arc};

use clap::Args;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::file::Terms;
use crate::{
    catalog::{self, nearest},
    cli::{
        Exit, OrExit as _, Output, Run, block_on,
        fault::{Fault, in_order},
        system::OrHub as _,
    },
    client::{Client, Profile},
    domain::{
        catalog::{CatalogPart, CodeTableRef, FieldType, Resource, SharingClass},
        condition::{Condition, Unfit},
    },
    files,
};

/// Check a draft: everything that is wrong with it, as file:line:column, before it is proposed
///
/// Without --profile or --catalog only the file itself is checked; with one of them also that the catalog can give what it asks for:
/// its fields, and those of its row condition with what they are compared with. Exit code 0: it may be proposed; 1: there are findings.
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

/// How many codes of a field are named where a literal is none of them; `hutong catalog show` has them all.
const CODES_NAMED: usize = 12;

/// Where in the file what a catalog decides on stands; what else it holds is for [`Terms`].
#[derive(Deserialize)]
struct Located {
    provider: Option<Spanned<String>>,
    resource: Option<Spanned<String>>,
    #[serde(default)]
    fields: Vec<Spanned<String>>,
    condition: Option<LocatedPart>,
}

/// Where the fields of a row condition stand.
#[derive(Deserialize)]
struct LocatedPart {
    #[serde(default)]
    all: Vec<LocatedPart>,
    #[serde(default)]
    any: Vec<LocatedPart>,
    field: Option<Spanned<String>>,
}

impl LocatedPart {
    /// In the order of [`Condition::comparisons`].
    fn fields(&self) -> Vec<&Spanned<String>> {
        let parts = self.all.iter().chain(&self.any).flat_map(Self::fields);
        self.field.iter().chain(parts).collect()
    }
}

/// Everything that is wrong with a draft, held against catalog entries where there are any.
pub(super) fn lint(file: &str, text: &str, entries: Option<&[Resource]>) -> Vec<Fault> {
    let located: Located = match toml::from_str(text) {
        Ok(located) => located,
        Err(error) => return vec![Fault::syntax(file, text, &error)],
    };
    let mut faults = Vec::new();
    let mut condition = None;
    match Terms::parse_located(text) {
        Err(error) => faults.push(Fault::syntax(file, text, &error)),
        Ok(terms) => {
            if terms.is_backwards() {
                let at = text.find("valid_until").unwrap_or_default();
                let (en, zh) = ("`valid_until` is not after `valid_from`", "有效期至不晚于有效期自");
                faults.push(Fault::new(file, text, at, en, zh));
            }
            condition = terms.condition;
        }
    }
    if let Some((entries, named)) = entries.zip(located.resource.as_ref()) {
        let mut draft = Draft { file, text, faults: &mut faults };
        match entries.iter().find(|resource| resource.resource_id.as_str() == named.get_ref()) {
            Some(resource) => draft.compare(&located, condition.as_ref(), resource),
            None => {
                let ids = entries.iter().map(|resource| resource.resource_id.as_str());
                let (en, zh) = meant(nearest(named.get_ref(), ids));
                let id = named.get_ref();
                draft.find(
                    named,
                    format!("the catalog has no resource {id}{en}"),
                    format!("目录中没有信息资源 {id}{zh}"),
                );
            }
        }
    }
    faults.sort();
    faults.dedup();
    faults
}

/// What was probably meant, in both languages.
fn meant(nearest: Option<&str>) -> (String, String) {
    nearest.map(|near| (format!("; is {near} meant?"), format!("；是否应为 {near}？"))).unwrap_or_default()
}

/// A draft before a catalog.
struct Draft<'a> {
    file: &'a str,
    text: &'a str,
    faults: &'a mut Vec<Fault>,
}

impl Draft<'_> {
    fn find(&mut self, at: &Spanned<String>, en: String, zh: String) {
        self.faults.push(Fault::new(self.file, self.text, at.span().start, en, zh));
    }

    /// Finds what a catalog entry cannot give.
    fn compare(&mut self, located: &Located, condition: Option<&Condition>, resource: &Resource) {
        if let Some(provider) = located.provider.as_ref().filter(|one| one.get_ref() != resource.provider.as_str()) {
            let is = resource.provider.as_str();
            self.find(provider, format!("the provider of the resource is {is}"), format!("信息资源的提供方是 {is}"));
        }
        for field in &located.fields {
            self.compare_field(field, resource);
        }
        // Where the terms do not read, the fields of the condition are looked up all the same.
        let mut comparisons = condition.into_iter().flat_map(Condition::comparisons);
        for at in located.condition.iter().flat_map(LocatedPart::fields) {
            let unfit = comparisons.next().and_then(|comparison| comparison.misfit(resource));
            if !self.compare_field(at, resource)
                && let Some(unfit) = unfit
            {
                self.find_unfit(at, unfit, resource);
            }
        }
    }

    /// Whether the field is not there, or not shared.
    fn compare_field(&mut self, field: &Spanned<String>, resource: &Resource) -> bool {
        let code = field.get_ref();
        match resource.field(code).map(|found| (found.sharing_class, &found.name)) {
            None => {
                // The name of a field is easily taken for its code.
                let named = resource.fields.iter().find(|known| known.name == *code).map(|known| known.code.as_str());
                let codes = resource.fields.iter().map(|known| known.code.as_str());
                let (en, zh) = meant(named.or_else(|| nearest(code, codes)));
                self.find(
                    field,
                    format!("the resource has no field {code}{en}"),
                    format!("信息资源没有信息项 {code}{zh}"),
                );
                true
            }
            Some((SharingClass::NotShared, name)) => {
                let basis = &resource.denial_basis;
                let en = format!("the field {code} {name} is not shared: {basis}");
                self.find(field, en, format!("信息项 {code} {name} 不予共享：{basis}"));
                true
            }
            Some(_) => false,
        }
    }

    fn find_unfit(&mut self, at: &Spanned<String>, unfit: Unfit, resource: &Resource) {
        let code = at.get_ref();
        let field_type = resource.field(code).map(|field| &field.field_type);
        let mut allowed = (String::new(), String::new());
        if unfit == Unfit::NoValue {
            if let Some(FieldType::CodeTable(CodeTableRef { table: None, .. })) = field_type {
                // The table is not in the file; the hub, which has it, will say.
                return;
            }
            if let Some(codes) = field_type.and_then(FieldType::codes) {
                let named: Vec<_> =
                    codes.iter().take(CODES_NAMED).map(|(code, name)| format!("{code} {name}")).collect();
                let more = if codes.len() > CODES_NAMED { ", …" } else { "" };
                let named = named.join(", ") + more;
                allowed = (format!(": its codes are {named}"), format!("：可用的代码为 {named}"));
            }
        }
        let en = format!("condition {code}: {}{}", unfit.in_english(), allowed.0);
        self.find(at, en, format!("记录条件 {code}：{}{}", unfit.in_chinese(), allowed.1));
    }
}

/// What is said of a draft in order.
#[derive(Serialize)]
struct InOrder {
    file: String,
    agreement: String,
    compared: bool,
    /// The free texts that it leaves out, which an answer may hang on.
    unstated: Vec<&'static str>,
}

impl fmt::Display for InOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let compared = if self.compared {
            "in order, and the catalog can give it"
        } else {
            "in order; not compared with a catalog"
        };
        write!(f, "{}: {}, {compared}", self.file, self.agreement)?;
        if self.unstated.is_empty() {
            Ok(())
        } else {
            write!(f, "; not stated 未填写: {}", self.unstated.join(", "))
        }
    }
}

/// The resources of a catalog file, with those code tables that it has.
fn with_tables(content: catalog::Content) -> Vec<Resource> {
    let CatalogPart { resources, code_tables } = content.into();
    let find = |reference: &CodeTableRef| {
        let is_meant = |version: u32| reference.version == 0 || reference.version == version;
        let of_id =
            code_tables.iter().filter(|table| *table.table_id() == reference.table_id && is_meant(table.version()));
        of_id.max_by_key(|table| table.version()).cloned()
    };
    let whole = |resource: Arc<Resource>| {
        Resource::clone(&resource.with_code_tables(find).unwrap_or_else(|_| Arc::clone(&resource)))
    };
    resources.into_iter().map(whole).collect()
}

impl Lint {
    /// The entries to compare with, if that is asked for.
    fn catalog(&self) -> anyhow::Result<Option<Vec<Resource>>> {
        if let Some(path) = &self.catalog {
            let bytes = std::fs::read(path).or_exit(Exit::BadInput, format!("cannot read {}", path.display()))?;
            let faulty = format!("{} is no catalog; `hutong catalog lint` says why", path.display());
            return catalog::parse(&bytes)
                .ok()
                .or_exit(Exit::BadInput, faulty)
                .map(|content| Some(with_tables(content)));
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
        let faults = lint(&file, &text, entries.as_deref());
        let read = if faults.is_empty() { Ok(Terms::parse(&text)?) } else { Err(faults) };
        let Some(terms) = in_order(output, read)? else { return Ok(Exit::Findings) };
        let unstated =
            terms.free_texts().into_iter().filter_map(|(name, text)| text.is_none().then_some(name)).collect();
        output.print(&InOrder { file, agreement: terms.id.to_string(), compared: entries.is_some(), unstated })?;
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
        lint("a.toml", text, Some(&entries())).iter().map(ToString::to_string).collect()
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
        assert!(told(&elsewhere)[0].contains("no resource sama.business-licence; is samr.business-licence meant?"));
        let backwards = told(&HOUSING.replacen("valid_until = 2028", "valid_until = 2025", 1));
        assert!(backwards[0].contains("not after"), "{backwards:?}");
        let unreadable = told(&HOUSING.replacen("daily_limit", "dayly_limit", 1));
        assert!(unreadable[0].contains("unknown field"), "{unreadable:?}");
        assert_eq!(lint("a.toml", HOUSING, None), [], "without a catalog the file alone is checked");
    }

    #[test]
    fn a_condition_is_held_against_the_catalog_by_line_and_column_and_the_nearest_field_is_named() {
        let with = |condition: &str| told(&format!("{HOUSING}condition = {condition}\n"));
        let line = HOUSING.lines().count() + 1;
        assert_eq!(with("{ field = \"KZ_LX\", empty = false }"), [""; 0]);
        let secret = entries()[0].fields.iter().find(|one| one.sharing_class == SharingClass::NotShared).cloned();
        let name = entries()[0].field("KZ_JYFW").unwrap().name.clone();
        for (condition, column, said) in [
            ("{ field = \"KZ_XL\", is = \"1\" }", 23, "has no field KZ_XL; is KZ_LX meant?".to_owned()),
            (
                "{ all = [{ field = \"CZZT\", empty = true }, { any = [{ field = \"CZZTDM\", is = \"1\" }] }] }",
                75,
                "condition CZZTDM: identifies".to_owned(),
            ),
            (
                "{ field = \"KZ_LX\", less_than = \"1\" }",
                23,
                "condition KZ_LX: values of a field of this type have no order".to_owned(),
            ),
            (&format!("{{ field = \"{}\", empty = true }}", secret.unwrap().code), 23, "is not shared".to_owned()),
        ] {
            let faults = with(condition);
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(
                faults[0].starts_with(&format!("a.toml:{line}:{column}: ")) && faults[0].contains(&said),
                "{faults:?}"
            );
        }
        let by_name = told(&HOUSING.replacen("\"KZ_JYFW\"", &format!("\"{name}\""), 1));
        assert!(by_name.iter().any(|fault| fault.contains("is KZ_JYFW meant?")), "{by_name:?}");
        let unread = with(&format!("{{ field = \"{name}\", empty = true }}"));
        assert!(unread.iter().any(|fault| fault.contains("is KZ_JYFW meant?")), "{unread:?}");
    }
}
