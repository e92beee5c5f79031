//! The rules: the directory and the agreements, to change and to read.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Client, Error,
    connection::MAX_MESSAGE_BYTES,
    statement::{Signed, commit_text},
    verify::{self, VerifiedReceipt},
};
use crate::{
    domain::{
        agreement::{AgreementText, AgreementVersion},
        answer::{AnswerTerms, Pending},
        calendar::{Calendar, CalendarYear},
        directory::{Capability, Directory, Key},
        id::{AgreementId, Commitment, Digest, DomainName, KeyId, SystemId},
        identifier::Uscc,
        outcome::{Effect, Outcome},
        statement::{RuleChange, Statement},
        time::Time,
    },
    sign::{commitment::Opening, sha256},
    wire::{
        self, KeyRequest, ListedAgreement,
        proto::{self, AgreementSelection, rule_service_client::RuleServiceClient},
    },
};

/// How many members of a list are fetched at a time: the most that a hub gives.
pub(super) const PAGE_SIZE: i32 = 1_000;
/// The most pages of one list: a million members, far above any city's, so that a hub that always names another page does
/// not hold its caller for ever.
pub(super) const MAX_PAGES: usize = 1_000;

/// What a change of the rules brought about.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The effect.
    pub effect: Effect,
    /// The evidence.
    pub receipt: VerifiedReceipt,
}

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

/// What a hub says of itself. What matters of it is pinned in the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubDescription {
    /// Its domain.
    pub hub: String,
    /// The trust domain of its systems.
    pub trust_domain: String,
    /// Its log's origin.
    pub origin: String,
    /// Its log's public key.
    pub log_vkey: String,
    /// The leaf hash of entry 0.
    pub genesis_leaf_hash: Vec<u8>,
    /// The version of its program.
    pub version: String,
    /// Its clock, when it answered.
    pub time: Option<Time>,
}

/// Sends one request of the rule service.
macro_rules! rule_call {
    ($client:expr, $method:ident, $message:expr) => {
        $client.connection().call(&$message, |channel, request| async move {
            RuleServiceClient::new(channel)
                .max_decoding_message_size($crate::client::MAX_MESSAGE_BYTES)
                .$method(request)
                .await
        })
    };
}
pub(super) use rule_call;

// === Changing

impl Client {
    /// Submits a change of the rules, with what opens its text commitments.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unproven`] when the receipt does not hold, and what can go wrong on the way.
    pub async fn change(&self, change: RuleChange, openings: Vec<Opening>) -> Result<Changed, Error> {
        let now = super::now()?;
        let signed = self.author().sign(self.random(), now, openings, |header| Statement::Rule(header, change))?;
        self.submit_change(&signed).await
    }

    pub(super) async fn submit_change(&self, signed: &Signed) -> Result<Changed, Error> {
        let message = proto::SubmitRuleRequest {
            envelope: Some(wire::envelope_to_proto(&signed.envelope)),
            openings: signed.openings.iter().map(wire::opening_to_proto).collect(),
        };
        let before = self.connection().seen().newest();
        let answer: proto::SubmitRuleResponse = self
            .submit(signed, &message, |channel, request| async move {
                RuleServiceClient::new(channel)
                    .max_encoding_message_size(MAX_MESSAGE_BYTES)
                    .max_decoding_message_size(MAX_MESSAGE_BYTES)
                    .submit_rule(request)
                    .await
            })
            .await?;
        let receipt = self.answered(signed, answer.receipt, before).await?;
        match receipt.outcome().clone() {
            Outcome::Applied(effect) => Ok(Changed { effect, receipt }),
            other => Err(Error::Unproven {
                what: "the receipt",
                check: "outcome",
                why: format!("the hub said that it was applied, its entry says {}", verify::outcome_in_words(&other)),
            }),
        }
    }

    /// Registers a department, or renames it.
    ///
    /// # Errors
    /// As [`Client::change`].
    pub async fn register_department(&self, uscc: Uscc, name: &str) -> Result<Changed, Error> {
        self.change(RuleChange::RegisterDepartment { uscc, name: name.to_owned() }, Vec::new()).await
    }

    /// Registers a system, or sets its capabilities anew.
    ///
    /// # Errors
    /// As [`Client::change`].
    pub async fn register_system(
        &self,
        system: SystemId,
        capabilities: BTreeSet<Capability>,
    ) -> Result<Changed, Error> {
        self.change(RuleChange::RegisterSystem { system, capabilities }, Vec::new()).await
    }

    /// Registers a system's public key, with the key's own word that the system holds it.
    ///
    /// # Errors
    /// [`Error::Input`] for a request made for another hub, which this one would refuse; as [`Client::change`].
    pub async fn register_key(&self, request: KeyRequest) -> Result<Changed, Error> {
        let hub = self.author().hub;
        if request.hub != *hub {
            let why = format!("is for the hub {}, this one is {hub}", request.hub);
            return Err(Error::Input { what: format!("the request of key {}", request.key.kid()), why });
        }
        self.change(request.into_change(), Vec::new()).await
    }

    /// Retires a key; with `compromised_since`, what it signed since then is suspect and no longer released.
    ///
    /// # Errors
    /// As [`Client::change`].
    pub async fn retire_key(&self, kid: KeyId, compromised_since: Option<Time>) -> Result<Changed, Error> {
        self.change(RuleChange::RetireKey { kid, compromised_since }, Vec::new()).await
    }

    /// Enters a year's holidays and the days that make up for them, in place of what was entered of it.
    ///
    /// # Errors
    /// As [`Client::change`].
    pub async fn enter_calendar_year(&self, year: CalendarYear) -> Result<Changed, Error> {
        self.change(RuleChange::CalendarYear(year), Vec::new()).await
    }

    /// Sets by when proposals must be answered, in place of what was set.
    ///
    /// # Errors
    /// As [`Client::change`].
    pub async fn set_answer_terms(&self, terms: AnswerTerms) -> Result<Changed, Error> {
        self.change(RuleChange::AnswerTerms(terms), Vec::new()).await
    }

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
        let Some((reason, opening)) = commit_text(self.random(), Some(reason))? else {
            return Err(Error::Input { what: "the reason".to_owned(), why: "must be given".to_owned() });
        };
        let (agreement_id, digest) = (version.text.agreement_id.clone(), version.digest);
        let change = RuleChange::AgreementRejection { agreement_id, version: version.text.version, digest, reason };
        self.change(change, vec![opening]).await
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
    /// What the hub says of itself.
    ///
    /// # Errors
    /// [`Error::Rejected`], [`Error::Unavailable`].
    pub async fn hub(&self) -> Result<HubDescription, Error> {
        let hub: proto::GetHubResponse = rule_call!(self, get_hub, proto::GetHubRequest {}).await?;
        Ok(HubDescription {
            hub: hub.hub,
            trust_domain: hub.trust_domain,
            origin: hub.origin,
            log_vkey: hub.log_vkey,
            genesis_leaf_hash: hub.genesis_leaf_hash,
            version: hub.version,
            time: hub.time.and_then(|time| wire::time_of(&time)),
        })
    }

    /// A department, with its systems and keys: a directory that holds it alone.
    ///
    /// # Errors
    /// [`Error::Rejected`] when there is none, [`Error::Malformed`], [`Error::Unavailable`].
    pub async fn department(&self, uscc: &Uscc) -> Result<Directory, Error> {
        let message = proto::GetDepartmentRequest { uscc: uscc.as_str().to_owned() };
        let answer: proto::GetDepartmentResponse = rule_call!(self, get_department, message).await?;
        Ok(wire::department_from_proto(&answer.department.unwrap_or_default())?)
    }

    /// All departments, with their systems and keys.
    ///
    /// # Errors
    /// As [`Client::department`].
    pub async fn departments(&self) -> Result<Directory, Error> {
        let mut directory = Directory::default();
        let mut page_token = String::new();
        for _ in 0..MAX_PAGES {
            let message = proto::ListDepartmentsRequest { page_size: PAGE_SIZE, page_token };
            let page: proto::ListDepartmentsResponse = rule_call!(self, list_departments, message).await?;
            for department in &page.departments {
                let one = wire::department_from_proto(department)?;
                directory.departments.extend(one.departments);
                directory.systems.extend(one.systems);
                directory.keys.extend(one.keys);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(directory);
            }
        }
        Err(endless("departments"))
    }

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

    /// By when proposals must be answered.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Unavailable`].
    pub async fn answer_terms(&self) -> Result<AnswerTerms, Error> {
        let message = proto::GetAnswerTermsRequest {};
        let answer: proto::GetAnswerTermsResponse = rule_call!(self, get_answer_terms, message).await?;
        Ok(wire::answer_terms_from_proto(&answer.terms)?)
    }

    /// The working days, as far as they were entered.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Unavailable`].
    pub async fn calendar(&self) -> Result<Calendar, Error> {
        let mut calendar = Calendar::default();
        let mut page_token = String::new();
        for _ in 0..MAX_PAGES {
            let message = proto::ListCalendarYearsRequest { page_size: PAGE_SIZE, page_token };
            let page: proto::ListCalendarYearsResponse = rule_call!(self, list_calendar_years, message).await?;
            for year in &page.calendar_years {
                calendar.enter(wire::calendar_year_from_proto(year)?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(calendar);
            }
        }
        Err(endless("calendar years"))
    }

    /// A key of a department; remembered for a while, since a key never changes and its life seldom.
    pub(super) async fn key(&self, department: &Uscc, kid: KeyId) -> Result<Key, Error> {
        if let Some(known) = self.known_key(&kid).filter(|key| key.system.department() == department) {
            return Ok(known);
        }
        let directory = self.department(department).await?;
        self.remember_keys(directory.keys.values());
        directory.keys.get(&kid).cloned().ok_or_else(|| Error::Unproven {
            what: "the credential",
            check: "issuer key",
            why: format!("department {} has no key {}", department.as_str(), wire::kid_to_text(&kid)),
        })
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

pub(super) fn endless(what: &str) -> Error {
    Error::Input { what: format!("the list of {what}"), why: format!("has more than {MAX_PAGES} pages") }
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
