//! A verification as it is printed.

use std::fmt;

use serde::Serialize;

use crate::{
    domain::time::Time,
    seal::{Check, Checks, Finding, Kind, Part, SealFacts, Verification},
};

/// A verification, for people and for machines.
#[derive(Serialize)]
pub(super) struct Report {
    verified: bool,
    kind: Kind,
    at: String,
    checks: Vec<CheckLine>,
    parts: Vec<PartReport>,
}

/// A seal or a signature.
#[derive(Serialize)]
struct PartReport {
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    seal: Option<SealLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<String>,
    checks: Vec<CheckLine>,
}

/// What a seal says of itself.
#[derive(Serialize)]
pub(super) struct SealLine {
    standard: &'static str,
    version: u8,
    id: String,
    name: String,
    vendor: String,
    kind: u32,
    created: String,
    valid_from: String,
    valid_until: String,
    picture: String,
    picture_width_mm: u32,
    picture_height_mm: u32,
    maker: String,
    signers: usize,
}

/// A check.
#[derive(Serialize)]
struct CheckLine {
    name: &'static str,
    title: &'static str,
    result: Finding,
    required: bool,
    zh: String,
    en: String,
}

impl Report {
    pub(super) fn new(verification: &Verification, at: Time) -> Self {
        Self {
            verified: verification.holds(),
            kind: verification.kind,
            at: at.to_string(),
            checks: lines(&verification.checks),
            parts: verification.parts.iter().map(PartReport::new).collect(),
        }
    }
}

impl Report {
    /// Whether certificates were led to trust anchors.
    fn is_anchored(&self) -> bool {
        let chains = self.parts.iter().flat_map(|part| &part.checks).filter(|check| check.name.ends_with("_CHAIN"));
        chains.into_iter().all(|check| check.result != Finding::NotApplicable)
    }
}

impl PartReport {
    fn new(part: &Part) -> Self {
        Self {
            path: part.path.clone(),
            verified: part.checks.hold(),
            seal: part.seal.as_ref().map(SealLine::new),
            signed_at: part.signed_at.map(|time| time.to_string()),
            signer: part.signer.clone(),
            checks: lines(&part.checks),
        }
    }
}

impl SealLine {
    pub(super) fn new(facts: &SealFacts) -> Self {
        Self {
            standard: facts.version.standard(),
            version: facts.version as u8,
            id: facts.id.clone(),
            name: facts.name.clone(),
            vendor: facts.vendor.clone(),
            kind: facts.kind,
            created: facts.created.to_string(),
            valid_from: facts.valid_from.to_string(),
            valid_until: facts.valid_until.to_string(),
            picture: facts.picture_format.clone(),
            picture_width_mm: facts.picture_size.0,
            picture_height_mm: facts.picture_size.1,
            maker: facts.maker.clone(),
            signers: facts.signers,
        }
    }
}

fn lines(checks: &Checks) -> Vec<CheckLine> {
    let line = |check: &Check| CheckLine {
        name: check.name.as_str(),
        title: check.name.title(),
        result: check.finding,
        required: check.required,
        zh: check.zh.clone(),
        en: check.en.clone(),
    };
    checks.0.iter().map(line).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.checks.iter().try_for_each(|check| write!(f, "{check}"))?;
        for part in &self.parts {
            if !part.path.is_empty() {
                writeln!(f, "\n{}", part.path)?;
            }
            if let Some(seal) = &part.seal {
                writeln!(f, "印章 {} {}（{}）", seal.id, seal.name, seal.standard)?;
            }
            part.checks.iter().try_for_each(|check| write!(f, "{check}"))?;
        }
        match (self.verified, self.is_anchored()) {
            (false, _) => f.write_str("NOT VERIFIED 验证不通过"),
            (true, true) => f.write_str("VERIFIED 验证通过"),
            (true, false) => f.write_str(
                "VERIFIED 验证通过\n\
                 without trust anchors (--trust): whose the certificates are is not known 未给出信任锚，证书持有者身份未经确认",
            ),
        }
    }
}

impl fmt::Display for CheckLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let result = match (self.result, self.required) {
            (Finding::Passed, _) => "ok",
            (Finding::Failed, true) => "FAILED",
            (Finding::Failed, false) => "(failed)",
            (Finding::Noted, _) => "note",
            (Finding::NotApplicable, _) => "-",
        };
        writeln!(f, "{result:<8}  {} {}", self.name, self.title)?;
        writeln!(f, "          {}", self.zh)?;
        if self.en != self.zh {
            writeln!(f, "          {}", self.en)?;
        }
        Ok(())
    }
}

impl fmt::Display for SealLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let picture = format!("{}, {} × {} mm", self.picture, self.picture_width_mm, self.picture_height_mm);
        let validity = format!("{} – {}", self.valid_from, self.valid_until);
        let rows = [
            ("印章标识 id", self.id.as_str()),
            ("印章名称 name", &self.name),
            ("标准 standard", self.standard),
            ("厂商标识 vendor", &self.vendor),
            ("制章时间 created", &self.created),
            ("有效期 valid", &validity),
            ("制章者 maker", &self.maker),
            ("印章图像 picture", &picture),
        ];
        for (title, value) in rows {
            writeln!(f, "{title}: {value}")?;
        }
        write!(f, "签章者证书 signers: {}", self.signers)
    }
}
