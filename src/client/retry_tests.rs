//! Sending the same again, against a server in the same process that fails as it is told to.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status, transport::Server};

use super::*;
use crate::{
    client::fixture::Log,
    domain::{
        outcome::{Effect, Outcome},
        statement::RuleChange,
    },
    tlog::Checkpoint,
    wire::{
        self, Entry,
        proto::{
            self,
            rule_service_server::{RuleService, RuleServiceServer},
        },
    },
};

/// Fails its first calls, then enters what it is sent.
#[derive(Clone)]
struct Hub {
    failing: u32,
    code: Code,
    calls: Arc<AtomicU32>,
    seen: Arc<Mutex<Vec<proto::SubmitRuleRequest>>>,
    /// Whether it enters some other statement than the one it was sent.
    dishonest: bool,
}

#[tonic::async_trait]
impl RuleService for Hub {
    async fn submit_rule(
        &self,
        request: Request<proto::SubmitRuleRequest>,
    ) -> Result<Response<proto::SubmitRuleResponse>, Status> {
        assert!(request.metadata().contains_key("grpc-timeout"), "every call has a deadline");
        let message = request.into_inner();
        self.seen.lock().unwrap().push(message.clone());
        if self.calls.fetch_add(1, Ordering::Relaxed) < self.failing {
            return Err(Status::new(self.code, "as told"));
        }
        let mut envelope = wire::envelope_from_proto(message.envelope);
        if self.dishonest {
            envelope = fixture::signed().envelope;
        }
        let entry = Entry {
            time: fixture::now(),
            envelope: Some(envelope),
            outcome: Outcome::Applied(Effect::DepartmentRegistered),
            carried: None,
        };
        let (entry, proof) = Log::new().seal(&entry);
        let receipt = Some(proto::Receipt { entry, proof });
        Ok(Response::new(proto::SubmitRuleResponse { receipt, repeated_request: false }))
    }

    async fn get_hub(&self, _: Request<proto::GetHubRequest>) -> Result<Response<proto::GetHubResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_department(
        &self,
        _: Request<proto::GetDepartmentRequest>,
    ) -> Result<Response<proto::GetDepartmentResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_departments(
        &self,
        _: Request<proto::ListDepartmentsRequest>,
    ) -> Result<Response<proto::ListDepartmentsResponse>, Status> {
        // Always names another page.
        Ok(Response::new(proto::ListDepartmentsResponse { departments: Vec::new(), next_page_token: "x".to_owned() }))
    }

    async fn get_resource(
        &self,
        _: Request<proto::GetResourceRequest>,
    ) -> Result<Response<proto::GetResourceResponse>, Status> {
        Err(Status::not_found("no such resource"))
    }

    async fn list_resources(
        &self,
        _: Request<proto::ListResourcesRequest>,
    ) -> Result<Response<proto::ListResourcesResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_issuing_right(
        &self,
        _: Request<proto::GetIssuingRightRequest>,
    ) -> Result<Response<proto::GetIssuingRightResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_issuing_rights(
        &self,
        _: Request<proto::ListIssuingRightsRequest>,
    ) -> Result<Response<proto::ListIssuingRightsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_code_table(
        &self,
        _: Request<proto::GetCodeTableRequest>,
    ) -> Result<Response<proto::GetCodeTableResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_code_tables(
        &self,
        _: Request<proto::ListCodeTablesRequest>,
    ) -> Result<Response<proto::ListCodeTablesResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_agreement(
        &self,
        _: Request<proto::GetAgreementRequest>,
    ) -> Result<Response<proto::GetAgreementResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_agreements(
        &self,
        _: Request<proto::ListAgreementsRequest>,
    ) -> Result<Response<proto::ListAgreementsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn simulate_query(
        &self,
        _: Request<proto::SimulateQueryRequest>,
    ) -> Result<Response<proto::SimulateQueryResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_answer_terms(
        &self,
        _: Request<proto::GetAnswerTermsRequest>,
    ) -> Result<Response<proto::GetAnswerTermsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_calendar_years(
        &self,
        _: Request<proto::ListCalendarYearsRequest>,
    ) -> Result<Response<proto::ListCalendarYearsResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

struct Test {
    client: Client,
    hub: Hub,
    folder: tempfile::TempDir,
}

impl Test {
    async fn new(failing: u32, code: Code, dishonest: bool) -> Self {
        let hub = Hub { failing, code, calls: Arc::default(), seen: Arc::default(), dishonest };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder().add_service(RuleServiceServer::new(hub.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        let channel = Channel::from_shared(address).unwrap().connect().await.unwrap();

        let folder = fixture::profile_folder();
        let profile = Profile::read(&folder.path().join("profile.toml")).unwrap();
        let journal = Journal::open(&profile.journal).unwrap();
        let seen = seen::Seen::open(&profile.journal, &profile.log_key).unwrap();
        let client = Client::over(Connection::over(channel, seen), journal, &profile, profile.log_key.clone()).unwrap();
        Self { client, hub, folder }
    }

    /// A client of the same system that connects to the same hub, as its next run does.
    fn next_run(&self) -> Client {
        let profile = Profile::read(&self.folder.path().join("profile.toml")).unwrap();
        let seen = seen::Seen::open(&profile.journal, &profile.log_key).unwrap();
        let journal = Journal::open(&profile.journal).unwrap();
        Client::over(Connection::over(self.client.channel(), seen), journal, &profile, profile.log_key.clone()).unwrap()
    }

    async fn register(&self) -> Result<Changed, Error> {
        let uscc = fixture::PROVIDER.parse().unwrap();
        let change = RuleChange::RegisterDepartment { uscc, name: "样例".to_owned() };
        self.client.change(change, Vec::new()).await
    }

    fn seen(&self) -> Vec<proto::SubmitRuleRequest> {
        self.hub.seen.lock().unwrap().clone()
    }

    fn journal(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.folder.path().join("permits.journal")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn the_same_bytes_are_sent_until_the_hub_answers() {
    for code in [Code::Unavailable, Code::DeadlineExceeded, Code::Aborted] {
        let test = Test::new(3, code, false).await;
        let changed = test.register().await.unwrap();
        assert_eq!(changed.effect, Effect::DepartmentRegistered);
        let seen = test.seen();
        assert_eq!(seen.len(), 4);
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{code:?}: the bytes differ");
        let journal = test.journal();
        assert_eq!(journal.len(), 2, "one statement and what came of it");
        assert_eq!(journal[1]["came"], "answered");
    }
}

#[tokio::test]
async fn a_rejection_is_not_sent_again() {
    let test = Test::new(1, Code::InvalidArgument, false).await;
    assert!(matches!(test.register().await, Err(Error::Rejected(_))));
    assert_eq!(test.seen().len(), 1);
    assert_eq!(test.journal()[1]["came"], "rejected");
}

#[tokio::test]
async fn without_an_answer_the_outcome_is_said_to_be_unknown() {
    let test = Test::new(u32::MAX, Code::Unavailable, false).await;
    let error = test.register().await.unwrap_err();
    let Error::OutcomeUnknown { request_id, source } = error else { panic!("{error}") };
    assert!(matches!(*source, Error::Unavailable { attempts: MAX_ATTEMPTS, .. }));
    assert_eq!(test.seen().len(), MAX_ATTEMPTS as usize);
    let journal = test.journal();
    assert_eq!(journal[1]["came"], "unknown");
    assert_eq!(journal[0]["request_id"], request_id.to_string());
}

#[tokio::test]
async fn a_receipt_of_another_statement_is_not_believed() {
    let test = Test::new(0, Code::Ok, true).await;
    let error = test.register().await.unwrap_err();
    assert!(matches!(error, Error::Unproven { check: "statement sent", .. }), "{error}");
}

#[tokio::test]
async fn a_hub_behind_what_an_earlier_run_saw_is_not_believed() {
    let mut test = Test::new(0, Code::Ok, false).await;
    let changed = test.register().await.unwrap();
    let ahead = Checkpoint { size: changed.receipt.checkpoint.size + 1, ..changed.receipt.checkpoint };
    let note = ahead.sign(&Log::new().signer()).unwrap();
    std::fs::write(test.folder.path().join("permits.checkpoint"), note.to_string()).unwrap();
    test.client = test.next_run();
    let error = test.register().await.unwrap_err();
    assert!(matches!(error, Error::Unproven { check: "it only grew", .. }), "{error}");
    assert_eq!(test.journal().last().unwrap()["came"], "answered", "that it was entered is known all the same");
}

#[tokio::test]
async fn a_hub_that_does_not_prove_that_its_log_only_grew_is_not_believed() {
    let mut test = Test::new(0, Code::Ok, false).await;
    let changed = test.register().await.unwrap();
    let earlier = Checkpoint { size: changed.receipt.checkpoint.size - 1, ..changed.receipt.checkpoint };
    let note = earlier.sign(&Log::new().signer()).unwrap();
    std::fs::write(test.folder.path().join("permits.checkpoint"), note.to_string()).unwrap();
    test.client = test.next_run();
    let error = test.register().await.unwrap_err();
    assert!(error.to_string().contains("the hub does not prove it"), "{error}");
}

#[tokio::test]
async fn what_the_hub_does_not_have_is_a_rejection() {
    let test = Test::new(0, Code::Ok, false).await;
    let error = test.client.resource(&fixture::RESOURCE.parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Rejected(rejected) if rejected.code == Code::NotFound));
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let test = Test::new(0, Code::Ok, false).await;
    assert!(test.client.departments().await.is_err());
}
