//! `hutong agreement new`: a draft 草稿, a file on the consumer's side, before anything is signed.

use std::{fmt, fmt::Write as _};

use clap::Args;
use serde::Serialize;

use crate::{
    catalog::sharing_class_word,
    cli::{
        Exit, Output, Run, block_on, now,
        system::{AsSystem, OrHub as _},
        when::CIVIL_OFFSET_SECONDS,
    },
    domain::{
        catalog::{Field, FieldType, Resource, SharingClass},
        id::{AgreementId, Code, ResourceId},
        time::{Date, date_of_days, days_of_date},
    },
};

/// Write a commented draft 草稿 of an agreement on a resource, with every term that there is and the fields that it can give
///
/// The draft is printed on stdout; take out of it what the matter does not need, and take the `#` away where a term is wanted.
#[derive(Args)]
pub(in crate::cli) struct New {
    #[command(flatten)]
    as_system: AsSystem,
    /// The resource, as the hub's catalog has it
    #[arg(long, value_name = "ID")]
    resource: ResourceId,
    /// What the data is used for 用途, by its code; once for each
    #[arg(long, value_name = "CODE")]
    purpose: Vec<Code>,
    /// The agreement's id, unique on the hub: a to z, 0 to 9 and hyphens
    #[arg(value_name = "ID")]
    agreement: AgreementId,
}

/// How long a draft proposes to be in force, in days.
const DRAFT_DAYS: i64 = 365;
/// How many comparisons the example of a row condition has.
const EXAMPLE_COMPARISONS: usize = 2;

/// A draft's text.
fn draft(agreement: &AgreementId, consumer: &str, resource: &Resource, purposes: &[Code], today: Date) -> String {
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
    let purposes: Vec<_> = purposes.iter().map(|code| format!("\"{code}\"")).collect();
    let _ = write!(
        text,
        "]\n\n\
         purposes = [{purposes}]     # 用途: the codes of what the data is used for, at least one\n\
         matters = []     # 事项: their codes; none named: any\n\
         lookups = [\"record\", \"holder\"]     # 查询方式: by a record's identifier, by its holder's\n\n\
         valid_from = {today}     # 有效期自; or a time, 2026-01-01T08:00:00+08:00\n\
         valid_until = {until}     # 有效期至: the last day\n\
         daily_limit = 1000     # 每日限额, in records\n\
         # minute_limit = 60     # 每分钟限额, in records; without it as many as the day allows\n\
         batch_limit = 10     # 单次限额, in lookups\n\
         # networks = [\"10.44.0.0/16\", \"2001:db8:44::/48\"]     # 允许网段: from where it may be asked; without it from anywhere\n\
         # retention_days = 180     # 保存期限: for how many days what was got may be kept; without it the agreement sets no duty\n\n\
         legal_basis = \"\"     # 使用依据: the law and its article\n\
         scenario = \"\"     # 使用场景: what is done with the data, and for whom\n\
         scope = \"\"     # 使用范围: who works with it\n\n\
         # 记录条件: only records that meet it are given. `all` and `any` hold comparisons, or each other: a field with one of is, is_not,\n\
         # less_than, at_most, more_than, at_least, one_of, starts_with, empty. Its fields need not be among those above.\n\
         # condition = {{ all = [{example}] }}\n",
        purposes = purposes.join(", "),
        example = example(resource),
    );
    text
}

/// Comparisons that could be made in the resource.
fn example(resource: &Resource) -> String {
    let fields = || resource.fields.iter().filter(|field| field.sharing_class != SharingClass::NotShared);
    let typed = fields().filter_map(|field| comparison(field).map(|test| (field, test)));
    let any = fields().map(|field| (field, "empty = false".to_owned()));
    let mut chosen: Vec<_> = typed.take(EXAMPLE_COMPARISONS).collect();
    if chosen.is_empty() {
        chosen.extend(any.take(EXAMPLE_COMPARISONS));
    }
    let written: Vec<_> =
        chosen.iter().map(|(field, test)| format!("{{ field = \"{}\", {test} }}", field.code)).collect();
    written.join(", ")
}

/// What could be asked of a value of the field, where its type says more than that it is a text.
fn comparison(field: &Field) -> Option<String> {
    Some(match &field.field_type {
        FieldType::Code(codes) => format!("one_of = [\"{}\"]", codes.first()?.code),
        FieldType::Date => "at_least = 2026-01-01".to_owned(),
        FieldType::DateTime => "at_least = 2026-01-01T00:00:00+08:00".to_owned(),
        FieldType::Integer => "at_least = 0".to_owned(),
        FieldType::Decimal => "at_least = \"0.00\"".to_owned(),
        FieldType::Boolean => "is = true".to_owned(),
        FieldType::AdministrativeDivision => "starts_with = \"44\"".to_owned(),
        _ => return None,
    })
}

impl Run for New {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let (resource, consumer) = block_on(async {
            let client = self.as_system.connect().await?;
            let entry = client.resource(&self.resource).await.or_hub("cannot read the catalog entry")?;
            Ok::<_, anyhow::Error>((entry.resource, *client.system().department()))
        })?;
        let today = now()?.civil_day(CIVIL_OFFSET_SECONDS);
        let draft = draft(&self.agreement, consumer.as_str(), &resource, &self.purpose, today);
        output.print(&Draft { draft })?;
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{catalog, cli::agreement::lint::lint};

    fn told(text: &str, entries: &[Resource]) -> Vec<String> {
        lint("a.toml", text, Some(entries)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_new_draft_is_in_order_with_every_term_that_it_offers() {
        let entries = catalog::parse(include_bytes!("../../../deploy/examples/catalog.toml")).unwrap().resources;
        let id = "draft-2026".parse().unwrap();
        let draft = |resource, purposes: &[Code]| {
            draft(&id, "11440399X00000043T", resource, purposes, Date::constant(2026, 11, 28))
        };
        for resource in &entries {
            let text = draft(resource, &["permit".parse().unwrap()]);
            assert_eq!(told(&text, &entries), [""; 0], "{text}");
            let mut offered = text.clone();
            for term in ["minute_limit", "networks", "retention_days", "condition"] {
                let commented = format!("\n# {term} = ");
                assert!(text.contains(&commented), "{text}");
                offered = offered.replacen(&commented, &format!("\n{term} = "), 1);
            }
            assert_eq!(told(&offered, &entries), [""; 0], "{offered}");

            let faults = told(&draft(resource, &[]), &entries);
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].contains("at least one must be named"), "{faults:?}");
        }
    }
}
