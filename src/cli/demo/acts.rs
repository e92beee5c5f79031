//! The story: collected once, used many times, verified by whoever cares.

use std::{collections::BTreeSet, fs, io::Write as _};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value, json};

use super::{
    narration::Narration,
    stage::{HUB, Player, Stage},
};
use crate::{
    catalog,
    cli::now,
    client::{FreeTexts, Lookup, QueryAnswer, QueryRequest},
    domain::{
        agreement::{AgreementText, LookupKind},
        id::Code,
        outcome::Effect,
        time::Time,
    },
    examples,
};

/// The example city's catalog, as the repository has it.
const CATALOG: &str = include_str!("../../../deploy/examples/catalog.toml");
/// The resources of the story.
pub(super) const LICENCE: &str = "samr.business-licence";
pub(super) const CERTIFICATE: &str = "mnr.real-estate-certificate";
/// The agreements of the story.
pub(super) const HOUSING_AGREEMENT: &str = "housing-business-licence";
const TAX_AGREEMENT: &str = "tax-business-licence";
/// What the housing department checks, and what it may therefore see.
pub(super) const HOUSING_PURPOSE: &str = "housing-registration";
const HOUSING_FIELDS: [&str; 4] = ["CZZT", "CZZTDM", "KZ_FDDBR_MASKED", "ZZYXQJZRQ"];
const TAX_FIELDS: [&str; 4] = ["CZZTDM", "KZ_CLRQ", "KZ_JYFW", "KZ_ZCZB"];
/// How many real-estate certificates are published.
const CERTIFICATES: u64 = 200;

/// The administrator applies the catalog.
pub(super) async fn catalog(stage: &mut Stage, narration: &mut Narration) -> anyhow::Result<()> {
    narration.act("The catalog 数据目录", "what may be shared, field by field, reviewed like code")?;
    fs::write(stage.path("catalog.toml"), CATALOG)?;
    let content = catalog::parse(CATALOG.as_bytes())
        .map_err(|problems| anyhow::anyhow!("the catalog has {} faults", problems.len()))?;
    let fields: usize = content.resources.iter().map(|resource| resource.fields.len()).sum();
    let count = content.resources.len();
    narration.command("catalog apply catalog.toml --profile profiles/administrator.toml")?;
    let client = &stage.administrator.client;
    let changed = client.apply_catalog(content.into(), 0, false, &|_, _| ()).await?;
    let Effect::CatalogReleased { version, .. } = changed.effect else { bail!("{:?}", changed.effect) };
    stage.keep_receipt("catalog-release", &changed.receipt)?;
    narration.step(&format!(
        "the administrator applies {count} resources with {fields} fields; catalog version {version} is entry {}",
        changed.receipt.index
    ))
}

/// Two departments publish, from the files that they have.
pub(super) async fn publication(stage: &mut Stage, narration: &mut Narration) -> anyhow::Result<()> {
    narration.act("Published once 一次采集", "each record signed by the department that answers for it")?;
    let encoding = examples::Encoding::Gb18030;
    let options = examples::Options { rows: stage.licences, seed: 7, encoding, excel_mangled: true, with_errors: 0 };
    let mut table = std::io::BufWriter::new(fs::File::create(stage.path("business-licences.csv"))?);
    examples::write_business_licences(&mut table, &options)?;
    table.flush()?;
    let options = examples::Options { rows: CERTIFICATES, encoding: examples::Encoding::Utf8Bom, ..options };
    let mut table = std::io::BufWriter::new(fs::File::create(stage.path("real-estate-certificates.csv"))?);
    examples::write_real_estate_certificates(&mut table, &options)?;
    table.flush()?;

    let licences = ["publish", "--profile", "profiles/registry.toml", "--resource", LICENCE, "business-licences.csv"];
    let told = "market regulation publishes {} 营业执照 from a GB 18030 table as a spreadsheet left it (dates like 2026/1/5, full-width digits)";
    publish(stage, narration, &licences, stage.licences, told).await?;
    let certificates =
        ["publish", "--profile", "profiles/estate.toml", "--resource", CERTIFICATE, "real-estate-certificates.csv"];
    let told = "real-estate registration publishes {} 不动产权证书 from a UTF-8 table with a byte order mark";
    publish(stage, narration, &certificates, CERTIFICATES, told).await?;
    let (code, summary) = stage.run(&licences).await?;
    ensure!(code == 0 && summary["unchanged"] == json!(stage.licences), "published again: {summary}");
    narration.step("the same table published again sends nothing: the hub has every row as it is")
}

async fn publish(
    stage: &Stage,
    narration: &mut Narration,
    arguments: &[&str],
    expected: u64,
    told: &str,
) -> anyhow::Result<()> {
    narration.command(&arguments.join(" "))?;
    let (code, summary) = stage.run(arguments).await?;
    ensure!(
        code == 0 && summary["published"] == json!(expected) && summary["rejected"] == json!(0),
        "{}: {summary}",
        arguments.join(" ")
    );
    let seconds = summary["seconds"].as_f64().unwrap_or_default();
    let figures = Map::from_iter([("published".to_owned(), json!(expected)), ("seconds".to_owned(), json!(seconds))]);
    narration.step_with(&format!("{}, in {seconds:.1} s", told.replace("{}", &expected.to_string())), figures)
}

/// What the parties agree on.
pub(super) struct Terms<'a> {
    pub(super) id: &'a str,
    pub(super) resource: &'a str,
    pub(super) fields: &'a [&'a str],
    pub(super) purpose: &'a str,
    pub(super) seconds: i64,
    pub(super) daily_limit: u64,
}

/// A year, in seconds: how long an agreement usually holds.
pub(super) const YEAR: i64 = 365 * 86_400;

/// Proposal, acceptance, activation: three signatures over one text.
pub(super) async fn agree(
    administrator: &Player,
    provider: &Player,
    consumer: &Player,
    terms: &Terms<'_>,
) -> anyhow::Result<[crate::client::verify::VerifiedReceipt; 3]> {
    let now: Time = now()?;
    let text = AgreementText {
        hub: HUB.parse()?,
        agreement_id: terms.id.parse()?,
        version: 1,
        previous_digest: None,
        consumer: consumer.department,
        provider: provider.department,
        resource_id: terms.resource.parse()?,
        fields: terms.fields.iter().map(|code| code.parse()).collect::<Result<_, _>>()?,
        purposes: BTreeSet::from([terms.purpose.parse::<Code>()?]),
        matters: BTreeSet::new(),
        lookups: BTreeSet::from([LookupKind::Record, LookupKind::Holder]),
        valid_from: now.plus_seconds(-1),
        valid_until: now.plus_seconds(terms.seconds),
        daily_limit: terms.daily_limit,
        batch_limit: 16,
        legal_basis: None,
        scenario: None,
        condition: None,
        minute_limit: None,
        networks: BTreeSet::new(),
        retention_days: None,
        scope: None,
    };
    let id = text.agreement_id.clone();
    let free = FreeTexts {
        legal_basis: Some("《政务数据共享条例》第二十五条"),
        scenario: Some("办理政务服务事项时核对申请人信息"),
        scope: None,
    };
    let proposed = consumer.client.propose_agreement(text, None, free).await?;
    let shown = provider.client.agreement(&id, None).await?;
    let accepted = provider.client.accept_agreement(&shown.version).await?;
    let shown = administrator.client.agreement(&id, None).await?;
    let activated = administrator.client.activate_agreement(&shown.version).await?;
    Ok([proposed.receipt, accepted.receipt, activated.receipt])
}

/// Two consumers get two agreements on the same resource.
pub(super) async fn agreements(stage: &mut Stage, narration: &mut Narration) -> anyhow::Result<()> {
    narration.act("Agreements 共享协议", "one text, signed by consumer, provider and administrator")?;
    for (consumer, name, terms) in [
        (&stage.housing, "housing", terms(HOUSING_AGREEMENT, &HOUSING_FIELDS, HOUSING_PURPOSE)),
        (&stage.tax, "taxation", terms(TAX_AGREEMENT, &TAX_FIELDS, "tax-assessment")),
    ] {
        let receipts = agree(&stage.administrator, &stage.registry, consumer, &terms).await?;
        let indexes = receipts.map(|receipt| receipt.index.to_string()).join(", ");
        narration.step(&format!(
            "{name} proposes {}, market regulation accepts, the administrator activates: entries {indexes}\nfields {}, purpose {}, at most {} records a day",
            terms.id,
            terms.fields.join(" "),
            terms.purpose,
            terms.daily_limit,
        ))?;
    }
    narration.command(&format!("agreement show {HOUSING_AGREEMENT} --profile profiles/housing.toml"))
}

fn terms<'a>(id: &'a str, fields: &'a [&'a str], purpose: &'a str) -> Terms<'a> {
    Terms { id, resource: LICENCE, fields, purpose, seconds: YEAR, daily_limit: 1_000 }
}

/// A row of the published table, by the names of its columns.
pub(super) fn row(
    of: fn(&mut Vec<u8>, &examples::Options) -> std::io::Result<()>,
    n: usize,
) -> anyhow::Result<Vec<(String, String)>> {
    let encoding = examples::Encoding::Utf8;
    let mut table = Vec::new();
    of(&mut table, &examples::Options { rows: n as u64 + 1, seed: 7, encoding, excel_mangled: false, with_errors: 0 })?;
    let mut reader = csv::Reader::from_reader(table.as_slice());
    let headings = reader.headers()?.clone();
    let record = reader.records().nth(n).context("the table is too short")??;
    Ok(headings.iter().zip(&record).map(|(heading, cell)| (heading.to_owned(), cell.to_owned())).collect())
}

/// A cell of a row.
pub(super) fn cell<'a>(row: &'a [(String, String)], heading: &str) -> anyhow::Result<&'a str> {
    let found = row.iter().find(|(name, _)| name == heading);
    found.map(|(_, cell)| cell.as_str()).with_context(|| format!("the table has no column {heading}"))
}

/// A question under an agreement.
pub(super) fn question(fields: &[&str], purpose: &str, by: Lookup) -> anyhow::Result<QueryRequest> {
    Ok(QueryRequest {
        resource: LICENCE.parse()?,
        purpose: purpose.parse()?,
        matter: "000117001000".parse()?,
        case: "办件-2026-000123".to_owned(),
        operator: "窗口-07".to_owned(),
        agreement: None,
        fields: fields.iter().map(|code| code.parse()).collect::<Result<_, _>>()?,
        by,
    })
}

/// Both consumers use the same record, each what its agreement gives it.
pub(super) async fn use_many_times(stage: &mut Stage, narration: &mut Narration) -> anyhow::Result<()> {
    narration.act("Used many times 多方使用", "exactly the agreed fields, each under its provider's own signature")?;
    let licence = row(examples::write_business_licences, 0)?;
    let (identifier, holder) = (cell(&licence, "证照标识")?.to_owned(), cell(&licence, "统一社会信用代码")?.to_owned());
    let name = cell(&licence, "名称")?.to_owned();

    narration.command(&format!(
        "query --profile profiles/housing.toml --resource {LICENCE} --purpose {HOUSING_PURPOSE} --matter 000117001000 --case 办件-2026-000123 --operator 窗口-07 --field CZZT --by-holder {holder}"
    ))?;
    let request = question(&HOUSING_FIELDS, HOUSING_PURPOSE, Lookup::Holder(vec![holder.clone()]))?;
    let answer = stage.housing.client.query(&request).await?;
    released(&answer, &HOUSING_FIELDS, &name)?;
    keep(stage, "housing-by-holder", &answer)?;
    narration.step(&format!("housing asks by holder 持证主体 and gets {}", shown(&answer)))?;
    narration.step(&format!(
        "its client verified market regulation's signature over these fields, and the hub's receipt: entry {} of {}",
        answer.receipt.index, answer.receipt.checkpoint.size
    ))?;

    let request = question(&HOUSING_FIELDS, HOUSING_PURPOSE, Lookup::Record(vec![identifier.clone()]))?;
    let by_identifier = stage.housing.client.query(&request).await?;
    released(&by_identifier, &HOUSING_FIELDS, &name)?;
    keep(stage, "housing-by-licence", &by_identifier)?;
    narration.step("housing asks by licence identifier 证照标识 and gets the same record")?;

    let request = question(&TAX_FIELDS, "tax-assessment", Lookup::Record(vec![identifier]))?;
    let other = stage.tax.client.query(&request).await?;
    let same = other.records.iter().any(|record| by_identifier.records.iter().any(|r| r.handle == record.handle));
    ensure!(same, "taxation did not get the record that housing got");
    ensure!(fields_of(&other) == TAX_FIELDS, "taxation got {:?}", fields_of(&other));
    keep(stage, "taxation", &other)?;
    narration.step(&format!("taxation asks for the very same record and gets {}", shown(&other)))?;

    let request = question(&HOUSING_FIELDS, HOUSING_PURPOSE, Lookup::Holder(vec!["91440300708461136T".to_owned()]))?;
    let nothing = stage.housing.client.query(&request).await?;
    ensure!(nothing.records.is_empty(), "a holder without a licence has {} records", nothing.records.len());
    stage.keep_receipt("no-such-holder", &nothing.receipt)?;
    narration.step("a holder without a licence: an answer with no records, and a receipt for it as well")
}

fn fields_of(answer: &QueryAnswer) -> Vec<&str> {
    let mut fields: Vec<_> =
        answer.records.iter().flat_map(|record| record.fields.keys().map(String::as_str)).collect();
    fields.sort_unstable();
    fields.dedup();
    fields
}

fn released(answer: &QueryAnswer, fields: &[&str], name: &str) -> anyhow::Result<()> {
    ensure!(fields_of(answer) == fields, "agreed are {fields:?}, released were {:?}", fields_of(answer));
    let named = answer.records.iter().any(|record| record.fields.get("CZZT") == Some(&json!(name)));
    ensure!(named, "none of the records has the name that was published");
    Ok(())
}

fn shown(answer: &QueryAnswer) -> String {
    let Some(record) = answer.records.first() else { return "nothing".to_owned() };
    let value = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if text.chars().count() > 24 { format!("{}…", text.chars().take(24).collect::<String>()) } else { text }
    };
    let fields = record.fields.iter().map(|(code, v)| format!("\n{code} {}", value(v)));
    format!("{} record(s) with {} fields:{}", answer.records.len(), record.fields.len(), fields.collect::<String>())
}

fn keep(stage: &mut Stage, name: &str, answer: &QueryAnswer) -> anyhow::Result<()> {
    let file = stage.keep_receipt(name, &answer.receipt)?;
    let stem = file.trim_start_matches("receipts/").to_owned();
    for (n, record) in answer.records.iter().enumerate() {
        if let (Some(presentation), Some(key)) = (&record.presentation, &record.issuer_key) {
            stage.keep_credential(&format!("{stem}-{n}"), presentation, key)?;
        }
    }
    Ok(())
}

/// The auditor copies the log and verifies it; a changed byte is found.
pub(super) async fn audit(stage: &mut Stage, narration: &mut Narration) -> anyhow::Result<()> {
    narration.act("The audit", "the whole log, with public keys only")?;
    let mirror = ["audit", "mirror", "log", "--profile", "profiles/auditor.toml"];
    narration.command(&mirror.join(" "))?;
    let (code, mirrored) = stage.run(&mirror).await?;
    ensure!(code == 0, "the mirror failed: {mirrored}");
    let verify = ["audit", "verify", "log"];
    narration.command(&verify.join(" "))?;
    let (code, report) = stage.run(&verify).await?;
    let entries = stage.entries().await?;
    ensure!(code == 0 && report["entries"] == json!(entries), "the auditor does not agree: {report}");
    let figures = Map::from_iter([("entries".to_owned(), json!(entries)), ("findings".to_owned(), json!(0))]);
    narration.step_with(
        &format!("the auditor copies the log and verifies every hash, checkpoint, signature and rule: {entries} entries, 0 findings"),
        figures,
    )?;

    // A byte in the middle of an entry that every story has: the first query's.
    let bundle = stage.path("log/tile/entries").join(first_bundle(stage)?);
    let honest = fs::read(&bundle)?;
    let mut tampered = honest.clone();
    let (at, index) = middle_of_entry(&honest, 5).context("the log is too short")?;
    *tampered.get_mut(at).context("the bundle is too short")? ^= 1;
    fs::write(&bundle, tampered)?;
    let (code, report) = stage.run(&verify).await?;
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let named = findings.iter().any(|finding| finding["index"] == json!(index));
    ensure!(code == 1 && named, "a changed byte in entry {index} was not found: exit code {code}, {report}");
    narration
        .step(&format!("one bit of entry {index} in the copy is flipped: the verifier names the entry, exit code 1"))?;
    fs::write(&bundle, honest)?;
    let (code, _) = stage.run(&verify).await?;
    ensure!(code == 0, "the mended copy does not verify");
    fs::write(stage.path("README.md"), KEPT)?;
    narration.step("the bit is flipped back: 0 findings again")
}

/// The name of the first entry bundle: full, or partial while the log is short.
fn first_bundle(stage: &Stage) -> anyhow::Result<String> {
    if stage.path("log/tile/entries/000").is_file() {
        return Ok("000".to_owned());
    }
    let folder = stage.path("log/tile/entries/000.p");
    let partial = fs::read_dir(&folder)?.next().context("the copy has no entries")??;
    Ok(format!("000.p/{}", partial.file_name().to_string_lossy()))
}

/// The offset of the middle byte of an entry in a bundle.
fn middle_of_entry(bundle: &[u8], index: usize) -> Option<(usize, usize)> {
    let mut at = 0;
    for n in 0.. {
        let length = u16::from_be_bytes(bundle.get(at..at + 2)?.try_into().ok()?) as usize;
        if n == index {
            return Some((at + 2 + length / 2, index));
        }
        at += 2 + length;
    }
    None
}

/// What is in the folder, and what to try.
const KEPT: &str = include_str!("KEPT.md");
