//! Agreements: to propose, to answer, to change and to read.

use std::sync::Arc;

use super::{
    Changed, Client, Error,
    rule::{MAX_PAGES, PAGE_SIZE, endless, rule_call},
    statement::commit_text,
};
use crate::{
    domain::{
        agreement::{AgreementText, AgreementVersion},
        answer::Pending,
        id::{AgreementId, Commitment, Digest, DomainName},
        statement::RuleChange,
    },
    sign::{commitment::Opening, sha256},
    wire::{
        self, ListedAgreement,
        proto::{self, AgreementSelection, rule_service_client::RuleServiceClient},
    },
};

/// An agreement as the hub shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownAgreement {
    /// The version, whose digest was checked against its text.
    pub version: AgreementVersion,
    /// The texts to which it commits (its own, and the reason for its state), as far as the hub keeps them; each was checked.
    pub openings: Vec<Opening>,
    /// For whose answer it waits, and until when.
    pub pending: Option<Pending>,
}

impl ShownAgreement {
    /// The legal basis 使用依据, if it is committed to and kept.
    #[must_use]
    pub fn legal_basis(&self) -> Option<&str> {
        self.opened(self.version.text.legal_basis)
    }

    /// The scenario 使用场景, if it is committed to and kept.
    #[must_use]
    pub fn scenario(&self) -> Option<&str> {
        self.opened(self.version.text.scenario)
    }

    /// All its free texts, by the names that files of terms have for them.
    #[must_use]
    pub fn free_texts(&self) -> Vec<(&'static str, Option<&str>)> {
        vec![("legal_basis", self.legal_basis()), ("scenario", self.scenario()), ("scope", self.scope())]
    }

    /// The reason 原因 given for its state, if one was and is kept.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.opened(self.version.reason)
    }

    /// The scope of use 使用范围, if it is committed to and kept.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.opened(self.version.text.scope)
    }

    /// What opens a commitment of the text to these words.
    fn opening_of(&self, written: Option<&str>) -> Option<&Opening> {
        let committed: Vec<_> = self.version.text.text_commitments().collect();
        let is_of_text = |opening: &&Opening| committed.contains(&Commitment(opening.commitment()));
        self.openings.iter().filter(is_of_text).find(|opening| Some(opening.value()) == written.map(str::trim))
    }

    fn opened(&self, commitment: Option<Commitment>) -> Option<&str> {
        let commitment = commitment?.0;
        self.openings.iter().find(|opening| opening.commitment() == commitment).map(Opening::value)
    }
}

/// What an agreement says in free words; the log holds only commitments to it.
#[derive(Debug, Clone, Copy, Default)]
pub struct FreeTexts<'a> {
    /// The legal basis 使用依据.
    pub legal_basis: Option<&'a str>,
    /// The scenario 使用场景.
    pub scenario: Option<&'a str>,
    /// The scope of use 使用范围.
    pub scope: Option<&'a str>,
}

// === Changing

impl Client {
    /// Proposes an agreement, or a new version of one: signs its text and commits to the free texts given. `text`'s
    /// commitments are set here; a free text that stands in `before`, the version that it changes, keeps its commitment, so that
    /// everybody sees that it did not change.
    ///
    /// # Errors
    /// As [`Client::change`]; [`Error::Sign`] for a free text that is too long.
    pub async fn propose_agreement(
        &self,
        mut text: AgreementText,
        before: Option<&ShownAgreement>,
        free: FreeTexts<'_>,
    ) -> Result<Changed, Error> {
        let mut openings = Vec::new();
        for (slot, written) in [
            (&mut text.legal_basis, free.legal_basis),
            (&mut text.scenario, free.scenario),
            (&mut text.scope, free.scope),
        ] {
            let same = before.and_then(|before| before.opening_of(written));
            let opening = match same {
                Some(same) => Some(same.clone()),
                None => commit_text(self.random(), written)?.map(|(_, opening)| opening),
            };
            *slot = opening.as_ref().map(|opening| Commitment(opening.commitment()));
            openings.extend(opening);
        }
        self.propose_text(text, openings).await
    }

    /// Proposes a text that differs from a version only in its validity 延期. It keeps the version's commitments, whose texts
    /// travel again.
    ///
    /// # Errors
    /// As [`Client::change`]; [`Error::Input`] where the hub keeps a text no longer.
    pub async fn extend_agreement(&self, version: &ShownAgreement, text: AgreementText) -> Result<Changed, Error> {
        let mut openings = Vec::new();
        for commitment in text.text_commitments() {
            let kept = version.openings.iter().find(|opening| opening.commitment() == commitment.0);
            openings.push(kept.cloned().ok_or_else(|| Error::Input {
                what: format!("agreement {} version {}", text.agreement_id, version.version.text.version),
                why: "the hub keeps a text of it no longer: propose the next version from a file".to_owned(),
            })?);
        }
        self.propose_text(text, openings).await
    }

    async fn propose_text(&self, text: AgreementText, openings: Vec<Opening>) -> Result<Changed, Error> {
        let serialized: Arc<[u8]> = wire::encode_agreement_text(&text).into();
        let digest = Digest(sha256(&serialized));
        let signature = self.author().sign_text(&serialized)?;
        let text = Box::new(text);
        self.change(RuleChange::AgreementProposal { text, serialized, digest, signature }, openings).await
    }

    /// Accepts a version of an agreement for the provider: signs the text that `version` holds.
    ///
    /// # Errors
    /// As [`Client::change`].
    pub async fn accept_agreement(&self, version: &AgreementVersion) -> Result<Changed, Error> {
        self.change(RuleChange::AgreementAcceptance(self.author().consent(version)?), Vec::new()).await
    }

    /// Puts a version of an agreement into force as an administrator: signs the text that `version` holds.
    ///
    /// # Errors
    /// As [`Client::change`].
    pub async fn activate_agreement(&self, version: &AgreementVersion) -> Result<Changed, Error> {
        self.change(RuleChange::AgreementActivation(self.author().consent(version)?), Vec::new()).await
    }

    /// Rejects a version of an agreement that waits for an answer: for the provider, or as an administrator. The log commits to
    /// the reason, and the parties read it.
    ///
    /// # Errors
    /// As [`Client::change`]; [`Error::Input`] without a reason.
    pub async fn reject_agreement(&self, version: &AgreementVersion, reason: &str) -> Result<Changed, Error> {
        let (reason, opening) = self.must_commit(reason)?;
        let (agreement_id, digest) = (version.text.agreement_id.clone(), version.digest);
        let change = RuleChange::AgreementRejection { agreement_id, version: version.text.version, digest, reason };
        self.change(change, vec![opening]).await
    }

    /// Defers this department's answer 延长答复 to a version of an agreement, once. The log commits to the reason, and the parties read
    /// it.
    ///
    /// # Errors
    /// As [`Client::change`]; [`Error::Input`] without a reason.
    pub async fn defer_answer(&self, version: &AgreementVersion, reason: &str) -> Result<Changed, Error> {
        let (reason, opening) = self.must_commit(reason)?;
        let (agreement_id, digest) = (version.text.agreement_id.clone(), version.digest);
        let change = RuleChange::AnswerDeferral { agreement_id, version: version.text.version, digest, reason };
        self.change(change, vec![opening]).await
    }

    /// A reason that must be given.
    fn must_commit(&self, reason: &str) -> Result<(Commitment, Opening), Error> {
        let missing = || Error::Input { what: "the reason".to_owned(), why: "must be given".to_owned() };
        commit_text(self.random(), Some(reason))?.ok_or_else(missing)
    }

    /// Withdraws a version of an agreement that this department proposed and that is not in force.
    ///
    /// # Errors
    /// As [`Client::change`].
    pub async fn withdraw_agreement(&self, version: &AgreementVersion, reason: Option<&str>) -> Result<Changed, Error> {
        let (reason, opening) = commit_text(self.random(), reason)?.unzip();
        let agreement_id = version.text.agreement_id.clone();
        let change = RuleChange::AgreementWithdrawal { agreement_id, version: version.text.version, reason };
        self.change(change, opening.into_iter().collect()).await
    }

    /// Suspends an agreement that is in force. The log commits to the reason.
    ///
    /// # Errors
    /// As [`Client::change`].
    pub async fn suspend_agreement(&self, agreement_id: AgreementId, reason: Option<&str>) -> Result<Changed, Error> {
        let (reason, opening) = commit_text(self.random(), reason)?.unzip();
        let change = RuleChange::AgreementSuspension { agreement_id, reason };
        self.change(change, opening.into_iter().collect()).await
    }

    /// Resumes an agreement that this department suspended.
    ///
    /// # Errors
    /// As [`Client::change`].
    pub async fn resume_agreement(&self, agreement_id: AgreementId) -> Result<Changed, Error> {
        self.change(RuleChange::AgreementResumption { agreement_id }, Vec::new()).await
    }

    /// Ends an agreement for good. The log commits to the reason.
    ///
    /// # Errors
    /// As [`Client::change`].
    pub async fn terminate_agreement(&self, agreement_id: AgreementId, reason: Option<&str>) -> Result<Changed, Error> {
        let (reason, opening) = commit_text(self.random(), reason)?.unzip();
        let change = RuleChange::AgreementTermination { agreement_id, reason };
        self.change(change, opening.into_iter().collect()).await
    }
}

// === Reading

impl Client {
    /// An agreement in its newest version, or in the one given. Its digest and its opened texts were checked against what
    /// is signed.
    ///
    /// # Errors
    /// [`Error::Rejected`] when there is none for this caller, [`Error::Malformed`], [`Error::Unavailable`].
    pub async fn agreement(&self, id: &AgreementId, version: Option<u32>) -> Result<ShownAgreement, Error> {
        let message = proto::GetAgreementRequest { agreement_id: id.to_string(), version: version.unwrap_or(0) };
        let answer: proto::GetAgreementResponse = rule_call!(self, get_agreement, message).await?;
        shown_agreement(&answer.agreement.unwrap_or_default(), self.hub_domain())
    }

    /// The agreements that this system may read, each in its newest version.
    ///
    /// # Errors
    /// As [`Client::agreement`].
    pub async fn agreements(&self, selection: AgreementSelection) -> Result<Vec<ShownAgreement>, Error> {
        let selection = selection as i32;
        let mut agreements = Vec::new();
        let mut page_token = String::new();
        for _ in 0..MAX_PAGES {
            let message = proto::ListAgreementsRequest { page_size: PAGE_SIZE, page_token, selection };
            let page: proto::ListAgreementsResponse = rule_call!(self, list_agreements, message).await?;
            for agreement in &page.agreements {
                agreements.push(shown_agreement(agreement, self.hub_domain())?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(agreements);
            }
        }
        Err(endless("agreements"))
    }

    /// Asks what would become of a query. Nothing of the answer is evidence.
    ///
    /// # Errors
    /// [`Error::Rejected`] where this system may not know, [`Error::Unavailable`].
    pub async fn simulate(&self, query: proto::SimulateQueryRequest) -> Result<proto::SimulateQueryResponse, Error> {
        rule_call!(self, simulate_query, query).await
    }
}

fn shown_agreement(message: &proto::Agreement, hub: &DomainName) -> Result<ShownAgreement, Error> {
    let ListedAgreement { version, openings, pending } = wire::agreement_from_proto(message)?;
    if version.text.hub != *hub {
        let why = format!("it is for {}, not for {hub}", version.text.hub);
        return Err(Error::Unproven { what: "the agreement", check: "hub", why });
    }
    Ok(ShownAgreement { version, openings, pending })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::client::fixture;

    #[test]
    fn an_agreement_for_another_hub_is_not_shown() {
        let message = wire::agreement_to_proto(&fixture::agreement_version(), &[], None);
        assert!(shown_agreement(&message, &fixture::hub()).is_ok());
        assert!(shown_agreement(&message, &"other.example".parse().unwrap()).is_err());
    }
}
