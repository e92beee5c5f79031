//! The two paths over real connections.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};

use super::*;
use crate::tlog::{MAX_ADD_CHECKPOINT_LEN, parse_cosignatures, parse_size};

/// How long anything here may take: seconds, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

/// A witness that listens.
struct Served {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: tokio::task::JoinHandle<()>,
}

impl Served {
    async fn start(stage: &Stage) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let witness = Arc::new(stage.open());
        let server = tokio::spawn(serve(witness, listener, async { stopped.await.unwrap_or_default() }));
        Self { address, stop, server }
    }

    /// Sends bytes and reads all that comes back.
    async fn send(&self, request: &[u8]) -> String {
        let talk = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            // A server that has answered may close while more is on its way.
            let _ = stream.write_all(request).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            String::from_utf8(answer).unwrap()
        };
        timeout(PATIENCE, talk).await.unwrap()
    }

    async fn request(&self, method: &str, path: &str, body: &[u8]) -> Reply {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: witness\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Reply::read(&self.send(&[head.as_bytes(), body].concat()).await)
    }

    async fn add(&self, request: &AddCheckpoint) -> Reply {
        self.request("POST", "/add-checkpoint", request.to_string().as_bytes()).await
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.server).await.unwrap().unwrap();
    }
}

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }
}

#[tokio::test]
async fn every_answer_of_the_standard_is_given_as_it_says() {
    let history = History::of(1).and(10, "entry");
    let stage = Stage::of(&[&history]);
    let served = Served::start(&stage).await;
    let path = format!("/{}/checkpoint", origin_hash(&history.origin));
    assert_eq!(served.request("GET", &path, b"").await.status, 404);

    let reply = served.add(&history.request(0)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let cosignatures = parse_cosignatures(reply.body.as_bytes()).unwrap();
    let mut cosigned = history.checkpoint();
    cosigned.add(cosignatures[0].clone()).unwrap();

    let reply = served.request("GET", &path, b"").await;
    assert_eq!((reply.status, reply.body), (200, cosigned.to_string()));

    let reply = served.add(&history.and(1, "later").request(3)).await;
    assert_eq!((reply.status, parse_size(reply.body.as_bytes())), (409, Ok(10)));
    assert!(reply.head.contains("content-type: text/x.tlog.size"), "{}", reply.head);

    assert_eq!(served.add(&history.request(11)).await.status, 400);
    assert_eq!(served.add(&History::of(1).and(10, "other").request(10)).await.status, 422);
    assert_eq!(served.add(&History::of(2).request(0)).await.status, 404);
    let mut impostor = history.clone();
    impostor.seed = 3;
    assert_eq!(served.add(&impostor.request(10)).await.status, 403);
    assert_eq!(served.request("POST", "/add-checkpoint", b"old 0\n").await.status, 400);
    served.end().await;
}

#[tokio::test]
async fn other_paths_and_methods_are_named() {
    let stage = Stage::of(&[]);
    let served = Served::start(&stage).await;
    let reply = served.request("GET", "/add-checkpoint", b"").await;
    assert_eq!(reply.status, 405);
    assert!(reply.head.contains("allow: post"), "{}", reply.head);
    assert_eq!(served.request("POST", "/abc/checkpoint", b"").await.status, 405);
    assert_eq!(served.request("GET", "/healthz", b"").await.body, "ok\n");
    for path in ["/", "/checkpoint", "/../checkpoint", "/a/b/checkpoint", "/sign-subtree"] {
        assert_eq!(served.request("GET", path, b"").await.status, 404, "{path}");
    }
    served.end().await;
}

#[tokio::test]
async fn what_is_too_long_or_no_http_is_refused() {
    let stage = Stage::of(&[]);
    let served = Served::start(&stage).await;
    // A server that does not read to the end may close before its answer is read.
    let refused = |reply: String, status| reply.is_empty() || Reply::read(&reply).status == status;
    let long = MAX_ADD_CHECKPOINT_LEN + 1;
    let head =
        format!("POST /add-checkpoint HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: {long}\r\n\r\n");
    assert!(refused(served.send(&[head.as_bytes(), &vec![b'a'; long]].concat()).await, 413));
    let head =
        b"POST /add-checkpoint HTTP/1.1\r\nhost: w\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n20000\r\n";
    assert!(refused(served.send(&[head.as_slice(), &[b'a'; 0x20000], b"\r\n0\r\n\r\n"].concat()).await, 413));
    assert!(refused(served.send(b"\x16\x03\x01 this is no HTTP\r\n\r\n").await, 400));
    served.end().await;
}

#[tokio::test]
async fn one_connection_takes_many_requests_and_a_stop_ends_it() {
    let history = History::of(1).and(10, "entry");
    let stage = Stage::of(&[&history]);
    let served = Served::start(&stage).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    for old in [0, 10, 10] {
        let body = history.request(old).to_string();
        let head = format!("POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let mut answer = vec![0; 4_096];
        let len = timeout(PATIENCE, stream.read(&mut answer)).await.unwrap().unwrap();
        assert!(answer[..len].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..len]));
    }
    served.end().await;
    assert_eq!(timeout(PATIENCE, stream.read(&mut [0; 1])).await.unwrap().unwrap(), 0, "the connection is closed");
    stage.open(); // and the folder free
}

#[tokio::test]
async fn a_witness_whose_disk_failed_ends_by_itself() {
    let history = History::of(1).and(10, "entry");
    let stage = Stage::of(&[&history]);
    let served = Served::start(&stage).await;
    // A folder in the place of the file that is to be renamed onto: the rename fails.
    let path = stage.log_folder(&history).join("checkpoint");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir_all(path.join("in the way")).unwrap();
    assert_eq!(served.add(&history.request(0)).await.status, 500);
    timeout(PATIENCE, served.server).await.unwrap().unwrap();
}
