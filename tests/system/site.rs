//! The log over HTTP: to the byte what a mirror holds, and to each only what is for them.

use std::fs;

use hutong::{client::Lookup, domain::directory::Capability};
use hyper::{Method, StatusCode};

use crate::world::{ADMINISTRATION, Site, World, files_under, licences, question, run};

/// More entries than a full tile and bundle hold.
const MANY: usize = 300;

/// Makes the log longer by as many queries.
async fn ask_often(world: &World, times: usize) {
    let registry = world.registry().await;
    let licence = &licences(1)[0];
    registry.publish(std::slice::from_ref(licence)).await.unwrap();
    let permits = world.client("permits").await;
    let calls = (0..times).map(|_| {
        let (permits, id) = (permits.clone(), licence.id.clone());
        tokio::spawn(async move { permits.query(&question(Lookup::Record(vec![id]))).await.unwrap() })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_served_is_the_mirror_to_the_byte() {
    let mut world = World::begin().await;
    world.stop();
    let address = world.open_site(|_| {});
    world.start();
    ask_often(&world, MANY).await;
    let mirror = world.home.path().join("mirror");
    let profile = world.profile("auditor");
    run(["audit", "mirror", "--profile", profile.to_str().unwrap(), mirror.to_str().unwrap()]).well();

    let (anybody, auditor) = (world.site(address, None), world.site(address, Some("auditor")));
    let mut names = Vec::new();
    for file in files_under(&mirror) {
        let name = format!("/{}", file.strip_prefix(&mirror).unwrap().to_str().unwrap());
        if name == "/log.vkey" {
            continue;
        }
        let is_entries = name.starts_with("/tile/entries/");
        let served = if is_entries { auditor.get(&name).await } else { anybody.get(&name).await };
        assert_eq!(served.status, StatusCode::OK, "{name}: {served:?}");
        assert_eq!(served.body, fs::read(&file).unwrap(), "{name}");
        let (kind, keep) = match name.as_str() {
            "/checkpoint" => ("text/plain; charset=utf-8", "public, max-age=1"),
            _ if is_entries => ("application/octet-stream", "private, max-age=31536000, immutable"),
            _ => ("application/octet-stream", "public, max-age=31536000, immutable"),
        };
        assert_eq!((served.header("content-type"), served.header("cache-control")), (kind, keep), "{name}");
        names.push(name);
    }
    for name in ["/checkpoint", "/tile/0/000", "/tile/entries/000"] {
        assert!(names.iter().any(|found| found == name), "{names:?}");
    }

    // Every narrower width is the beginning of the tile.
    let full = anybody.get("/tile/0/000").await.body;
    for width in [1, 2, 100, 255] {
        let narrow = anybody.get(&format!("/tile/0/000.p/{width}")).await;
        assert_eq!(narrow.body, full[..32 * width]);
    }
    let bundle = auditor.get("/tile/entries/000").await.body;
    let narrow = auditor.get("/tile/entries/000.p/7").await.body;
    assert!(narrow.len() < bundle.len() && bundle.starts_with(&narrow));

    let head = anybody.ask(Method::HEAD, "/tile/0/000").await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (StatusCode::OK, "8192", 0));
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_for_those_who_audit_and_nobody_else() {
    let mut world = World::begin().await;
    world.stop();
    let address = world.open_site(|_| {});
    world.start();
    let bundle = format!("/tile/entries/000.p/{}", 3);
    // A certificate of the authority, of a system that nobody registered.
    world.equip(ADMINISTRATION, "stranger");
    let readers =
        [(None, "without a certificate"), (Some("permits"), "capability audit"), (Some("stranger"), "not registered")];
    for (reader, why) in readers {
        let site = world.site(address, reader);
        let refused = site.get(&bundle).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{reader:?}");
        let said = String::from_utf8(refused.body.to_vec()).unwrap();
        assert!(said.contains(why), "{reader:?}: {said}");
        assert_eq!(refused.header("cache-control"), "no-store");
        assert_eq!(site.get("/tile/0/000.p/3").await.status, StatusCode::OK);
    }
    for (reader, status) in [(None, 403), (Some("permits"), 403), (Some("auditor"), 200)] {
        assert_eq!(world.site(address, reader).get("/metrics").await.status.as_u16(), status, "{reader:?}");
    }
    let size = world.log().await.size();
    let page = world.site(address, Some("auditor")).get("/metrics").await.body;
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert!(page.contains(&format!("\nhutong_log_entries {size}\n")), "{page}");
    assert!(page.contains(&format!("\nhutong_published_entries {size}\n")), "{page}");
    assert!(page.contains("\nhutong_http_answers_total{status=\"4xx\"} 5\n"), "{page}");

    // The directory decides, at each request anew.
    assert_eq!(world.site(address, Some("auditor")).get(&bundle).await.status, StatusCode::OK);
    let administrator = world.client("administrator").await;
    let auditor = world.client("auditor").await.system().clone();
    administrator.register_system(auditor.clone(), [Capability::Query].into()).await.unwrap();
    assert_eq!(world.site(address, Some("auditor")).get(&bundle).await.status, StatusCode::FORBIDDEN);
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_said_so() {
    let mut world = World::begin().await;
    world.stop();
    let address = world.open_site(|_| {});
    world.start();
    let site = world.site(address, None);
    for (path, status) in [
        ("/healthz", StatusCode::OK),
        ("/", StatusCode::NOT_FOUND),
        ("/checkpoint/", StatusCode::NOT_FOUND),
        ("/hutong.toml", StatusCode::NOT_FOUND),
        ("/tile/0/000", StatusCode::NOT_FOUND),
        ("/tile/0/x999/999", StatusCode::NOT_FOUND),
        ("/tile/1/000.p/1", StatusCode::NOT_FOUND),
        ("/tile/0/000.p/255", StatusCode::NOT_FOUND),
        ("/tile/0/0", StatusCode::BAD_REQUEST),
        ("/tile/8/000", StatusCode::BAD_REQUEST),
        ("/tile/0/000.p/256", StatusCode::BAD_REQUEST),
        ("/tile/0/000.p/0", StatusCode::BAD_REQUEST),
        ("/tile/0/../../checkpoint", StatusCode::BAD_REQUEST),
        ("/tile/entries/%30", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(site.get(path).await.status, status, "{path}");
    }
    let refused = site.ask(Method::POST, "/checkpoint").await;
    assert_eq!((refused.status, refused.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_the_log_take_nothing_from_the_exchange() {
    const MOST: i64 = 4;
    let mut world = World::begin().await;
    world.stop();
    let address = world.open_site(|http| drop(http.insert("connections".to_owned(), MOST.into())));
    world.start();
    let idle: Vec<_> = (0..MOST).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    // They are counted when the hub has accepted them.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let mut refused = std::net::TcpStream::connect(address).unwrap();
    refused.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    assert!(!matches!(std::io::Read::read(&mut refused, &mut [0]), Ok(1..)), "it was to be closed at once");
    world.registry().await.publish(&licences(1)).await.unwrap();
    drop(idle);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.site(address, None).get("/checkpoint").await.status, StatusCode::OK);
    world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_public_is_for_the_hub_to_say() {
    let mut world = World::begin().await;
    let (checkpoint, tile, entries) = ("/checkpoint", "/tile/0/000.p/3", "/tile/entries/000.p/3");
    for (public, expected) in [
        ("none", [[403, 403, 403], [200, 403, 403], [200, 200, 200]]),
        ("checkpoint", [[200, 403, 403], [200, 403, 403], [200, 200, 200]]),
        ("tiles", [[200, 200, 403], [200, 200, 403], [200, 200, 200]]),
    ] {
        world.stop();
        let address = world.open_site(|http| drop(http.insert("public".to_owned(), public.into())));
        world.start();
        for (reader, statuses) in [None, Some("permits"), Some("auditor")].into_iter().zip(expected) {
            let site = world.site(address, reader);
            for (path, status) in [checkpoint, tile, entries].into_iter().zip(statuses) {
                let answer = site.get(path).await;
                assert_eq!(answer.status.as_u16(), status, "public = {public}, {reader:?}, {path}");
                let may_be_kept = answer.header("cache-control").contains("public");
                assert!(!may_be_kept || public != "none", "{path} was to be kept by others");
            }
        }
    }

    world.stop();
    let address = world.open_site(|http| drop(http.insert("tls".to_owned(), false.into())));
    world.start();
    let site = Site::plain(address);
    for (path, status) in [(checkpoint, 200), (tile, 200), (entries, 403)] {
        assert_eq!(site.get(path).await.status.as_u16(), status, "{path}");
    }
    world.stop();
    world.open_site(|http| drop(http.insert("public".to_owned(), "none".into())));
    world.try_start().unwrap_err().fails(78, &["nothing could be served"]);
}
