//! The auditor's commands, as a person runs them, on what the demo leaves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn hutong(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hutong")).current_dir(folder).args(args).output().unwrap()
}

/// The one line of JSON that a command prints, and its exit code.
fn json(folder: &Path, args: &[&str]) -> (i32, Value) {
    let output = hutong(folder, &[args, &["--json"]].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {told}"));
    (output.status.code().unwrap(), value)
}

/// The demo's folder; told once for all that is asked of it.
fn demo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let told = hutong(folder.path(), &["demo", "--keep", "kept", "--licences", "20"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));
    folder
}

/// The systems that acted, by their names.
fn system(log: &Path, name: &str) -> String {
    let entries = hutong(log, &["audit", "show", "log", "--json"]);
    let entries = String::from_utf8(entries.stdout).unwrap();
    let mut actors = entries.lines().filter_map(|line| {
        let entry: Value = serde_json::from_str(line).unwrap();
        entry["actor"].as_str().map(str::to_owned)
    });
    actors.find(|actor| actor.ends_with(&format!("/system/{name}"))).unwrap()
}

#[test]
fn what_the_demo_leaves_is_what_its_log_says() {
    let folder = demo();
    let kept = folder.path().join("kept");
    is_shown(&kept);
    is_reported(&kept);
    reconciles(&kept);
}

fn is_shown(kept: &Path) {
    let shown = |more: &[&str]| {
        let output = hutong(kept, &[&["audit", "show", "log", "--json"], more].concat());
        assert_eq!(output.status.code(), Some(0), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let queries = shown(&["--kind", "query"]);
    assert!(queries.len() > 5 && queries.iter().all(|entry| entry["kind"] == "query"));
    assert!(queries[0]["statement"]["purpose"].is_string() && queries[0]["statement"]["case"].is_string());
    let refused = shown(&["--reason", "QUOTA_EXHAUSTED", "--kind", "query"]);
    assert_eq!((refused.len(), &refused[0]["reason"]), (1, &Value::from("QUOTA_EXHAUSTED")));
    let housing = refused[0]["actor"].as_str().unwrap();
    let department = housing.split('/').nth(4).unwrap();
    assert_eq!(shown(&["--actor", housing]).len(), shown(&["--actor", department]).len());
    assert_eq!(shown(&["--refused", "--range", "..3"]), [] as [Value; 0]);
    assert_eq!(shown(&["--with", "catalog version 1:"]).len(), 1);
    assert_eq!(hutong(kept, &["audit", "show", "log", "--reason", "NONE"]).status.code(), Some(2));
}

/// The day of the log's first entry where the hub is, and the day after.
fn days(kept: &Path) -> [String; 2] {
    let (_, genesis) = json(kept, &["audit", "show", "log", "--index", "0"]);
    let time: jiff::Timestamp = genesis["time"].as_str().unwrap().parse().unwrap();
    let day = jiff::tz::Offset::constant(8).to_datetime(time).date();
    [day.to_string(), day.tomorrow().unwrap().to_string()]
}

fn is_reported(kept: &Path) {
    let [from, to] = &days(kept);
    let report = ["audit", "report", "log", "--from", from, "--to", to];
    let (code, told) = json(kept, &[&report[..], &["--verify"]].concat());
    assert_eq!((code, &told["verification"]["findings"]), (0, &Value::from(0)), "{told}");
    let entries = String::from_utf8(hutong(kept, &["audit", "show", "log", "--json"]).stdout).unwrap();
    let queries = entries.lines().filter(|line| line.contains("\"kind\":\"query\"")).count() as u64;
    assert_eq!(told["totals"]["queries"], Value::from(queries));
    assert_eq!(told["totals"]["published"], 220, "20 licences and 200 certificates");
    assert!(told["refusals"].as_array().unwrap().iter().any(|row| row["reason"] == "QUOTA_EXHAUSTED"), "{told}");

    let summary = hutong(kept, &report);
    assert!(String::from_utf8_lossy(&summary.stdout).contains("queries 查询"));
    for out in ["report.html", "report.json", "report.csv"] {
        let written = hutong(kept, &[&report[..], &["--out", out]].concat());
        assert_eq!(written.status.code(), Some(0), "{}", String::from_utf8_lossy(&written.stderr));
        let again = hutong(kept, &[&report[..], &["--out", out]].concat());
        assert_eq!(again.status.code(), Some(73), "{out}: nothing is overwritten");
    }
    let page = fs::read_to_string(kept.join("report.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n") && !page.contains("<script"));
    let sheet = fs::read_to_string(kept.join("report-exchanges.csv")).unwrap();
    assert!(sheet.contains("housing-registration"), "{sheet}");
    let one = hutong(kept, &[&report[..], &["--out", "days.csv", "--section", "days"]].concat());
    assert_eq!((one.status.code(), fs::read_to_string(kept.join("days.csv")).unwrap().lines().count()), (Some(0), 3));
    for wrong in [&["--out", "report.pdf"][..], &["--section", "days", "--out", "a.html"], &["--week", from]] {
        assert_eq!(hutong(kept, &[&report[..], wrong].concat()).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(hutong(kept, &["audit", "report", "log", "--from", to, "--to", from]).status.code(), Some(2));
}

fn reconciles(kept: &Path) {
    let all = ["audit", "reconcile", "log", "--receipts", "."];
    let (code, report) = json(kept, &all);
    assert_eq!((code, &report["findings"]), (0, &Value::Array(Vec::new())), "{report}");
    for kind in ["receipts", "statements", "presentations"] {
        assert!(report[kind].as_u64().unwrap() > 2, "{kind}: {report}");
        assert_eq!(report[kind], report[format!("{kind}_in_log")], "{kind}: {report}");
    }
    let tax = system(kept, "tax");
    let (code, report) = json(kept, &[&all[..], &["--actor", &tax]].concat());
    assert_eq!((code, report["entries_of_actors"].as_u64() > Some(0)), (0, true), "{report}");

    // The demo plays a thief with housing's key, who keeps no journal.
    let housing = system(kept, "housing");
    let (code, report) = json(kept, &[&all[..], &["--actor", &housing]].concat());
    assert_eq!((code, &report["counts"]["ENTRY_EXTRA"]), (1, &Value::from(1)), "{report}");

    // A receipt put in another's place, and one that is half there.
    let receipts = kept.join("receipts");
    let held = fs::read(receipts.join("01-catalog-release.entry")).unwrap();
    fs::write(receipts.join("05-no-such-holder.entry"), held).unwrap();
    fs::remove_file(receipts.join("06-field-not-agreed.tlog-proof")).unwrap();
    let (code, report) = json(kept, &["audit", "reconcile", "log", "--receipts", "receipts"]);
    assert_eq!(code, 1);
    assert_eq!(report["counts"]["RECEIPT_UNPROVEN"], 1, "{report}");
    assert_eq!(report["counts"]["RECEIPT_INCOMPLETE"], 1, "{report}");
}

#[test]
fn what_cannot_be_reconciled_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let output = hutong(folder.path(), &["audit", "reconcile", "log", "--receipts", "."]);
    assert_eq!(output.status.code(), Some(78), "without a key nothing is believed");
    let output = hutong(folder.path(), &["audit", "reconcile", "log", "--receipts", ".", "--actor", "housing"]);
    assert_eq!(output.status.code(), Some(2));
}
