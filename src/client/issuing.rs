//! Issuing rights: who may publish records of a resource beside its provider.

use std::time::Instant;

use super::{
    Changed, Client, Error, locked,
    rule::{MAX_PAGES, PAGE_SIZE, endless, rule_call},
};
use crate::{
    domain::{
        id::ResourceId,
        identifier::Uscc,
        issuing::{IssuingGrant, IssuingRight},
        statement::RuleChange,
    },
    wire::{
        self,
        proto::{self, rule_service_client::RuleServiceClient},
    },
};

impl Client {
    /// Gives a department the right to publish records of a resource, in place of the right that it had.
    ///
    /// # Errors
    /// As [`Client::change`].
    pub async fn grant_issuing_right(&self, grant: IssuingGrant) -> Result<Changed, Error> {
        self.change(RuleChange::GrantIssuingRight(grant), Vec::new()).await
    }

    /// Ends a department's right to publish records of a resource. What it published stays.
    ///
    /// # Errors
    /// As [`Client::change`].
    pub async fn withdraw_issuing_right(&self, resource_id: ResourceId, department: Uscc) -> Result<Changed, Error> {
        self.change(RuleChange::WithdrawIssuingRight { resource_id, department }, Vec::new()).await
    }

    /// All issuing rights, past ones too.
    ///
    /// # Errors
    /// [`Error::Rejected`], [`Error::Malformed`], [`Error::Unavailable`].
    pub async fn issuing_rights(&self) -> Result<Vec<IssuingRight>, Error> {
        let mut rights = Vec::new();
        let mut page_token = String::new();
        for _ in 0..MAX_PAGES {
            let message = proto::ListIssuingRightsRequest { page_size: PAGE_SIZE, page_token };
            let page: proto::ListIssuingRightsResponse = rule_call!(self, list_issuing_rights, message).await?;
            for right in &page.issuing_rights {
                rights.push(wire::issuing_right_from_proto(right)?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(rights);
            }
        }
        Err(endless("issuing rights"))
    }

    /// The rights that a department has or had on a resource, in the order in which they were granted.
    ///
    /// # Errors
    /// As [`Client::issuing_rights`].
    pub async fn issuing_rights_of(
        &self,
        resource: &ResourceId,
        department: &Uscc,
    ) -> Result<Vec<IssuingRight>, Error> {
        let message = proto::GetIssuingRightRequest {
            resource_id: resource.to_string(),
            department: department.as_str().to_owned(),
        };
        let answer: proto::GetIssuingRightResponse = rule_call!(self, get_issuing_right, message).await?;
        let mut rights = Vec::with_capacity(answer.issuing_rights.len());
        for right in &answer.issuing_rights {
            let right = wire::issuing_right_from_proto(right)?;
            if (&right.grant.resource_id, &right.grant.department) != (resource, department) {
                let why = format!("it is of {} on {}", right.grant.department, right.grant.resource_id);
                return Err(Error::Unproven { what: "the issuing right", check: "resource and department", why });
            }
            rights.push(right);
        }
        Ok(rights)
    }

    /// The right under which a department could publish by the entry of an index; remembered for a while.
    pub(super) async fn issuing_right_at(
        &self,
        resource: &ResourceId,
        department: &Uscc,
        index: u64,
    ) -> Result<Option<IssuingRight>, Error> {
        let at = |rights: &[IssuingRight]| rights.iter().find(|right| right.stood_at(index)).cloned();
        let pair = (resource.clone(), *department);
        let known = locked(&self.0.rights).get(&pair, Instant::now()).and_then(|rights| at(rights));
        if known.is_some() {
            return Ok(known);
        }
        let rights = self.issuing_rights_of(resource, department).await?;
        let found = at(&rights);
        locked(&self.0.rights).learn(pair, rights, Instant::now());
        Ok(found)
    }
}
