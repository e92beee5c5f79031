//! Findings as SARIF 2.1.0 (OASIS): what tools that collect findings read, whoever found them.
//!
//! A rule is a [`Fault`]; a wrong decision's result names the reason below its rule, as `WRONGLY_DONE/KEY_RETIRED`. An entry is a
//! logical location by its index, and a physical one by its bytes in its bundle.

use serde_json::{Value, json};

use super::{Fault, Finding, Level, Report};

/// The schema of the standard with its first errata.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The copy's folder, below which files are named.
const COPY: &str = "COPY";

/// A report as a SARIF log of one run, of a program that ends with this exit code.
pub fn sarif(report: &Report, exit_code: u8) -> Value {
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "hutong audit verify",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules(),
            } },
            "invocations": [{
                "executionSuccessful": true,
                "exitCode": exit_code,
                "toolExecutionNotifications": report.notes.iter().map(|note| json!({
                    "level": "note",
                    "message": { "text": note },
                })).collect::<Vec<_>>(),
            }],
            "originalUriBaseIds": { COPY: { "description": { "text": "the folder of the log's copy" } } },
            "columnKind": "unicodeCodePoints",
            "results": report.findings.iter().map(|finding| result(report, finding)).collect::<Vec<_>>(),
            "properties": {
                "origin": report.origin,
                "size": report.size,
                "root": report.root,
                "entries": report.entries,
                "decisions": report.decisions,
                "attested": report.attested,
                "counts": report.rules,
                "unlisted": report.unlisted(),
            },
        }],
    })
}

fn rules() -> Vec<Value> {
    let rule = |(code, meaning): &(&str, &str)| {
        json!({
            "id": code,
            "shortDescription": { "text": meaning.trim() },
            "defaultConfiguration": { "level": level(Fault::level_of(code)) },
        })
    };
    Fault::RULES.iter().map(rule).collect()
}

fn result(report: &Report, finding: &Finding) -> Value {
    let rule = finding.rule.rule();
    let id = finding.rule.reason().map_or_else(|| rule.to_owned(), |reason| format!("{rule}/{reason}"));
    let mut result = json!({
        "ruleId": id,
        "ruleIndex": Fault::RULES.iter().position(|(code, _)| *code == rule),
        "level": level(finding.level),
        "message": { "text": finding.message },
        "locations": [location(report, finding)],
    });
    if let (Some(entry), Some(result)) = (&finding.entry, result.as_object_mut()) {
        result.insert("properties".to_owned(), json!({ "entry": entry }));
    }
    result
}

fn location(report: &Report, finding: &Finding) -> Value {
    let Some(index) = finding.index else {
        return json!({ "logicalLocations": [{ "name": report.origin, "fullyQualifiedName": report.origin, "kind": "log" }] });
    };
    let mut location = json!({ "logicalLocations": [{
        "name": index.to_string(),
        "fullyQualifiedName": format!("{}#{index}", report.origin),
        "kind": "entry",
    }] });
    if let (Some(place), Some(location)) = (&finding.place, location.as_object_mut()) {
        let region = json!({ "byteOffset": place.bytes.start, "byteLength": place.bytes.end - place.bytes.start });
        let file = json!({ "uri": place.file, "uriBaseId": COPY });
        location.insert("physicalLocation".to_owned(), json!({ "artifactLocation": file, "region": region }));
    }
    location
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
    }
}
