//! Certificates that are renewed and revoked while the hub runs.

use std::{fs, time::Duration};

use hutong::client::{Client, Lookup};

use crate::world::{Site, World, licences, question, run};

/// How often is looked whether the hub has done what it was asked to.
const LOOK: Duration = Duration::from_millis(20);

/// Asks the hub to take its files anew, and waits until it has taken or refused some so often.
async fn reload(world: &mut World, site: &Site, result: &str, times: usize) -> String {
    world.hub().ask_to_reload();
    let line = format!("hutong_tls_looks_total{{result=\"{result}\"}} {times}");
    let waited = tokio::time::timeout(Duration::from_secs(120), async {
        loop {
            let page = site.get("/metrics").await;
            let page = String::from_utf8(page.body.to_vec()).unwrap();
            if page.lines().any(|found| found == line) {
                return page;
            }
            tokio::time::sleep(LOOK).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{line} never came: {}", world.traces_read()))
}

async fn asks_well(client: &Client, licence: &str) -> bool {
    client.query(&question(Lookup::Record(vec![licence.to_owned()]))).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_renewed_and_revoked_without_a_restart() {
    let mut world = World::make();
    let pki = world.folder.join("pki");
    let pki = pki.to_str().unwrap();
    run(["pki", "revoke", "--ca", pki]).well();
    world.change_settings(|settings| {
        let tls = settings["tls"].as_table_mut().unwrap();
        tls.insert("crls".to_owned(), vec!["pki/ca.crl.pem"].into());
    });
    let address = world.open_site(|_| {});
    world.start();
    world.settle().await;
    let licence = licences(1).remove(0);
    world.registry().await.publish(std::slice::from_ref(&licence)).await.unwrap();
    let (permits, auditor) = (world.client("permits").await, world.client("auditor").await);
    let site = world.site(address, Some("auditor"));
    assert!(asks_well(&permits, &licence.id).await);

    // A key that is not the certificate's is refused, and the hub goes on.
    let (renewed, tls) = (world.home.path().join("renewed"), world.folder.join("tls"));
    run(["pki", "issue", "--ca", pki, "--server", "localhost", "--out", renewed.to_str().unwrap()]).well();
    fs::copy(renewed.join("server.key"), tls.join("server.key")).unwrap();
    let page = reload(&mut world, &site, "refused", 1).await;
    assert!(page.contains("\nhutong_tls_files_refused 1\n"), "{page}");
    assert!(asks_well(&permits, &licence.id).await);
    fs::copy(renewed.join("server.pem"), tls.join("server.pem")).unwrap();
    let page = reload(&mut world, &site, "taken", 1).await;
    assert!(
        page.contains("\nhutong_tls_files_refused 0\n") && page.contains("\nhutong_tls_crl_end_seconds "),
        "{page}"
    );
    assert!(asks_well(&permits, &licence.id).await);

    let certificate = world.home.path().join("permits/tls.pem");
    run(["pki", "revoke", "--ca", pki, certificate.to_str().unwrap()]).well();
    reload(&mut world, &site, "taken", 2).await;
    assert!(!asks_well(&permits, &licence.id).await, "its connection is closed, and it gets no other");
    assert!(auditor.hub().await.is_ok(), "others go on");
    let traces = world.traces_read();
    assert!(traces.contains("closed a connection whose certificate is no longer taken"), "{traces}");
    world.stop();
    world.require_no_panic();
}
