//! The checks of a document and of each signature in it.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    SM3,
    description::{Description, Overview},
    package::Package,
};
use crate::{
    domain::time::Moment,
    seal::{
        check::{CheckName, Checks, Finding, Kind, Part, Verification},
        form::{MAX_SEAL_BYTES, Seal},
        signed::MAX_SIGNATURE_BYTES,
        trust::TrustAnchors,
        verify::read_and_check,
    },
};

/// How many files a sentence names before it counts the others.
const NAMED: usize = 10;

/// Verifies every signature of a document.
pub(in crate::seal) fn verify_document(bytes: &[u8], trust: &TrustAnchors, now: &Moment) -> Verification {
    let mut checks = Checks::default();
    let mut parts = Vec::new();
    let opened =
        Package::open(bytes).and_then(|mut package| Overview::read(&mut package).map(|found| (package, found)));
    match opened {
        Err(problem) => {
            checks.require(CheckName::DocumentForm, false, format!("不是可接受的 OFD 文档：{problem}"), problem);
        }
        Ok((_, overview)) if !overview.signatures.iter().any(|listed| listed.has_seal) => {
            checks.require(
                CheckName::DocumentForm,
                false,
                "文档没有电子签章",
                "the document is not signed with any seal",
            );
        }
        Ok((mut package, overview)) => {
            let count = overview.signatures.len();
            let (zh, en) = (format!("OFD 文档，{count} 个签名"), format!("an OFD document with {count} signatures"));
            checks.require(CheckName::DocumentForm, true, zh, en);
            let exempt = exempt(&mut package, &overview);
            for listed in &overview.signatures {
                let mut part = match listed.has_seal {
                    true => verify_listed(&mut package, &overview, &exempt, &listed.path, trust, now),
                    false => plain(),
                };
                part.path.clone_from(&listed.path);
                parts.push(part);
            }
        }
    }
    Verification { kind: Kind::Document, checks, parts }
}

/// The files that no signature need protect: the lists, and each signature with what belongs to it. Nothing else can be slipped in
/// here: every signature counted is verified too.
fn exempt(package: &mut Package<'_>, overview: &Overview) -> BTreeSet<String> {
    let mut exempt: BTreeSet<String> = overview.lists.iter().cloned().collect();
    for listed in overview.signatures.iter().filter(|listed| listed.has_seal) {
        exempt.insert(listed.path.clone());
        if let Ok(description) = Description::read(package, &listed.path) {
            exempt.insert(description.signed_value);
            exempt.extend(description.seal);
        }
    }
    exempt
}

/// A signature without a seal, which is told and not verified.
fn plain() -> Part {
    let mut checks = Checks::default();
    checks.note(
        CheckName::DescriptionForm,
        Finding::Noted,
        "不带印章的数字签名，未作验证",
        "a plain digital signature without a seal, not verified here",
    );
    Part { path: String::new(), seal: None, signed_at: None, signer: None, checks }
}

fn verify_listed(
    package: &mut Package<'_>,
    overview: &Overview,
    exempt: &BTreeSet<String>,
    path: &str,
    trust: &TrustAnchors,
    now: &Moment,
) -> Part {
    let read = Description::read(package, path).and_then(|description| {
        let signature = package.read(&description.signed_value, MAX_SIGNATURE_BYTES)?;
        Ok((description, signature))
    });
    let (description, signature) = match read {
        Ok(read) => read,
        Err(problem) => {
            let mut checks = Checks::default();
            checks.require(CheckName::DescriptionForm, false, format!("签名描述文件有误：{problem}"), problem);
            return Part { path: String::new(), seal: None, signed_at: None, signer: None, checks };
        }
    };
    let (mut part, signature) = read_and_check(&signature, trust, now);
    let checks = &mut part.checks;
    let count = description.references.len();
    checks.require(
        CheckName::DescriptionForm,
        true,
        format!("保护 {count} 个文件"),
        format!("describes a signature over {count} files"),
    );
    let protected = check_references(package, &description, path, checks);
    if let Some(signature) = signature {
        check_data_hash(package, path, signature.data_hash, checks);
        check_same_seal(package, description.seal.as_deref(), &signature.seal, checks);
    }
    check_coverage(package, overview, exempt, &protected, checks);
    part
}

/// Compares every protected file with its hash; gives those that are as they were.
fn check_references(
    package: &mut Package<'_>,
    description: &Description,
    from: &str,
    checks: &mut Checks,
) -> BTreeSet<String> {
    let method = description.check_method.as_str();
    if !(method == SM3 || method.eq_ignore_ascii_case("SM3")) {
        let (zh, en) = (
            format!("杂凑算法 {method} 不可接受，应为 SM3"),
            format!("the hashes are made with {method}, must be SM3 ({SM3})"),
        );
        checks.require(CheckName::References, false, zh, en);
        return BTreeSet::new();
    }
    let mut protected = BTreeSet::new();
    let mut wrong = Vec::new();
    for reference in &description.references {
        let same = package.resolve(&reference.location, from).and_then(|path| {
            let stated =
                STANDARD.decode(&reference.check_value).map_err(|_| format!("the hash of {path} is not base64"))?;
            let is_same = stated == package.hash(&path)?;
            if is_same { Ok(path) } else { Err(format!("{path} was changed")) }
        });
        match same {
            Ok(path) => {
                protected.insert(path);
            }
            Err(problem) => wrong.push(problem),
        }
    }
    let holds = wrong.is_empty() && !protected.is_empty();
    let (zh, en) = if protected.is_empty() && wrong.is_empty() {
        ("签名没有保护任何文件".to_owned(), "the signature protects no file".to_owned())
    } else if holds {
        let count = protected.len();
        (format!("{count} 个文件未被改动"), format!("{count} files are as they were"))
    } else {
        (format!("{} 个文件不符：{}", wrong.len(), named(&wrong)), named(&wrong))
    };
    checks.require(CheckName::References, holds, zh, en);
    protected
}

fn check_data_hash(package: &mut Package<'_>, path: &str, stated: &[u8], checks: &mut Checks) {
    let holds = package.hash(path).is_ok_and(|hash| hash == stated);
    let (zh, en) = match holds {
        true => (format!("签章针对 {path}"), format!("the signature is over {path}")),
        false => (
            format!("签章的原文杂凑值与 {path} 不符"),
            format!("the signature is over something else than {path}, or that was changed"),
        ),
    };
    checks.require(CheckName::DataHash, holds, zh, en);
}

fn check_same_seal(package: &mut Package<'_>, path: Option<&str>, seal: &Seal<'_>, checks: &mut Checks) {
    let Some(path) = path else {
        let (zh, en) = ("文档中没有单独的印章文件", "the document has no file of the seal's own");
        checks.note(CheckName::SameSeal, Finding::NotApplicable, zh, en);
        return;
    };
    let holds = package.read(path, MAX_SEAL_BYTES).is_ok_and(|bytes| bytes == seal.bytes);
    let (zh, en) = match holds {
        true => (format!("{path} 即签章所用印章"), format!("{path} is the seal that signed")),
        false => (format!("{path} 不是签章所用印章"), format!("{path} is not the seal that signed")),
    };
    checks.require(CheckName::SameSeal, holds, zh, en);
}

/// What is not protected is told. That what leads to everything shown is protected is required: otherwise another document could be put
/// under the signature.
fn check_coverage(
    package: &Package<'_>,
    overview: &Overview,
    exempt: &BTreeSet<String>,
    protected: &BTreeSet<String>,
    checks: &mut Checks,
) {
    if let Some(root) = overview.roots.iter().find(|root| !protected.contains(*root)) {
        checks.require(
            CheckName::Coverage,
            false,
            format!("文档根节点 {root} 未受签名保护"),
            format!("the document's root {root} is not protected: something else could be shown under this signature"),
        );
        return;
    }
    let free: Vec<_> = package.paths().filter(|path| !protected.contains(*path) && !exempt.contains(*path)).collect();
    if free.is_empty() {
        let (zh, en) = ("除签名文件外，全部文件受保护", "every file but those of signatures is protected");
        checks.require(CheckName::Coverage, true, zh, en);
    } else {
        let count = free.len();
        checks.add(
            CheckName::Coverage,
            Finding::Noted,
            true,
            format!("{count} 个文件不受此签名保护：{}", named(&free)),
            format!("{count} files are not protected by this signature: {}", named(&free)),
        );
    }
}

/// The first of some names, and how many others there are.
fn named<T: AsRef<str>>(names: &[T]) -> String {
    let mut text = names.iter().take(NAMED).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        text.push_str(&format!(", … ({} more)", names.len() - NAMED));
    }
    text
}
