//! Seals, signatures and documents made here, in order and at fault, and real ones where their folder is there.

pub(super) mod document;
pub(super) mod maker;

mod documents;
mod forms;
mod records;
mod samples;
mod seals;
mod signatures;
mod trust;

use self::maker::{Holder, Recipe, Use};
use super::{CheckName, Checks, Finding, Part, TrustAnchors};
use crate::{
    domain::time::{Moment, Time},
    sign::sm3,
};

/// An authority, a maker and a signer that it certified, and a folder where the authority is trusted.
struct Stage {
    authority: Holder,
    maker: Holder,
    signer: Holder,
    folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let authority = Holder::authority("样例电子认证", 1);
        let maker = authority.certified("样例制章中心", 2, Use::Signing);
        let signer = authority.certified("样例市大数据局", 3, Use::Signing);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("authority.der"), &authority.certificate).unwrap();
        Self { authority, maker, signer, folder }
    }

    fn trust(&self) -> TrustAnchors {
        TrustAnchors::read(self.folder.path()).unwrap()
    }

    fn seal(&self, recipe: &Recipe) -> Vec<u8> {
        recipe.seal(&self.maker, &[&self.signer], sm3)
    }

    fn signature(&self, recipe: &Recipe) -> Vec<u8> {
        recipe.sign(&self.seal(recipe), &self.signer, &[7; 32], "/a", "20260301020000Z")
    }
}

fn at(text: &str) -> Time {
    Time::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond()).unwrap()
}

/// The day on which the tests verify, unless they say otherwise.
fn now() -> Moment {
    Moment::new(at("2026-06-01T00:00:00Z"))
}

/// The checks that fail although they are required.
fn failures(checks: &Checks) -> Vec<CheckName> {
    let failed = |check: &&super::Check| check.required && check.finding == Finding::Failed;
    checks.0.iter().filter(failed).map(|check| check.name).collect()
}

fn finding(part: &Part, name: CheckName) -> Finding {
    part.checks.find(name).unwrap_or_else(|| panic!("{name:?} was not checked: {part:?}")).finding
}

/// One part of a verification.
fn only(verification: &super::Verification) -> &Part {
    assert_eq!(verification.parts.len(), 1, "{verification:?}");
    &verification.parts[0]
}
