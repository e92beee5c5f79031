//! What a verification comes to: checks by name, each with a result and a sentence for people.

use serde::Serialize;

use super::form::{Seal, Signers};
use crate::domain::{record::RecordStatus, time::Time};

/// Declares the checks: the name that programs know, and the title that people read.
macro_rules! checks {
    ($($(#[$doc:meta])* $item:ident = $name:literal, $title:literal;)*) => {
        /// A check, by its name. docs/seals.md explains each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CheckName { $($(#[$doc])* $item,)* }

        impl CheckName {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$item,)*];

            /// The name that programs know.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$item => $name,)* }
            }

            /// What people call it.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$item => $title,)* }
            }
        }
    };
}

checks! {
    /// A seal has the form of its standard.
    SealForm = "SEAL_FORM", "印章格式";
    /// The algorithm of the maker's signature is SM2 with SM3.
    SealAlgorithm = "SEAL_ALGORITHM", "印章签名算法";
    /// No extension of the seal is critical and unknown.
    SealExtensions = "SEAL_EXTENSIONS", "印章扩展项";
    /// The maker's certificate is one with an SM2 key that may sign.
    MakerCertificate = "MAKER_CERTIFICATE", "制章者证书";
    /// The maker's signature verifies.
    MakerSignature = "MAKER_SIGNATURE", "制章者签名";
    /// The maker's certificate was valid when the seal was made.
    MakerValidity = "MAKER_VALIDITY", "制章时制章者证书有效";
    /// The maker's certificate leads to a trust anchor.
    MakerChain = "MAKER_CHAIN", "制章者证书链";
    /// The seal's times are in order.
    SealTimes = "SEAL_TIMES", "印章时间";
    /// The seal may be used now.
    SealPeriod = "SEAL_PERIOD", "印章有效期";
    /// The time-stamp over the seal verifies.
    SealTimeStamp = "SEAL_TIME_STAMP", "印章时间戳";
    /// The picture is of the format that the seal says.
    Picture = "PICTURE", "印章图像";
    /// A signature has the form of its standard.
    SignatureForm = "SIGNATURE_FORM", "签章格式";
    /// The algorithm of the signature is SM2 with SM3.
    SignatureAlgorithm = "SIGNATURE_ALGORITHM", "签章签名算法";
    /// No extension of the signature is critical and unknown.
    SignatureExtensions = "SIGNATURE_EXTENSIONS", "签章扩展项";
    /// The signer's certificate is one with an SM2 key that may sign.
    SignerCertificate = "SIGNER_CERTIFICATE", "签章者证书";
    /// The seal lists the signer's certificate.
    SignerListed = "SIGNER_LISTED", "签章者在印章证书列表中";
    /// The signer's signature verifies.
    SignerSignature = "SIGNER_SIGNATURE", "签章者签名";
    /// The signer's certificate was valid when it signed.
    SignerValidity = "SIGNER_VALIDITY", "签章时签章者证书有效";
    /// The signer's certificate leads to a trust anchor.
    SignerChain = "SIGNER_CHAIN", "签章者证书链";
    /// It was signed while the seal might be used.
    SigningTime = "SIGNING_TIME", "签章时间";
    /// The time-stamp over the signature verifies.
    SignatureTimeStamp = "SIGNATURE_TIME_STAMP", "签章时间戳";
    /// A document has the form of its standard.
    DocumentForm = "DOCUMENT_FORM", "文档格式";
    /// The document's description of the signature reads.
    DescriptionForm = "DESCRIPTION_FORM", "签名描述文件";
    /// Every file that the signature protects is as it was.
    References = "REFERENCES", "受保护文件杂凑值";
    /// The signature is over this description.
    DataHash = "DATA_HASH", "原文杂凑值";
    /// The seal in the document is the one that signed.
    SameSeal = "SAME_SEAL", "印章一致";
    /// Every file of the document is protected.
    Coverage = "COVERAGE", "保护范围";
    /// The seal is in force as the hub knows it.
    HubStatus = "HUB_STATUS", "枢纽登记状态";
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Finding {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// Something to know that does not make it invalid, such as a certificate that has expired since.
    Noted,
    /// There is nothing to check, or nothing to check it with.
    NotApplicable,
}

impl Finding {
    /// The name, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
            Self::Noted => "NOTED",
            Self::NotApplicable => "NOT_APPLICABLE",
        }
    }
}

/// A check that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which.
    pub name: CheckName,
    /// What it found.
    pub finding: Finding,
    /// Whether the whole fails if it does.
    pub required: bool,
    /// What it found, in Chinese.
    pub zh: String,
    /// What it found, in English.
    pub en: String,
}

/// Checks in the order they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checks(pub Vec<Check>);

impl Checks {
    /// Whether every required check holds, and there is one at all.
    #[must_use]
    pub fn hold(&self) -> bool {
        !self.0.is_empty() && !self.0.iter().any(|check| check.required && check.finding == Finding::Failed)
    }

    /// The check of a name.
    #[must_use]
    pub fn find(&self, name: CheckName) -> Option<&Check> {
        self.0.iter().find(|check| check.name == name)
    }

    /// Adds a required check that holds or does not.
    pub(super) fn require(&mut self, name: CheckName, holds: bool, zh: impl Into<String>, en: impl Into<String>) {
        let finding = if holds { Finding::Passed } else { Finding::Failed };
        self.add(name, finding, true, zh, en);
    }

    /// Adds a check of which nothing hangs.
    pub(super) fn note(&mut self, name: CheckName, finding: Finding, zh: impl Into<String>, en: impl Into<String>) {
        self.add(name, finding, false, zh, en);
    }

    pub(super) fn add(
        &mut self,
        name: CheckName,
        finding: Finding,
        required: bool,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) {
        self.0.push(Check { name, finding, required, zh: zh.into(), en: en.into() });
    }
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// An e-seal.
    Seal,
    /// A signature made with one.
    Signature,
    /// An OFD document with signatures.
    Document,
}

/// A verification of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// What the file is.
    pub kind: Kind,
    /// Checks of a document as a whole; empty otherwise.
    pub checks: Checks,
    /// The seal, the signature, or each signature of the document.
    pub parts: Vec<Part>,
}

impl Verification {
    /// Whether every required check of the whole and of each part holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        (self.kind != Kind::Document || self.checks.hold())
            && !self.parts.is_empty()
            && self.parts.iter().all(|part| part.checks.hold())
    }
}

/// A seal or a signature that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Of a document's signature, the path of its description.
    pub path: String,
    /// What the seal says of itself; `None` where it does not read.
    pub seal: Option<SealFacts>,
    /// When it was signed, where it is a signature and says so.
    pub signed_at: Option<Time>,
    /// The signer, where it is a signature: the subject of the certificate.
    pub signer: Option<String>,
    /// What was checked.
    pub checks: Checks,
}

/// What a hub knows of a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HubStatus {
    /// No seal of its identifier is published there.
    NotPublished,
    /// Another seal is published there under its identifier.
    Another,
    /// It is published there, with this status.
    Published(RecordStatus),
}

impl Part {
    /// Adds what a hub knows of the seal. A seal must be in force now; of what was signed with it, how things were when it was signed
    /// decides, so that there it is told and no more.
    pub fn add_hub_status(&mut self, kind: Kind, status: HubStatus) {
        let (holds, zh, en) = match status {
            HubStatus::NotPublished => {
                let (zh, en) = ("该枢纽未登记此印章标识", "no seal of this identifier is published at the hub");
                self.checks.note(CheckName::HubStatus, Finding::Noted, zh, en);
                return;
            }
            HubStatus::Another => (
                false,
                "该枢纽以此标识登记的是另一枚印章",
                "another seal is published at the hub under this identifier",
            ),
            HubStatus::Published(RecordStatus::Active) => {
                (true, "该枢纽登记状态：现势", "it is published at the hub, and in force")
            }
            HubStatus::Published(RecordStatus::Suspended) => {
                (false, "该枢纽登记状态：暂停", "it is suspended at the hub, or not in force yet")
            }
            HubStatus::Published(RecordStatus::Revoked) => {
                (false, "该枢纽登记状态：已销毁", "it was revoked at the hub: destroyed")
            }
            HubStatus::Published(RecordStatus::Expired) => (false, "该枢纽登记状态：过期", "it has expired at the hub"),
            HubStatus::Published(RecordStatus::Superseded) => {
                (false, "该枢纽登记状态：被替换", "it was replaced by another at the hub")
            }
        };
        let finding = if holds { Finding::Passed } else { Finding::Failed };
        self.checks.add(CheckName::HubStatus, finding, kind == Kind::Seal, zh, en);
    }
}

/// What a seal says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealFacts {
    /// Its bytes, which name it among those of the same identifier.
    pub bytes: Vec<u8>,
    /// Its version, and the standard of that.
    pub version: super::form::Version,
    /// 印章标识.
    pub id: String,
    /// 印章名称.
    pub name: String,
    /// 厂商标识.
    pub vendor: String,
    /// The kind of seal.
    pub kind: u32,
    /// When it was made.
    pub created: Time,
    /// From when on it may be used.
    pub valid_from: Time,
    /// Until when.
    pub valid_until: Time,
    /// The picture's format.
    pub picture_format: String,
    /// The picture's width and height, in millimetres.
    pub picture_size: (u32, u32),
    /// The subject of the maker's certificate; empty where it does not read.
    pub maker: String,
    /// How many certificates, or digests of some, may sign with it.
    pub signers: usize,
}

impl SealFacts {
    pub(super) fn of(seal: &Seal<'_>) -> Self {
        Self {
            bytes: seal.bytes.to_vec(),
            version: seal.version,
            id: seal.id.to_owned(),
            name: seal.name.to_owned(),
            vendor: seal.vendor.to_owned(),
            kind: seal.kind,
            created: seal.created,
            valid_from: seal.valid_from,
            valid_until: seal.valid_until,
            picture_format: seal.picture.format.to_owned(),
            picture_size: (seal.picture.width, seal.picture.height),
            maker: super::certificate::Certificate::parse(seal.maker)
                .map(|maker| maker.subject().to_owned())
                .unwrap_or_default(),
            signers: match &seal.signers {
                Signers::Certificates(certificates) => certificates.len(),
                Signers::Digests(digests) => digests.len(),
            },
        }
    }
}
