//! The bare server: tonic over the hub's own TLS configuration, which gives everyone the same answer from memory.
//!
//! It is what a call costs before anything is done for it, and `hutong bench` measures it beside the hub.

use std::path::Path;

use prost::Message as _;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::{
    config::Settings,
    edge::{Credentials, Protocol},
    wire::proto::{
        SubmitQueryRequest, SubmitQueryResponse,
        exchange_service_server::{ExchangeService, ExchangeServiceServer},
    },
};

struct Echo(SubmitQueryResponse);

#[tonic::async_trait]
impl ExchangeService for Echo {
    async fn submit_query(&self, _: Request<SubmitQueryRequest>) -> Result<Response<SubmitQueryResponse>, Status> {
        Ok(Response::new(self.0.clone()))
    }
}

/// Serves with the certificates of the hub in `folder`, until the process is ended. The answer is a file with an encoded
/// `SubmitQueryResponse`.
///
/// # Errors
/// What keeps it from serving.
pub async fn serve(folder: &Path, answer: &Path) -> anyhow::Result<()> {
    let answer = SubmitQueryResponse::decode(std::fs::read(answer)?.as_slice())?;
    let tls = TlsAcceptor::from(Credentials::open(Settings::read(folder)?.tls)?.config(Protocol::Grpc));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let (ready, connections) = mpsc::channel(1);
    let accepting = tokio::spawn(accept(listener, tls, ready));
    tonic::transport::Server::builder()
        .add_service(ExchangeServiceServer::new(Echo(answer)))
        .serve_with_incoming(ReceiverStream::new(connections))
        .await?;
    accepting.await?
}

async fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    ready: mpsc::Sender<std::io::Result<TlsStream<TcpStream>>>,
) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        ready.send(tls.accept(stream).await).await?;
    }
}
