//! The checks of a seal and of a signature made with one, in the order of GB/T 38540 §7 and GM/T 0031-2025.
//!
//! What decides is how things were when the seal was made and when it signed. That a certificate has expired or was revoked since, or that
//! the seal may not be used any more, is noted. A certificate that nobody vouches for could say anything: where no trust anchors are
//! given, its chain and its validity are told but not required.

use super::{
    certificate::{Certificate, SM2_WITH_SM3},
    check::{CheckName, Checks, Finding, Kind, Part, SealFacts, Verification},
    der::{INTEGER, Malformed, Reader},
    form::{Extension, Picture, Seal, Signers},
    ofd,
    signed::{SealSignature, SigningTime},
    time_stamp,
    trust::{Chained, TrustAnchors},
};
use crate::{
    domain::time::{Moment, Time},
    sign::sm3,
};

/// Verifies a seal, a signature or an OFD document, told apart by their content. Now is the time to compare with.
#[must_use]
pub fn verify(bytes: &[u8], trust: &TrustAnchors, now: &Moment) -> Verification {
    if bytes.starts_with(ofd::MAGIC) {
        return ofd::verify_document(bytes, trust, now);
    }
    let (kind, part) = match is_signature(bytes) {
        true => (Kind::Signature, verify_signature(bytes, trust, now)),
        false => (Kind::Seal, verify_seal(bytes, trust, now)),
    };
    Verification { kind, checks: Checks::default(), parts: vec![part] }
}

/// Whether bytes begin as a signature does: what is signed has its version in front, where a seal has a header.
fn is_signature(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    let tag = reader.sequence("").and_then(|mut whole| whole.sequence("")).ok().and_then(|first| first.peek());
    tag == Some(INTEGER)
}

/// Verifies a seal.
#[must_use]
pub fn verify_seal(bytes: &[u8], trust: &TrustAnchors, now: &Moment) -> Part {
    let mut checks = Checks::default();
    let facts = match Seal::parse(bytes) {
        Ok(seal) => {
            check_seal(&seal, trust, now, &mut checks);
            Some(SealFacts::of(&seal))
        }
        Err(error) => {
            malformed(CheckName::SealForm, &error, &mut checks);
            None
        }
    };
    Part { path: String::new(), seal: facts, signed_at: None, signer: None, checks }
}

/// Verifies a signature without the document that it is over.
fn verify_signature(bytes: &[u8], trust: &TrustAnchors, now: &Moment) -> Part {
    let (mut part, _) = read_and_check(bytes, trust, now);
    part.checks.note(
        CheckName::DataHash,
        Finding::NotApplicable,
        "没有原文，无法核对原文杂凑值",
        "the document is not there to compare its hash with",
    );
    part
}

/// Reads a signature and makes all checks that need no document.
pub(super) fn read_and_check<'a>(
    bytes: &'a [u8],
    trust: &TrustAnchors,
    now: &Moment,
) -> (Part, Option<SealSignature<'a>>) {
    let mut checks = Checks::default();
    let signature = match SealSignature::parse(bytes) {
        Ok(signature) => signature,
        Err(error) => {
            malformed(CheckName::SignatureForm, &error, &mut checks);
            return (Part { path: String::new(), seal: None, signed_at: None, signer: None, checks }, None);
        }
    };
    let standard = signature.seal.version.standard();
    checks.require(
        CheckName::SignatureForm,
        true,
        format!("符合 {standard} 的电子签章结构"),
        format!("has the form of a signature of {standard}"),
    );
    check_seal(&signature.seal, trust, now, &mut checks);
    let (signed_at, signer) = check_signature(&signature, trust, now, &mut checks);
    let seal = Some(SealFacts::of(&signature.seal));
    (Part { path: String::new(), seal, signed_at, signer, checks }, Some(signature))
}

fn malformed(name: CheckName, error: &Malformed, checks: &mut Checks) {
    checks.require(name, false, format!("结构不符合标准：{error}"), error.to_string());
}

fn check_seal(seal: &Seal<'_>, trust: &TrustAnchors, now: &Moment, checks: &mut Checks) {
    let standard = seal.version.standard();
    checks.require(
        CheckName::SealForm,
        true,
        format!("符合 {standard} 的电子印章结构"),
        format!("has the form of a seal of {standard}"),
    );
    check_algorithm(CheckName::SealAlgorithm, &seal.algorithm, checks);
    check_extensions(CheckName::SealExtensions, &seal.extensions, checks);
    let names = Names {
        certificate: CheckName::MakerCertificate,
        validity: CheckName::MakerValidity,
        chain: CheckName::MakerChain,
        role: ("制章者", "the maker", "制章", "the seal was made"),
    };
    let maker = check_certificate(&names, seal.maker, Some(seal.created), trust, now, checks);
    check_signed(
        CheckName::MakerSignature,
        maker.as_ref(),
        &seal.signed.to_bytes(),
        seal.signature,
        ("制章者对印章信息的签名", "the maker's signature over the seal"),
        checks,
    );
    check_seal_times(seal, now, checks);
    match seal.time_stamp {
        None => checks.note(
            CheckName::SealTimeStamp,
            Finding::NotApplicable,
            "印章没有时间戳",
            "the seal has no time-stamp",
        ),
        Some(token) => {
            check_time_stamp(CheckName::SealTimeStamp, token, seal.signature, (seal.created, true), trust, checks);
        }
    }
    check_picture(&seal.picture, checks);
}

fn check_signature(
    signature: &SealSignature<'_>,
    trust: &TrustAnchors,
    now: &Moment,
    checks: &mut Checks,
) -> (Option<Time>, Option<String>) {
    check_algorithm(CheckName::SignatureAlgorithm, &signature.algorithm, checks);
    check_extensions(CheckName::SignatureExtensions, &signature.extensions, checks);
    let time = match signature.time {
        SigningTime::Stated(time) => Some(time),
        // In version 1 a time-stamp in place of the time is over the hash of the document.
        SigningTime::Stamped(token) => time_stamp::verify(token, signature.data_hash, trust).ok(),
    };
    let names = Names {
        certificate: CheckName::SignerCertificate,
        validity: CheckName::SignerValidity,
        chain: CheckName::SignerChain,
        role: ("签章者", "the signer", "签章", "it was signed"),
    };
    let signer = check_certificate(&names, signature.signer, time, trust, now, checks);
    check_listed(&signature.seal, signature.signer, checks);
    check_signed(
        CheckName::SignerSignature,
        signer.as_ref(),
        signature.to_sign,
        signature.signature,
        ("签章者对签章数据的签名", "the signer's signature"),
        checks,
    );
    check_signing_time(&signature.seal, time, now, checks);
    match (signature.time_stamp, time) {
        (None, _) => {
            checks.note(
                CheckName::SignatureTimeStamp,
                Finding::NotApplicable,
                "签章没有时间戳",
                "the signature has no time-stamp",
            );
        }
        (Some(token), time) => {
            // Only the newest version says exactly what its time-stamp is over.
            let required = signature.seal.version >= super::form::Version::V5;
            let not_before = time.unwrap_or(signature.seal.created);
            let over = signature.signature;
            check_time_stamp(CheckName::SignatureTimeStamp, token, over, (not_before, required), trust, checks);
        }
    }
    (time, signer.map(|signer| signer.subject().to_owned()))
}

fn check_algorithm(name: CheckName, algorithm: &str, checks: &mut Checks) {
    let holds = algorithm == SM2_WITH_SM3;
    let (zh, en) = match holds {
        true => ("SM2 with SM3".to_owned(), "SM2 with SM3".to_owned()),
        false => (
            format!("签名算法为 {algorithm}，应为 SM2 with SM3（{SM2_WITH_SM3}）"),
            format!("the algorithm is {algorithm}, must be SM2 with SM3, {SM2_WITH_SM3}"),
        ),
    };
    checks.require(name, holds, zh, en);
}

fn check_extensions(name: CheckName, extensions: &[Extension], checks: &mut Checks) {
    // None is known that a verifier must act upon.
    match extensions.iter().find(|extension| extension.critical) {
        Some(Extension { id, .. }) => checks.require(
            name,
            false,
            format!("含有未知的关键扩展 {id}，不得接受"),
            format!("the extension {id} is critical and unknown, so that the whole must not be accepted"),
        ),
        None if extensions.is_empty() => {
            checks.note(name, Finding::NotApplicable, "没有扩展项", "there are no extensions");
        }
        None => checks.require(
            name,
            true,
            format!("{} 个扩展项均非关键", extensions.len()),
            format!("none of {} extensions is critical", extensions.len()),
        ),
    }
}

/// The checks of one certificate, and what they are called.
struct Names {
    certificate: CheckName,
    validity: CheckName,
    chain: CheckName,
    /// Whose it is and what was done with it, in both languages.
    role: (&'static str, &'static str, &'static str, &'static str),
}

fn check_certificate(
    names: &Names,
    der: &[u8],
    at: Option<Time>,
    trust: &TrustAnchors,
    now: &Moment,
    checks: &mut Checks,
) -> Option<Certificate> {
    let (who_zh, who_en, act_zh, act_en) = names.role;
    let certificate = match Certificate::parse(der) {
        Ok(certificate) => certificate,
        Err(problem) => {
            checks.require(
                names.certificate,
                false,
                format!("{who_zh}证书无法使用：{problem}"),
                format!("the certificate of {who_en} {problem}"),
            );
            return None;
        }
    };
    let subject = certificate.subject();
    match certificate.may_sign() {
        Some(false) => checks.require(
            names.certificate,
            false,
            format!("{who_zh}证书 {subject} 的密钥用途不含数字签名"),
            format!("the certificate of {who_en}, {subject}, is not one to sign with"),
        ),
        Some(true) => checks.require(names.certificate, true, subject, subject),
        None => checks.add(
            names.certificate,
            Finding::Noted,
            true,
            format!("{subject}；证书没有密钥用途扩展"),
            format!("{subject}; it does not say what its key is for"),
        ),
    }
    let Some(at) = at else {
        let (zh, en) = (format!("{act_zh}时间不明"), "the time is not known".to_owned());
        checks.add(names.validity, Finding::Failed, !trust.is_empty(), zh, en);
        return Some(certificate);
    };
    let (from, until) = (certificate.valid_from, certificate.valid_until);
    let required = !trust.is_empty();
    if !certificate.covers(at) {
        checks.add(
            names.validity,
            Finding::Failed,
            required,
            format!("{act_zh}时（{at}）证书不在有效期 {from} 至 {until} 内"),
            format!("the certificate is valid from {from} to {until}, and {act_en} at {at}"),
        );
    } else if now.reached(until.plus_seconds(1)) {
        checks.add(
            names.validity,
            Finding::Noted,
            required,
            format!("{act_zh}时有效，现已于 {until} 过期"),
            format!("valid when {act_en}; it has expired since, at {until}"),
        );
    } else {
        let (zh, en) = (format!("{act_zh}时有效，至 {until}"), format!("valid when {act_en}, and until {until}"));
        checks.add(names.validity, Finding::Passed, required, zh, en);
    }
    check_chain(names.chain, &certificate, at, trust, now, checks);
    Some(certificate)
}

fn check_chain(
    name: CheckName,
    certificate: &Certificate,
    at: Time,
    trust: &TrustAnchors,
    now: &Moment,
    checks: &mut Checks,
) {
    if trust.is_empty() {
        checks.note(
            name,
            Finding::NotApplicable,
            format!("没有信任锚，无法确认签发者 {}", certificate.issuer()),
            format!("there are no trust anchors to tell whether {} issued it", certificate.issuer()),
        );
        return;
    }
    match trust.chain(certificate, at) {
        Err(unchained) => checks.require(name, false, unchained.zh, unchained.en),
        Ok(Chained { revoked_later: Some(since), anchor, .. }) => checks.add(
            name,
            Finding::Noted,
            true,
            format!("由 {anchor} 签发；其后于 {since} 被吊销"),
            format!("issued by {anchor}; it was revoked since, at {since}"),
        ),
        Ok(Chained { anchor, revocations_until: Some(Some(until)), .. }) if now.reached(until) => checks.add(
            name,
            Finding::Noted,
            true,
            format!("由 {anchor} 签发；吊销列表已于 {until} 过期"),
            format!("issued by {anchor}; the revocation list should have been replaced at {until}"),
        ),
        Ok(Chained { anchor, revocations_until: None, .. }) => checks.require(
            name,
            true,
            format!("由信任锚 {anchor} 签发；没有吊销列表"),
            format!("issued by the trust anchor {anchor}; there is no revocation list"),
        ),
        Ok(Chained { anchor, .. }) => checks.require(
            name,
            true,
            format!("由信任锚 {anchor} 签发，未被吊销"),
            format!("issued by the trust anchor {anchor}, not revoked"),
        ),
    }
}

fn check_signed(
    name: CheckName,
    certificate: Option<&Certificate>,
    message: &[u8],
    signature: &[u8],
    (zh, en): (&str, &str),
    checks: &mut Checks,
) {
    match certificate {
        None => checks.require(
            name,
            false,
            format!("{zh}：没有可用的公钥"),
            format!("{en}: there is no key to verify it with"),
        ),
        Some(certificate) => {
            let holds = certificate.verifies(message, signature);
            let (verdict_zh, verdict_en) =
                if holds { ("验证通过", "verifies") } else { ("验证不通过", "does not verify") };
            checks.require(name, holds, format!("{zh}{verdict_zh}"), format!("{en} {verdict_en}"));
        }
    }
}

fn check_seal_times(seal: &Seal<'_>, now: &Moment, checks: &mut Checks) {
    let Seal { created, valid_from: from, valid_until: until, .. } = seal;
    let problem = if from >= until {
        Some((
            format!("有效期止 {until} 不晚于有效期起 {from}"),
            format!("its validity ends at {until}, not after its beginning at {from}"),
        ))
    } else if created >= until {
        Some((
            format!("制章时间 {created} 不早于有效期止 {until}"),
            format!("it was made at {created}, not before its end at {until}"),
        ))
    } else if !now.reached(*created) {
        Some((format!("制章时间 {created} 在将来"), format!("it was made at {created}, which is in the future")))
    } else {
        None
    };
    let holds = problem.is_none();
    let in_order = || {
        let zh = format!("{created} 制章，有效期 {from} 至 {until}");
        (zh, format!("made at {created}, valid from {from} to {until}"))
    };
    let (zh, en) = problem.unwrap_or_else(in_order);
    checks.require(CheckName::SealTimes, holds, zh, en);
    let (finding, zh, en) = if now.reached(until.plus_seconds(1)) {
        (Finding::Noted, format!("已于 {until} 到期"), format!("it has expired, at {until}"))
    } else if !now.reached(*from) {
        (Finding::Noted, format!("自 {from} 起生效，尚未生效"), format!("it may be used from {from} on, not yet"))
    } else {
        (Finding::Passed, format!("有效至 {until}"), format!("it may be used until {until}"))
    };
    checks.note(CheckName::SealPeriod, finding, zh, en);
}

fn check_listed(seal: &Seal<'_>, signer: &[u8], checks: &mut Checks) {
    let holds = match &seal.signers {
        Signers::Certificates(certificates) => certificates.contains(&signer),
        Signers::Digests(digests) => {
            let digest = sm3(signer);
            let is_sm3 = |algorithm: &str| algorithm.eq_ignore_ascii_case("SM3") || algorithm == super::ofd::SM3;
            digests.iter().any(|listed| is_sm3(listed.algorithm) && listed.value == digest)
        }
    };
    let (zh, en) = match holds {
        true => ("签章者证书在印章的证书列表中", "the seal lists the signer's certificate"),
        false => {
            ("签章者证书不在印章的证书列表中", "the seal does not list the signer's certificate: another's key signed")
        }
    };
    checks.require(CheckName::SignerListed, holds, zh, en);
}

fn check_signing_time(seal: &Seal<'_>, time: Option<Time>, now: &Moment, checks: &mut Checks) {
    let Seal { created, valid_from: from, valid_until: until, .. } = seal;
    let (holds, zh, en) = match time {
        None => {
            (false, "签章时间不明：时间戳无法验证".to_owned(), "not known: its time-stamp does not verify".to_owned())
        }
        Some(time) if time < *created => (
            false,
            format!("签章时间 {time} 早于制章时间 {created}"),
            format!("signed at {time}, before the seal was made at {created}"),
        ),
        Some(time) if !(*from..=*until).contains(&time) => (
            false,
            format!("签章时间 {time} 不在印章有效期 {from} 至 {until} 内"),
            format!("signed at {time}, while the seal may be used from {from} to {until}"),
        ),
        Some(time) if !now.reached(time) => {
            (false, format!("签章时间 {time} 在将来"), format!("signed at {time}, which is in the future"))
        }
        Some(time) => (true, format!("{time}，在印章有效期内"), format!("{time}, while the seal might be used")),
    };
    checks.require(CheckName::SigningTime, holds, zh, en);
}

fn check_time_stamp(
    name: CheckName,
    token: &[u8],
    over: &[u8],
    (not_before, required): (Time, bool),
    trust: &TrustAnchors,
    checks: &mut Checks,
) {
    let (finding, zh, en) = match time_stamp::verify(token, over, trust) {
        Err(problem) => (Finding::Failed, format!("时间戳无效：{problem}"), format!("the time-stamp {problem}")),
        Ok(time) if time < not_before => (
            Finding::Failed,
            format!("时间戳 {time} 早于 {not_before}"),
            format!("the time-stamp is of {time}, before {not_before}"),
        ),
        Ok(time) => (Finding::Passed, format!("时间戳 {time}"), format!("the time-stamp is of {time}")),
    };
    checks.add(name, finding, required, zh, en);
}

/// Formats of pictures, and how files of each begin.
const FORMATS: &[(&str, &[&[u8]])] = &[
    ("png", &[b"\x89PNG\r\n\x1a\n"]),
    ("gif", &[b"GIF87a", b"GIF89a"]),
    ("jpg", &[b"\xff\xd8\xff"]),
    ("jpeg", &[b"\xff\xd8\xff"]),
    ("bmp", &[b"BM"]),
    ("tif", &[b"II*\0", b"MM\0*"]),
    ("tiff", &[b"II*\0", b"MM\0*"]),
    ("ofd", &[ofd::MAGIC]),
    ("svg", &[b"<"]),
];

fn check_picture(picture: &Picture<'_>, checks: &mut Checks) {
    let Picture { format, data, width, height } = picture;
    let known = FORMATS.iter().find(|(name, _)| name.eq_ignore_ascii_case(format));
    let (finding, zh, en) = match known {
        None => (Finding::Noted, format!("图像格式 {format:?} 未知"), format!("its format {format:?} is not known")),
        Some((_, beginnings)) if !beginnings.iter().any(|beginning| data.starts_with(beginning)) => {
            (Finding::Failed, format!("图像数据不是 {format}"), format!("its data are no {format}"))
        }
        Some(_) if *width == 0 || *height == 0 => (
            Finding::Failed,
            format!("图像尺寸为 {width} × {height} 毫米"),
            format!("its size is {width} × {height} mm"),
        ),
        Some(_) => {
            (Finding::Passed, format!("{format}，{width} × {height} 毫米"), format!("{format}, {width} × {height} mm"))
        }
    };
    checks.note(CheckName::Picture, finding, zh, en);
}
