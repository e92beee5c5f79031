//! The rules: the directory, the working days and the deadlines, to change and to read.

use std::collections::BTreeSet;

use super::{
    Client, Error,
    connection::MAX_MESSAGE_BYTES,
    statement::Signed,
    verify::{self, VerifiedReceipt},
};
use crate::{
    domain::{
        answer::AnswerTerms,
        calendar::{Calendar, CalendarYear},
        directory::{Capability, Directory, Key},
        id::{KeyId, SystemId},
        identifier::Uscc,
        outcome::{Effect, Outcome},
        statement::{RuleChange, Statement},
        time::Time,
    },
    sign::commitment::Opening,
    wire::{
        self, KeyRequest,
        proto::{self, rule_service_client::RuleServiceClient},
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

pub(super) fn endless(what: &str) -> Error {
    Error::Input { what: format!("the list of {what}"), why: format!("has more than {MAX_PAGES} pages") }
}
