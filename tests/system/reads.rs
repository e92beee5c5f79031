//! The API as any gRPC client meets it: reflection, health, deadlines, and the limits of the edge.

use std::{collections::BTreeSet, time::Duration};

use hutong::{
    client::{SignedRecord, statement::Author},
    domain::{
        id::KeyId,
        statement::{Publication, Statement},
    },
    sign::SystemRandomness,
    wire::{
        self,
        proto::{PublishRecordsRequest, RecordBody, publication_service_client::PublicationServiceClient},
    },
};
use tokio::task::JoinSet;
use tonic::{Code, Request};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};
use tonic_types::StatusExt as _;

use crate::world::{Registry, World, licences, resource_id};

/// A publication that takes the hub far longer than a call of its own does: each record's signature and digests are
/// verified.
fn slow_publication(registry: &Registry) -> PublishRecordsRequest {
    let client = &registry.client;
    let records: Vec<_> = licences(200).iter().map(|licence| registry.sign(licence, 1)).collect();
    let published = records.iter().map(|record| record.published.clone()).collect();
    let issuer_key = KeyId(*client.signing_key().verifying_key().thumbprint());
    let publication = Publication { resource_id: resource_id(), resource_version: 1, records: published, issuer_key };
    let author = Author { system: client.system(), hub: client.hub_domain(), key: client.signing_key() };
    let statement = |header| Statement::Publication(header, publication);
    let now = hutong::cli::now().unwrap();
    let signed = author.sign(&SystemRandomness::new(), now, Vec::new(), statement).unwrap();
    let body = |record: SignedRecord| RecordBody { sd_jwt: record.sd_jwt, record_salt: record.record_salt.to_vec() };
    PublishRecordsRequest {
        envelope: Some(wire::envelope_to_proto(&signed.envelope)),
        bodies: records.into_iter().map(body).collect(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_knows_nothing_learns_the_services_and_their_messages() {
    let world = World::begin().await;
    let channel = world.client("permits").await.channel();
    let health = HealthCheckRequest { service: String::new() };
    let health = HealthClient::new(channel.clone()).check(health).await.unwrap().into_inner();
    assert_eq!(health.status(), ServingStatus::Serving);

    let ask = |message| ServerReflectionRequest { host: String::new(), message_request: Some(message) };
    let questions = [
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol("hutong.v1.ExchangeService".to_owned())),
        ask(MessageRequest::FileContainingSymbol("hutong.v1.QueryStatement".to_owned())),
        ask(MessageRequest::FileContainingSymbol("hutong.v1.Nonsense".to_owned())),
    ];
    let mut reflection = ServerReflectionClient::new(channel);
    let mut answers = reflection.server_reflection_info(tokio_stream::iter(questions)).await.unwrap().into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) = answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("no list of services");
    };
    let names: BTreeSet<_> = list.service.into_iter().map(|service| service.name).collect();
    for service in ["ExchangeService", "PublicationService", "RuleService", "AuditService"] {
        assert!(names.contains(&format!("hutong.v1.{service}")), "{names:?}");
    }
    for _ in 0..2 {
        let answer = answers.message().await.unwrap().unwrap().message_response;
        assert!(matches!(answer, Some(MessageResponse::FileDescriptorResponse(_))), "{answer:?}");
    }
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_beyond_those_at_work_is_told_when_to_come_again() {
    const CALLS: usize = 8;
    let mut world = World::begin().await;
    world.stop();
    world.change_settings(|settings| {
        settings["limits"].as_table_mut().unwrap().insert("calls".to_owned(), 1.into());
    });
    world.start();
    let registry = world.registry().await;
    let message = slow_publication(&registry);
    let service = PublicationServiceClient::new(registry.client.channel());
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let (mut service, message) = (service.clone(), message.clone());
        calls.spawn(async move { service.publish_records(message).await });
    }
    let (mut answered, mut told) = (0, 0);
    while let Some(call) = calls.join_next().await {
        match call.unwrap() {
            Ok(_) => answered += 1,
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                let details = status.get_error_details();
                assert_eq!(details.error_info().unwrap().reason, "OVERLOADED");
                assert!(details.retry_info().unwrap().retry_delay.is_some());
                told += 1;
            }
        }
    }
    assert!(answered > 0 && told > 0, "{answered} answered, {told} told to come again");
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_became_of_a_call_whose_deadline_passed_is_told_to_the_same_bytes() {
    let world = World::begin().await;
    let registry = world.registry().await;
    let message = slow_publication(&registry);
    let before = world.log().await.size();
    let mut service = PublicationServiceClient::new(registry.client.channel());
    let mut request = Request::new(message.clone());
    request.set_timeout(Duration::from_millis(5));
    let status = service.publish_records(request).await.unwrap_err();
    // Whichever end notices first.
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status:?}");

    let answer = service.publish_records(message).await.unwrap().into_inner();
    assert!(answer.violations.is_empty());
    assert_eq!(world.log().await.size(), before + 1, "one statement, one entry");
    world.require_no_panic();
}
