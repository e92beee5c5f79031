//! Refusals, explained: which rule, what it is about, what would help, and where the evidence is.

use std::fmt;

use crate::{client::Refused, domain::outcome::RefusalReason};

/// A refusal as people read it.
#[derive(Debug, Clone)]
pub(super) struct Explained {
    refused: Refused,
    /// What the agreement that said no would allow, where it could be asked.
    pub(super) allowed: Option<String>,
}

impl Explained {
    pub(super) fn new(refused: &Refused) -> Self {
        Self { refused: refused.clone(), allowed: None }
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused = &self.refused;
        writeln!(f, "the hub refused: {}, {}", refused.reason, in_words(refused.reason))?;
        if !refused.term.is_empty() {
            writeln!(f, "about: {}", refused.term)?;
        }
        if let Some((id, version)) = &refused.agreement {
            writeln!(f, "agreement: {id}, version {version}")?;
        }
        if let Some(basis) = &refused.denial_basis {
            writeln!(f, "denial basis 不予共享依据: {basis}")?;
        }
        if let Some(allowed) = &self.allowed {
            writeln!(f, "allowed: {allowed}")?;
        }
        write!(f, "evidence: entry {}, leaf {:?}", refused.index, refused.leaf_hash)?;
        if let Some(request_id) = &refused.request_id {
            write!(f, "; fetch its receipt with `hutong receipt {request_id} --save DIR`")?;
        }
        Ok(())
    }
}

/// What a reason means, and what helps.
fn in_words(reason: RefusalReason) -> &'static str {
    use RefusalReason as R;
    match reason {
        R::ClockSkew => "the statement's time is too far from the hub's clock: set this machine's clock",
        R::RequestIdReused => "the request id stands for another statement: sign a new one",
        R::KeyRetired => "the signing key was retired: sign with an active key",
        R::CapabilityMissing => "this system lacks the capability: an administrator grants it",
        R::OpeningMismatch => "an opening does not open its commitment: read the catalog anew and ask again",
        R::ResourceUnknown => "the catalog has no such resource: `hutong catalog show` lists them",
        R::ResourceNotOwned => {
            "the resource belongs to another department: an administrator grants the right to issue it with `hutong issuing-right grant`"
        }
        R::ResourceVersionStale => "the catalog has a newer version of the resource: make the records after that",
        R::FieldUnknown => "the resource has no such field: `hutong catalog show` lists them",
        R::FieldNotShared => "the field is never shared 不予共享",
        R::NoAgreement => "there is no such agreement: propose one with `hutong agreement propose`",
        R::AgreementNotActivated => "the agreement was never activated: an administrator does that",
        R::AgreementNotYetValid => "the agreement is not in force yet",
        R::AgreementExpired => "the agreement's validity is over: propose a new version",
        R::AgreementSuspended => "the agreement is suspended 暂停: who suspended it resumes it",
        R::AgreementTerminated => "the agreement was terminated 终止 for good",
        R::FieldNotAgreed => "the agreement does not give this field; nothing was released",
        R::PurposeNotAgreed => "the agreement does not allow this purpose 用途",
        R::MatterNotAgreed => "the agreement does not allow this matter 事项",
        R::LookupNotAgreed => "the agreement does not allow finding records this way",
        R::BatchLimitExceeded => "more lookups than the agreement allows in one query",
        R::QuotaExhausted => "the agreement's daily limit 每日限额 would be passed: ask again tomorrow, or for fewer",
        R::MinuteLimitExceeded => {
            "the agreement's limit a minute 每分钟限额 would be passed: ask again in the next, or for fewer"
        }
        R::NetworkNotAllowed => "the agreement may not be used from this machine's network 网段",
        R::ConditionInapplicable => {
            "the agreement's row condition 记录条件 no longer fits the catalog: propose a new version of the agreement"
        }
        R::TooManyRecords => "the lookups find more records than one query may release: ask for fewer",
        R::DepartmentUnknown => "the directory has no such department: register it first",
        R::SystemUnknown => "the directory has no such system: register it first",
        R::KeyUnknown => "the directory has no such key",
        R::KeyExists => "the key is, or was, registered already: make a new one",
        R::KeyPossessionUnproven => {
            "the key did not sign for this system at this hub: its holder makes a request with `hutong key request`"
        }
        R::IssuingRightNotValid => {
            "the right to issue the resource 颁发权限 is not valid yet, or no longer: an administrator grants it anew"
        }
        R::IssuingRightInvalid => "the right to be granted breaks a rule: the term names the part at fault",
        R::IssuingRightUnknown => {
            "the department has no right to issue the resource that stands: `hutong issuing-right list` lists them"
        }
        R::LastAdministrator => "the hub would be left without an administrator",
        R::CatalogConflict => "the catalog has moved on since the change was made: look again and apply again",
        R::CatalogPartUnknown => "a part that the release names was not entered",
        R::CalendarInvalid => "a day cannot be so, or has passed: what was due by it stays due",
        R::CatalogInvalid => "a resource breaks a rule of the catalog: `hutong catalog lint` says which",
        R::CatalogBreaking => {
            "consumers or providers would lose something: `hutong catalog plan` says who; apply with --allow-breaking"
        }
        R::AgreementConflict => {
            "an agreement of this id stands already, the version is not the next, or the department has as many \
             agreements on the resource as it may: propose the next version of one"
        }
        R::AgreementTextInvalid => "the agreement's text breaks a rule",
        R::AgreementSignatureInvalid => "the signature over the agreement's text does not verify",
        R::AgreementState => "the act does not fit the state in which the agreement stands",
        R::AnswerNotDeferrable => {
            "an answer is deferred once, before it is overdue, and where `hutong deadline show` says by how much"
        }
        R::NotAParty => "this department is no party to the agreement, or not the one whose act this is",
        R::AcceptanceMissing => "the provider has to accept the agreement first",
        R::PublicationInvalid => "the batch names a record twice, or its bodies are not those of its statement",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_it_is_about_what_is_allowed_and_where_the_evidence_is() {
        let refused = Refused {
            reason: RefusalReason::FieldNotAgreed,
            term: "KZ_FDDBR".to_owned(),
            agreement: Some(("housing-2026".parse().unwrap(), 2)),
            denial_basis: None,
            message: String::new(),
            request_id: Some(crate::domain::id::RequestId([0xab; 16])),
            index: 17,
            leaf_hash: [0; 32].into(),
        };
        let explained = Explained { allowed: Some("CZZT, ZZBS".to_owned()), ..Explained::new(&refused) }.to_string();
        for said in ["FIELD_NOT_AGREED", "KZ_FDDBR", "housing-2026, version 2", "CZZT, ZZBS", "entry 17", "abababab"] {
            assert!(explained.contains(said), "{said}: {explained}");
        }
    }
}
