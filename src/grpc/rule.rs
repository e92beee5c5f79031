//! `RuleService`.

use std::{ops::Bound, sync::Arc};

use tonic::{Request, Response, Status};

use super::{Page, Services, address_of, blocking, peer_of, receipt_to_proto, status};
use crate::{
    domain::{id::ResourceId, identifier::Uscc, issuing::IssuingRight, outcome::Outcome},
    hub::Selection,
    wire::{
        self,
        proto::{
            AgreementSelection, CatalogResource, CodeTableVersion, GetAgreementRequest, GetAgreementResponse,
            GetAnswerTermsRequest, GetAnswerTermsResponse, GetCodeTableRequest, GetCodeTableResponse,
            GetDepartmentRequest, GetDepartmentResponse, GetHubRequest, GetHubResponse, GetIssuingRightRequest,
            GetIssuingRightResponse, GetResourceRequest, GetResourceResponse, ListAgreementsRequest,
            ListAgreementsResponse, ListCalendarYearsRequest, ListCalendarYearsResponse, ListCodeTablesRequest,
            ListCodeTablesResponse, ListDepartmentsRequest, ListDepartmentsResponse, ListIssuingRightsRequest,
            ListIssuingRightsResponse, ListResourcesRequest, ListResourcesResponse, SimulateQueryRequest,
            SimulateQueryResponse, SubmitRuleRequest, SubmitRuleResponse, rule_service_server::RuleService,
        },
    },
};

#[tonic::async_trait]
impl RuleService for Services {
    async fn submit_rule(&self, request: Request<SubmitRuleRequest>) -> Result<Response<SubmitRuleResponse>, Status> {
        let peer = peer_of(&request)?;
        let SubmitRuleRequest { envelope, openings } = request.into_inner();
        let envelope = wire::envelope_from_proto(envelope);
        let openings = wire::openings_from_proto(openings).map_err(status::of_malformed)?;
        let receipt = Arc::clone(&self.hub).change_rules(peer, envelope, openings).await.map_err(status::of)?;
        if let Outcome::Refused(refusal) = &receipt.outcome {
            let basis = self.hub.denial_basis(&receipt);
            return Err(status::refused_citing(refusal, &receipt, basis.as_deref()));
        }
        let repeated_request = receipt.repeated;
        Ok(Response::new(SubmitRuleResponse { receipt: Some(receipt_to_proto(receipt)), repeated_request }))
    }

    async fn get_hub(&self, request: Request<GetHubRequest>) -> Result<Response<GetHubResponse>, Status> {
        let peer = peer_of(&request)?;
        let snapshot = self.hub.rules_for(&peer).map_err(status::of)?;
        Ok(Response::new(GetHubResponse {
            hub: snapshot.rules.hub.to_string(),
            trust_domain: snapshot.rules.trust_domain.to_string(),
            origin: snapshot.rules.origin.clone(),
            log_vkey: self.hub.log_verifier().vkey().to_string(),
            genesis_leaf_hash: self.genesis_leaf_hash.as_bytes().to_vec(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            time: Some(wire::timestamp(self.hub.now())),
        }))
    }

    async fn get_department(
        &self,
        request: Request<GetDepartmentRequest>,
    ) -> Result<Response<GetDepartmentResponse>, Status> {
        let peer = peer_of(&request)?;
        let snapshot = self.hub.rules_for(&peer).map_err(status::of)?;
        let uscc = uscc_of("uscc", &request.get_ref().uscc)?;
        let department = wire::department_to_proto(&snapshot.rules.directory, &uscc);
        let department = department.ok_or_else(|| status::not_found(format!("department {uscc}")))?;
        Ok(Response::new(GetDepartmentResponse { department: Some(department) }))
    }

    async fn list_departments(
        &self,
        request: Request<ListDepartmentsRequest>,
    ) -> Result<Response<ListDepartmentsResponse>, Status> {
        let peer = peer_of(&request)?;
        let snapshot = self.hub.rules_for(&peer).map_err(status::of)?;
        let page = Page::of(request.get_ref().page_size, &request.get_ref().page_token)?;
        let directory = &snapshot.rules.directory;
        let after = directory.departments.keys().filter(|uscc| uscc.as_str() > page.after.as_str());
        let members =
            after.filter_map(|uscc| Some((uscc.as_str().to_owned(), wire::department_to_proto(directory, uscc)?)));
        let (departments, next_page_token) = page.fill(members);
        Ok(Response::new(ListDepartmentsResponse { departments, next_page_token }))
    }

    async fn get_resource(
        &self,
        request: Request<GetResourceRequest>,
    ) -> Result<Response<GetResourceResponse>, Status> {
        let peer = peer_of(&request)?;
        let snapshot = self.hub.rules_for(&peer).map_err(status::of)?;
        let GetResourceRequest { resource_id, version } = request.get_ref();
        let catalog = &snapshot.rules.catalog;
        let found = match version {
            0 => catalog.newest(resource_id),
            version => catalog.version(resource_id, *version).map(|resource| (*version, resource)),
        };
        let (version, resource) = found.ok_or_else(|| status::not_found(format!("resource {resource_id}")))?;
        let resource = CatalogResource { resource: Some(wire::resource_to_proto(resource)), version };
        Ok(Response::new(GetResourceResponse { resource: Some(resource), catalog_version: catalog.version }))
    }

    async fn list_resources(
        &self,
        request: Request<ListResourcesRequest>,
    ) -> Result<Response<ListResourcesResponse>, Status> {
        let peer = peer_of(&request)?;
        let snapshot = self.hub.rules_for(&peer).map_err(status::of)?;
        let page = Page::of(request.get_ref().page_size, &request.get_ref().page_token)?;
        let catalog = &snapshot.rules.catalog;
        let after = catalog.resources.range::<str, _>((Bound::Excluded(page.after.as_str()), Bound::Unbounded));
        let members = after.filter_map(|(id, _)| {
            let (version, resource) = catalog.newest(id.as_str())?;
            let resource = CatalogResource { resource: Some(wire::resource_to_proto(resource)), version };
            Some((id.to_string(), resource))
        });
        let (resources, next_page_token) = page.fill(members);
        Ok(Response::new(ListResourcesResponse { resources, next_page_token, catalog_version: catalog.version }))
    }

    async fn get_issuing_right(
        &self,
        request: Request<GetIssuingRightRequest>,
    ) -> Result<Response<GetIssuingRightResponse>, Status> {
        let peer = peer_of(&request)?;
        let snapshot = self.hub.rules_for(&peer).map_err(status::of)?;
        let GetIssuingRightRequest { resource_id, department } = request.get_ref();
        let resource: ResourceId = resource_id
            .parse()
            .map_err(|error| status::argument("resource_id", &format!("is no resource id: {error}")))?;
        let rights = snapshot.rules.issuing_rights.of(&resource, &uscc_of("department", department)?);
        let issuing_rights = rights.iter().map(wire::issuing_right_to_proto).collect();
        Ok(Response::new(GetIssuingRightResponse { issuing_rights }))
    }

    async fn list_issuing_rights(
        &self,
        request: Request<ListIssuingRightsRequest>,
    ) -> Result<Response<ListIssuingRightsResponse>, Status> {
        let peer = peer_of(&request)?;
        let snapshot = self.hub.rules_for(&peer).map_err(status::of)?;
        let page = Page::of(request.get_ref().page_size, &request.get_ref().page_token)?;
        let all = snapshot.rules.issuing_rights.iter().flat_map(|((resource, department), rights)| {
            // Sorts as the rights do: a space comes before whatever a resource id may hold.
            let place = move |right: &IssuingRight| format!("{resource} {department} {:020}", right.granted_index);
            rights.iter().map(move |right| (place(right), right))
        });
        let after = all.filter(|(place, _)| *place > page.after);
        let (issuing_rights, next_page_token) =
            page.fill(after.map(|(place, right)| (place, wire::issuing_right_to_proto(right))));
        Ok(Response::new(ListIssuingRightsResponse { issuing_rights, next_page_token }))
    }

    async fn get_code_table(
        &self,
        request: Request<GetCodeTableRequest>,
    ) -> Result<Response<GetCodeTableResponse>, Status> {
        let peer = peer_of(&request)?;
        let snapshot = self.hub.rules_for(&peer).map_err(status::of)?;
        let GetCodeTableRequest { table_id, version } = request.get_ref();
        let catalog = &snapshot.rules.catalog;
        let found = match version {
            0 => catalog.newest_code_table(table_id),
            version => catalog.code_table(table_id, *version),
        };
        let table = found.ok_or_else(|| status::not_found(format!("code table {table_id}")))?;
        Ok(Response::new(GetCodeTableResponse { code_table: Some(wire::code_table_to_proto(table)) }))
    }

    async fn list_code_tables(
        &self,
        request: Request<ListCodeTablesRequest>,
    ) -> Result<Response<ListCodeTablesResponse>, Status> {
        let peer = peer_of(&request)?;
        let snapshot = self.hub.rules_for(&peer).map_err(status::of)?;
        let page = Page::of(request.get_ref().page_size, &request.get_ref().page_token)?;
        let catalog = &snapshot.rules.catalog;
        let after = catalog.code_tables.range::<str, _>((Bound::Excluded(page.after.as_str()), Bound::Unbounded));
        let members = after.filter_map(|(id, versions)| {
            let listed = CodeTableVersion { table_id: id.to_string(), version: versions.last()?.version() };
            Some((id.to_string(), listed))
        });
        let (code_tables, next_page_token) = page.fill(members);
        Ok(Response::new(ListCodeTablesResponse { code_tables, next_page_token }))
    }

    async fn get_agreement(
        &self,
        request: Request<GetAgreementRequest>,
    ) -> Result<Response<GetAgreementResponse>, Status> {
        let peer = peer_of(&request)?;
        let GetAgreementRequest { agreement_id, version } = request.into_inner();
        let hub = Arc::clone(&self.hub);
        let version = (version != 0).then_some(version);
        let read = blocking(move || hub.agreement(&peer, &agreement_id, version)).await?;
        let agreement = wire::agreement_to_proto(&read.version, &read.openings, read.pending.as_ref());
        Ok(Response::new(GetAgreementResponse { agreement: Some(agreement) }))
    }

    async fn list_agreements(
        &self,
        request: Request<ListAgreementsRequest>,
    ) -> Result<Response<ListAgreementsResponse>, Status> {
        let peer = peer_of(&request)?;
        let page = Page::of(request.get_ref().page_size, &request.get_ref().page_token)?;
        let selection = match request.get_ref().selection() {
            AgreementSelection::Unspecified => Selection::All,
            AgreementSelection::Pending => Selection::Pending,
            AgreementSelection::Overdue => Selection::Overdue,
        };
        let found = self.hub.agreements(&peer, &page.after, selection, page.size + 1).map_err(status::of)?;
        // Texts stay sealed in a list; whoever needs one gets its agreement.
        let members = found.iter().filter_map(|(agreement, pending)| {
            let newest = agreement.newest()?;
            let message = wire::agreement_to_proto(newest, &[], pending.as_ref());
            Some((newest.text.agreement_id.to_string(), message))
        });
        let (agreements, next_page_token) = page.fill(members);
        Ok(Response::new(ListAgreementsResponse { agreements, next_page_token }))
    }

    async fn simulate_query(
        &self,
        request: Request<SimulateQueryRequest>,
    ) -> Result<Response<SimulateQueryResponse>, Status> {
        let (peer, address) = (peer_of(&request)?, address_of(&request)?);
        let simulation = wire::simulation_from_proto(request.get_ref()).map_err(status::of_malformed)?;
        let hub = Arc::clone(&self.hub);
        let simulated = blocking(move || hub.simulate(&peer, address, &simulation)).await?;
        Ok(Response::new(wire::simulated_to_proto(&simulated)))
    }

    async fn get_answer_terms(
        &self,
        request: Request<GetAnswerTermsRequest>,
    ) -> Result<Response<GetAnswerTermsResponse>, Status> {
        let peer = peer_of(&request)?;
        let snapshot = self.hub.rules_for(&peer).map_err(status::of)?;
        Ok(Response::new(GetAnswerTermsResponse { terms: wire::answer_terms_to_proto(&snapshot.rules.answer_terms) }))
    }

    async fn list_calendar_years(
        &self,
        request: Request<ListCalendarYearsRequest>,
    ) -> Result<Response<ListCalendarYearsResponse>, Status> {
        let peer = peer_of(&request)?;
        let snapshot = self.hub.rules_for(&peer).map_err(status::of)?;
        let page = Page::of(request.get_ref().page_size, &request.get_ref().page_token)?;
        let years = snapshot.rules.calendar.years();
        // In four digits years sort as texts, too.
        let members = years.map(|year| (format!("{:04}", year.year), wire::calendar_year_to_proto(year)));
        let (calendar_years, next_page_token) = page.fill(members.filter(|(year, _)| *year > page.after));
        Ok(Response::new(ListCalendarYearsResponse { calendar_years, next_page_token }))
    }
}

/// A credit code that a request names in a field.
fn uscc_of(field: &str, text: &str) -> Result<Uscc, Status> {
    text.parse().map_err(|error| status::argument(field, &format!("is no credit code: {error}")))
}
