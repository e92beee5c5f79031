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
    reconciles(&kept);
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
