//! What the documentation promises to be complete is complete, and what it links to is there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use hutong::{
    audit::Mismatch,
    config::Settings,
    domain::outcome::{RecordViolation, RefusalReason},
    seal::CheckName,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// The Markdown pages of the project.
fn pages() -> Vec<PathBuf> {
    let hidden = |name: &str| name.starts_with('.') || name == "target";
    walkdir::WalkDir::new(root())
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !hidden(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

#[test]
fn every_reason_and_every_violation_is_explained() {
    let page = read("docs/refusals.md");
    let reasons = RefusalReason::ALL.iter().map(|reason| reason.as_str());
    let violations = RecordViolation::ALL.iter().map(|violation| violation.as_str());
    let missing: Vec<_> = reasons.chain(violations).filter(|code| !page.contains(&format!("\n| `{code}` |"))).collect();
    assert!(missing.is_empty(), "docs/refusals.md has no row for {missing:?}");
}

#[test]
fn every_check_of_a_seal_is_explained() {
    let page = read("docs/seals.md");
    let missing: Vec<_> =
        CheckName::ALL.iter().filter(|name| !page.contains(&format!("\n| `{}` |", name.as_str()))).collect();
    assert!(missing.is_empty(), "docs/seals.md has no row for {missing:?}");
}

#[test]
fn every_code_of_a_reconciliation_is_explained() {
    let page = read("docs/auditors.md");
    let explained =
        |code: &str| page.lines().any(|line| line.starts_with("| `") && line.contains(&format!("`{code}`")));
    let missing: Vec<_> = Mismatch::ALL.iter().filter(|mismatch| !explained(mismatch.code())).collect();
    assert!(missing.is_empty(), "docs/auditors.md has no row for {missing:?}");
}

#[test]
fn every_exit_code_of_the_help_is_explained() {
    let program = std::process::Command::new(env!("CARGO_BIN_EXE_hutong")).arg("--help").output().unwrap();
    let help = String::from_utf8(program.stdout).unwrap();
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let page = read("docs/exit-codes.md");
    for line in codes.lines().filter(|line| !line.trim().is_empty()) {
        let (code, meaning) = line.trim().split_once("  ").unwrap();
        assert!(
            page.contains(&format!("\n| {code} | {meaning} |")),
            "docs/exit-codes.md has no row `{code} | {meaning}`"
        );
    }
}

#[test]
fn every_setting_of_a_hub_is_explained() {
    let name = || "hub.example".parse().unwrap();
    let mut settings = Settings::new(name(), name(), 2026, "vault.key".into());
    settings.high_water_path = Some("mark".into());
    settings.http.listen = Some(settings.listen);
    settings.witnesses.policy = Some("policy".into());
    settings.witnesses.ca = Some("ca".into());
    settings.openings.keep_days = Some(180);
    settings.seals.trust = Some("trust".into());
    let settings: toml::Table = settings.to_toml().unwrap().parse().unwrap();
    let page = read("docs/administrators.md");
    for (key, value) in &settings {
        let keys = match value {
            toml::Value::Table(inner) => inner.keys().map(|inner| format!("{key}.{inner}")).collect(),
            _ => vec![key.clone()],
        };
        for key in keys {
            assert!(page.contains(&format!("\n| `{key}` |")), "docs/administrators.md has no row for {key}");
        }
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut broken = Vec::new();
    let pages = pages();
    assert!(pages.len() > 5, "{pages:?}");
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !target.contains("://") && !page.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {target}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
