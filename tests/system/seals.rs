//! E-seals from their publication to those who verify them: by the shell, by the client library, over mutual TLS.

#[path = "../../src/seal/tests/document.rs"]
mod document;
#[path = "../../src/seal/tests/maker.rs"]
mod maker;

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hutong::{
    client::{Client, Error},
    domain::{directory::Capability, record::RecordStatus},
    seal::{Finding, HubStatus},
    sign::sm3,
};

use self::{
    document::Document,
    maker::{Holder, Recipe, Use},
};
use crate::world::{ADMINISTRATION, Ended, World, run};

/// A hub that trusts one authority, and a system that publishes seals.
struct Stage {
    world: World,
    authority: Holder,
    maker: Holder,
    signer: Holder,
}

impl Stage {
    async fn begin() -> Self {
        let mut world = World::make();
        let authority = Holder::authority("样例电子认证", 1);
        let maker = authority.certified("样例制章中心", 2, Use::Signing);
        let signer = authority.certified("样例市大数据局", 3, Use::Signing);
        let trust = world.folder.join("seal-trust");
        fs::create_dir(&trust).unwrap();
        fs::write(trust.join("authority.der"), &authority.certificate).unwrap();
        world.change_settings(|settings| {
            let trust = toml::Table::from_iter([("trust".to_owned(), "seal-trust".into())]);
            settings.insert("seals".to_owned(), trust.into());
        });
        world.start();
        world.settle().await;
        world.enrol(ADMINISTRATION, "seals", &[Capability::Publish]).await;
        Self { world, authority, maker, signer }
    }

    fn recipe(&self, id: &str) -> Recipe {
        Recipe { id: id.to_owned(), ..Recipe::default() }
    }

    fn seal(&self, id: &str) -> Vec<u8> {
        self.recipe(id).seal(&self.maker, &[&self.signer], sm3)
    }

    /// Publishes seals under identifiers, as a table.
    fn publish(&self, seals: &[(&str, &[u8])], more: &[&str]) -> Ended {
        let mut table = "YZBS,YZMC,YZLXDM,SSDW,SSDWDM,ZZRQ,YXQQ,YXQZ,YZSJ\n".to_owned();
        for (id, seal) in seals {
            let seal = STANDARD.encode(seal);
            table.push_str(&format!(
                "{id},样例电子印章,01,样例市大数据局,11440399X000000350,2026-01-05,2026-01-05,2031-01-05,{seal}\n"
            ));
        }
        let file = self.world.home.path().join("seals.csv");
        fs::write(&file, table).unwrap();
        let profile = self.world.profile("seals");
        let mut command = vec!["publish", "--profile", profile.to_str().unwrap(), "--resource", "city.e-seal"];
        command.extend(more);
        command.push(file.to_str().unwrap());
        run(command)
    }

    fn rejected(&self) -> String {
        fs::read_to_string(self.world.home.path().join("seals.rejected.csv")).unwrap()
    }

    /// `hutong seal verify` of a seal, asking the hub.
    fn verify(&self, seal: &[u8]) -> Ended {
        let file = self.world.home.path().join("seal.esl");
        fs::write(&file, seal).unwrap();
        let (profile, trust) = (self.world.profile("permits"), self.world.folder.join("seal-trust"));
        let [file, profile, trust] = [&file, &profile, &trust].map(|path| path.to_str().unwrap());
        run(["seal", "verify", file, "--trust", trust, "--profile", profile])
    }
}

async fn status(client: &Client, seal: &[u8]) -> (bool, Option<HubStatus>) {
    let verdict = client.verify_seal(seal.to_vec()).await.unwrap();
    (verdict.verified, verdict.status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seals_are_published_if_they_verify_and_known_by_their_status() {
    let mut stage = Stage::begin().await;
    let good = stage.seal("50011200000323");
    let stranger = Holder::authority("路人", 8).certified("路人制章", 9, Use::Signing);
    let foreign = stage.recipe("50011200000324").seal(&stranger, &[&stage.signer], sm3);
    let mut broken = stage.seal("50011200000325");
    *broken.last_mut().unwrap() ^= 1;

    // The provider's program finds what needs no trust; the hub knows whom it trusts.
    let published = stage.publish(
        &[
            ("50011200000323", &good),
            ("50011200000324", &foreign),
            ("50011200000325", &broken),
            ("50011200000326", &good),
        ],
        &[],
    );
    assert_eq!(published.code, Some(1), "{published:?}");
    assert!(published.stdout.contains("4 rows: 1 published, 0 unchanged, 3 rejected"), "{published:?}");
    let rejected = stage.rejected();
    let lines: Vec<_> = rejected.lines().filter(|line| line.contains("SEAL")).collect();
    assert_eq!(lines.len(), 3, "{rejected}");
    for (line, says) in lines.iter().zip(["MAKER_CHAIN", "MAKER_SIGNATURE", "50011200000323"]) {
        assert!(line.contains(says), "{line}");
    }

    // Anybody registered asks; the very seal is known, not only its identifier.
    let permits = stage.world.client("permits").await;
    assert_eq!(status(&permits, &good).await, (true, Some(HubStatus::Published(RecordStatus::Active))));
    let another = Recipe { name: "仿造印章".to_owned(), ..stage.recipe("50011200000323") };
    let another = another.seal(&stage.maker, &[&stage.signer], sm3);
    assert_eq!(status(&permits, &another).await, (false, Some(HubStatus::Another)));
    let unknown = stage.seal("50011200000399");
    assert_eq!(status(&permits, &unknown).await, (true, Some(HubStatus::NotPublished)));
    assert_eq!(status(&permits, &foreign).await, (false, Some(HubStatus::NotPublished)));
    assert_eq!(status(&permits, b"no seal").await, (false, None));
    let shown = stage.verify(&good);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.contains("ok        HUB_STATUS"), "{shown:?}");
    assert!(shown.stdout.ends_with("\nVERIFIED 验证通过\n"), "{shown:?}");
    let file = stage.world.home.path().join("seal.esl");
    let untrusting = run(["seal", "verify", file.to_str().unwrap()]).well();
    assert!(untrusting.stdout.contains("VERIFIED 验证通过\nwithout trust anchors"), "{untrusting:?}");
    assert_eq!(stage.verify(&another).code, Some(1));

    // Destroyed: no longer in force, also after the index was made anew.
    stage.publish(&[("50011200000323", &good)], &["--status", "revoked"]).well();
    stage.world.kill();
    stage.world.start();
    let permits = stage.world.client("permits").await;
    assert_eq!(status(&permits, &good).await, (false, Some(HubStatus::Published(RecordStatus::Revoked))));
    let shown = stage.verify(&good);
    assert_eq!(shown.code, Some(1), "{shown:?}");
    assert!(shown.stdout.contains("已销毁"), "{shown:?}");
    stage.world.require_no_panic();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_verified_with_every_signature_in_them() {
    let stage = Stage::begin().await;
    let seal = stage.seal("50011200000323");
    let recipe = stage.recipe("50011200000323");
    let mut document = Document::new();
    document.sign(&recipe, &seal, &stage.signer, "1.2.156.10197.1.401", sm3);
    document.sign(&recipe, &seal, &stage.authority, "SM3", sm3);
    let permits = stage.world.client("permits").await;

    let verdict = permits.verify_sealed_document(document.pack()).await.unwrap();
    let failed = |at: usize| -> Vec<_> {
        let checks = verdict.signatures[at].checks.iter();
        checks
            .filter(|check| check.required && check.finding == Finding::Failed)
            .map(|check| check.name.as_str())
            .collect()
    };
    assert_eq!((verdict.verified, verdict.signatures[0].verified), (false, true), "{verdict:?}");
    assert_eq!(failed(1), ["SIGNER_CERTIFICATE", "SIGNER_LISTED"]);
    assert_eq!(verdict.signatures[0].status, Some(HubStatus::NotPublished));
    assert_eq!(verdict.signatures[0].seal.as_ref().unwrap().0, "50011200000323");
    assert_eq!(verdict.signatures[0].signer, "CN=样例市大数据局");

    // Each call takes its own kind of file.
    for error in [
        permits.verify_seal(document.pack()).await.map(|_| ()).unwrap_err(),
        permits.verify_sealed_document(seal.clone()).await.map(|_| ()).unwrap_err(),
    ] {
        let Error::Rejected(rejected) = error else { panic!("{error:?}") };
        assert!(rejected.to_string().contains("takes"), "{rejected}");
    }
    // Whoever is not registered is not answered.
    stage.world.equip(ADMINISTRATION, "stranger");
    let stranger = stage.world.client("stranger").await;
    assert!(matches!(stranger.verify_seal(seal).await, Err(Error::Rejected(_))));
    stage.world.require_no_panic();
}
