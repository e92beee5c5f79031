//! What is refused, with a receipt, and what is turned away without an entry.

use anyhow::{bail, ensure};
use tonic::Code as Grpc;

use super::{
    acts::{CERTIFICATE, HOUSING_AGREEMENT, HOUSING_PURPOSE, LICENCE, Terms, YEAR, agree, cell, question, row},
    narration::Narration,
    stage::{Player, Stage},
};
use crate::{
    cli::{now, today},
    client::{Client, Error, Lookup, QueryRequest},
    domain::{
        agreement::LookupKind,
        id::{Commitment, Pseudonym, RequestId},
        outcome::RefusalReason,
        statement::{Header, Query, Statement},
    },
    examples,
    pki::Authority,
    sign::{
        Random as _, SigningKey, SystemRandomness,
        commitment::{Opening, Scheme},
        dsse::Envelope,
    },
    wire::{
        self,
        proto::{self, audit_service_client::AuditServiceClient, exchange_service_client::ExchangeServiceClient},
    },
};

/// How long the agreement holds that is to be found expired, in seconds: long enough to be activated on a slow machine.
const SHORT: i64 = 3;

/// Refusals are outcomes: each is an entry, and has a receipt that verifies.
pub(super) async fn with_receipts(stage: &mut Stage, narration: &mut Narration) -> anyhow::Result<()> {
    narration.act("Refused, with receipts", "a refusal is an outcome, recorded like any other")?;
    let licence = row(examples::write_business_licences, 0)?;
    let holder = || anyhow::Ok(Lookup::Holder(vec![cell(&licence, "统一社会信用代码")?.to_owned()]));
    let housing = |fields: &[&str], purpose: &str| question(fields, purpose, holder()?);

    let asked = stage.housing.client.query(&housing(&["CZZT", "KZ_FDDBR"], HOUSING_PURPOSE)?).await;
    refused(stage, narration, asked, RefusalReason::FieldNotAgreed, "a field outside the agreement").await?;
    let asked = stage.housing.client.query(&housing(&["KZ_FDDBRZJH"], HOUSING_PURPOSE)?).await;
    refused(stage, narration, asked, RefusalReason::FieldNotShared, "a field that is never shared 不予共享").await?;
    let asked = stage.housing.client.query(&housing(&["CZZT"], "curiosity")?).await;
    refused(stage, narration, asked, RefusalReason::PurposeNotAgreed, "a purpose 用途 that was not agreed").await?;

    let certificate = row(examples::write_real_estate_certificates, 0)?;
    let owner = || anyhow::Ok(Lookup::Holder(vec![cell(&certificate, "权利人证件号")?.to_owned()]));
    let estate = |by: Lookup| {
        anyhow::Ok(QueryRequest { resource: CERTIFICATE.parse()?, ..question(&["KZ_YT"], HOUSING_PURPOSE, by)? })
    };
    let asked = stage.housing.client.query(&estate(owner()?)?).await;
    refused(stage, narration, asked, RefusalReason::NoAgreement, "a resource without an agreement").await?;

    let terms = Terms {
        id: "housing-real-estate-trial",
        resource: CERTIFICATE,
        fields: &["KZ_YT"],
        purpose: HOUSING_PURPOSE,
        seconds: SHORT,
        daily_limit: 10,
    };
    agree(&stage.administrator, &stage.estate, &stage.housing, &terms).await?;
    tokio::time::sleep(std::time::Duration::from_secs(SHORT.unsigned_abs())).await;
    let asked = stage.housing.client.query(&estate(owner()?)?).await;
    refused(stage, narration, asked, RefusalReason::AgreementExpired, "an agreement whose validity is over").await?;

    let terms = Terms { id: "housing-real-estate", seconds: YEAR, daily_limit: 2, ..terms };
    agree(&stage.administrator, &stage.estate, &stage.housing, &terms).await?;
    for _ in 0..2 {
        stage.housing.client.query(&estate(owner()?)?).await?;
    }
    let asked = stage.housing.client.query(&estate(owner()?)?).await;
    refused(stage, narration, asked, RefusalReason::QuotaExhausted, "the third record on a day with a limit of two")
        .await?;

    let provider = &stage.registry.client;
    let suspended = provider.suspend_agreement(HOUSING_AGREEMENT.parse()?, Some("核实用途")).await?;
    let asked = stage.housing.client.query(&housing(&["CZZT"], HOUSING_PURPOSE)?).await;
    let told = format!("an agreement that its provider suspended a moment ago (entry {})", suspended.receipt.index);
    refused(stage, narration, asked, RefusalReason::AgreementSuspended, &told).await?;
    stage.registry.client.resume_agreement(HOUSING_AGREEMENT.parse()?).await?;
    stage.housing.client.query(&housing(&["CZZT"], HOUSING_PURPOSE)?).await?;
    narration.step("the provider resumes it, and the same question is answered")?;

    replayed(stage, narration, cell(&licence, "统一社会信用代码")?).await
}

/// Checks that a question was refused for a reason, and that the receipt says so too.
async fn refused(
    stage: &mut Stage,
    narration: &mut Narration,
    asked: Result<impl Sized, Error>,
    reason: RefusalReason,
    told: &str,
) -> anyhow::Result<()> {
    let error = match asked {
        Ok(_) => bail!("{told}: answered instead of refused"),
        Err(error) => error,
    };
    let Some(refused) = error.refused().filter(|refused| refused.reason == reason) else {
        bail!("{told}: {reason} was expected, this came: {error}");
    };
    let receipt = stage.housing.client.refusal_receipt(refused).await?;
    let name = reason.as_str().to_lowercase().replace('_', "-");
    stage.keep_receipt(&name, &receipt)?;
    narration.step(&format!("{told}: {reason} (entry {}, its receipt verifies)", refused.index))
}

/// A query put together by hand, as an attacker with a system's connection would.
struct Crafted {
    envelope: Envelope,
    openings: Vec<Opening>,
}

impl Crafted {
    fn new(player: &Player, key: &SigningKey, request_id: RequestId, holder: &str) -> anyhow::Result<Self> {
        let random = SystemRandomness::new();
        let case = Opening::new(&random, Scheme::Case, "办件-2026-000124")?;
        let opening = Opening::new(&random, Scheme::Uscc, holder)?;
        let query = Query {
            resource_id: LICENCE.parse()?,
            purpose: HOUSING_PURPOSE.parse()?,
            matter: "000117001000".parse()?,
            case_commitment: Commitment(case.commitment()),
            operator_pseudonym: Pseudonym([0; 32]),
            agreement_id: None,
            fields: ["CZZT".parse()?].into(),
            lookup: LookupKind::Holder,
            commitments: vec![Commitment(opening.commitment())],
        };
        let header = Header {
            request_id,
            issued_at: now()?,
            actor: player.client.system().clone(),
            hub: player.client.hub_domain().clone(),
        };
        let (payload_type, payload) = wire::encode_statement(&Statement::Query(header, query));
        Ok(Self { envelope: Envelope::sign(key, &payload_type, payload)?, openings: vec![case, opening] })
    }

    /// Sends it over a system's connection.
    async fn send(&self, over: &Client) -> Result<proto::SubmitQueryResponse, tonic::Status> {
        let mut request = tonic::Request::new(proto::SubmitQueryRequest {
            envelope: Some(wire::envelope_to_proto(&self.envelope)),
            openings: self.openings.iter().map(wire::opening_to_proto).collect(),
        });
        request.set_timeout(std::time::Duration::from_secs(30));
        let answer = ExchangeServiceClient::new(over.channel()).submit_query(request).await?;
        Ok(answer.into_inner())
    }
}

fn request_id() -> anyhow::Result<RequestId> {
    let mut request_id = RequestId([0; 16]);
    SystemRandomness::new().fill(&mut request_id.0)?;
    Ok(request_id)
}

/// A request taken from the wire and sent again: as it was, it gives the first receipt and no data; changed, a refusal.
async fn replayed(stage: &mut Stage, narration: &mut Narration, holder: &str) -> anyhow::Result<()> {
    let id = request_id()?;
    let housing = &stage.housing;
    let first = Crafted::new(housing, housing.client.signing_key(), id, holder)?;
    let answered = first.send(&housing.client).await?;
    let again = first.send(&housing.client).await?;
    let same = again.receipt.as_ref().map(|r| &r.entry) == answered.receipt.as_ref().map(|r| &r.entry);
    ensure!(again.repeated_request && again.records.is_empty() && same, "a request sent twice was answered twice");
    narration.step("a request stolen and sent again as it is: the first receipt, and no data")?;
    let changed = Crafted::new(housing, housing.client.signing_key(), id, "91440300708461136T")?;
    let asked = changed.send(&housing.client).await.map_err(|status| Error::of_status(&status));
    let told = "the same request with another holder in it";
    refused(stage, narration, asked, RefusalReason::RequestIdReused, told).await
}

/// What does not stand as a statement of its actor leaves no entry.
pub(super) async fn without_entries(stage: &mut Stage, narration: &mut Narration) -> anyhow::Result<()> {
    narration.act("Turned away, without an entry", "what is not its actor's own is no statement")?;
    let before = stage.entries().await?;
    let holder = "91440300708461136T";
    let rejected = |told: &str, sent: Result<proto::SubmitQueryResponse, tonic::Status>, code: Grpc| match sent {
        Err(status) if status.code() == code => Ok(format!("{told}: {code:?}, {}", status.message())),
        Err(status) => bail!("{told}: {code:?} was expected, this came: {status}"),
        Ok(_) => bail!("{told}: it was answered"),
    };

    let crafted = Crafted::new(&stage.tax, stage.housing.client.signing_key(), request_id()?, holder)?;
    let sent = crafted.send(&stage.tax.client).await;
    narration.step(&rejected("taxation signs with housing's key", sent, Grpc::Unauthenticated)?)?;

    let crafted = Crafted::new(&stage.housing, stage.housing.client.signing_key(), request_id()?, holder)?;
    let sent = crafted.send(&stage.tax.client).await;
    narration.step(&rejected("taxation sends a statement that it took from housing", sent, Grpc::PermissionDenied)?)?;

    let mut crafted = Crafted::new(&stage.housing, stage.housing.client.signing_key(), request_id()?, holder)?;
    if let Some(byte) = crafted.envelope.signatures.first_mut().and_then(|signature| signature.sig.first_mut()) {
        *byte ^= 1;
    }
    let sent = crafted.send(&stage.housing.client).await;
    narration.step(&rejected("a signature with one bit changed", sent, Grpc::Unauthenticated)?)?;

    match stage.stranger(None).await? {
        Ok(client) => match client.checkpoint().await {
            Err(Error::Rejected(rejected)) => narration.step(&format!(
                "a system with a good certificate that nobody registered: {:?}, {}",
                rejected.code, rejected.message
            ))?,
            other => bail!("an unregistered system was not rejected: {other:?}"),
        },
        Err(error) => narration.step(&format!("a system that nobody registered: {error}"))?,
    }
    let other = Authority::new("Somebody else's CA", today()?)?;
    let told = "a certificate of a CA that the hub does not know";
    if let Ok(client) = stage.stranger(Some(other)).await? {
        // Asked once, beside the library: it would ask again for a while, as of any hub that does not answer.
        let asked =
            AuditServiceClient::new(client.channel()).get_checkpoint(proto::GetCheckpointRequest::default()).await;
        ensure!(asked.is_err(), "{told}: it was let in");
    }
    stage.traced("invalid peer certificate: UnknownIssuer").await?;
    narration.step(&format!("{told}: the hub ends the TLS handshake, UnknownIssuer"))?;

    let after = stage.entries().await?;
    ensure!(before == after, "{} entries came of what was turned away", after - before);
    narration.step(&format!("the log still has {after} entries"))
}
