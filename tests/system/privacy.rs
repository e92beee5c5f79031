//! Nothing that the hub writes, and does not seal, names anybody.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use hutong::client::{Error, Lookup};
use serde_json::json;

use crate::world::{Licence, RESOURCE, World, files_under, licences, question, resource_id, run, table};

/// By how many bytes a pattern is recognized: what is shorter turns up in random bytes by chance.
const KEY: usize = 6;
/// Bytes looked at together when the zeros at a file's end are passed over.
const BLOCK: usize = 4096;

/// What is looked for, by the first bytes of each form it may have.
struct Needles(HashMap<[u8; KEY], Vec<(Vec<u8>, String)>>);

impl Needles {
    fn of(words: impl IntoIterator<Item = String>) -> Self {
        let mut needles = Self(HashMap::new());
        for word in words.into_iter().collect::<BTreeSet<_>>() {
            for (form, bytes) in forms(&word) {
                if let Some(key) = bytes.first_chunk() {
                    needles.0.entry(*key).or_default().push((bytes.clone(), format!("{word} as {form}")));
                }
            }
        }
        needles
    }

    /// What is found in these bytes.
    fn find(&self, bytes: &[u8]) -> BTreeSet<String> {
        let found = bytes.windows(KEY).enumerate().filter(|(_, window)| **window != [0; KEY]);
        let found = found.filter_map(|(at, window)| Some((at, self.0.get(<&[u8; KEY]>::try_from(window).ok()?)?)));
        found
            .flat_map(|(at, needles)| needles.iter().filter(move |(form, _)| bytes[at..].starts_with(form)))
            .map(|(_, what)| what.clone())
            .collect()
    }

    /// What is found in the files of a folder, in contents and names.
    fn find_under(&self, folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for path in files_under(folder) {
            let mut bytes = fs::read(&path).unwrap();
            let used = bytes.chunks(BLOCK).rposition(|block| *block != [0; BLOCK][..block.len()]);
            bytes.truncate(used.map_or(0, |last| (last + 1) * BLOCK));
            bytes.extend(path.to_str().unwrap().as_bytes());
            found.extend(self.find(&bytes).into_iter().map(|what| format!("{}: {what}", path.display())));
        }
        found
    }
}

/// The forms in which a word may be written.
fn forms(word: &str) -> Vec<(&'static str, Vec<u8>)> {
    let utf8 = word.as_bytes().to_vec();
    let utf16 = |bytes: fn(u16) -> [u8; 2]| word.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let mut forms = vec![
        ("hex", hex::encode(&utf8).into_bytes()),
        ("HEX", hex::encode_upper(&utf8).into_bytes()),
        ("UTF-16LE", utf16(u16::to_le_bytes)),
        ("UTF-16BE", utf16(u16::to_be_bytes)),
        ("escaped JSON", word.encode_utf16().flat_map(|unit| format!("\\u{unit:04x}").into_bytes()).collect()),
    ];
    for alignment in 0..3 {
        // The characters that do not depend on what stands before and after.
        let text = STANDARD_NO_PAD.encode([&vec![0; alignment][..], &utf8].concat());
        let begin = (alignment * 8).div_ceil(6);
        let end = (alignment + utf8.len()) * 8 / 6;
        let own = &text[begin..end];
        forms.push(("base64", own.as_bytes().to_vec()));
        forms.push(("base64url", own.replace('+', "-").replace('/', "_").into_bytes()));
    }
    forms.push(("UTF-8", utf8));
    forms
}

/// Everything about the licences, and about those who asked, that names somebody.
fn words(licences: &[Licence]) -> Vec<String> {
    let question = question(Lookup::Holder(Vec::new()));
    let about = |licence: &Licence| {
        let Licence { id, holder, name, representative, citizen_id, domicile, .. } = licence.clone();
        [id, holder, name, representative, citizen_id, domicile]
    };
    let asked = [question.case, question.operator, "样例依据第九条".to_owned(), "样例停用缘由".to_owned()];
    licences.iter().flat_map(about).chain(asked).collect()
}

/// Publications, faulty ones too, queries, refusals and rejections.
async fn tell_a_story(world: &World, licences: &[Licence]) {
    let (registry, permits) = (world.registry().await, world.client("permits").await);
    registry.publish(&licences[..20]).await.unwrap();
    let faulty: Vec<_> = licences[20..]
        .iter()
        .map(|licence| registry.sign_changed(licence, |fields| fields.push(("KZ_X".to_owned(), json!(licence.name)))))
        .collect();
    let answer = registry.client.publish(&resource_id(), 1, &faulty).await.unwrap();
    assert!(answer.results.iter().all(|result| !result.is_accepted()));
    let file = world.home.path().join("licences.csv");
    fs::write(&file, table(60, 6)).unwrap();
    let profile = world.profile("registry");
    let published =
        run(["publish", "--profile", profile.to_str().unwrap(), "--resource", RESOURCE, file.to_str().unwrap()]);
    assert_eq!(published.code, Some(1), "{published:?}");

    for licence in licences {
        let by_holder = permits.query(&question(Lookup::Holder(vec![licence.holder.clone()]))).await;
        let by_record = permits.query(&question(Lookup::Record(vec![licence.id.clone()]))).await;
        assert!(by_holder.is_ok() && by_record.is_ok(), "{by_holder:?} {by_record:?}");
        let mut refused = question(Lookup::Holder(vec![licence.holder.clone()]));
        refused.purpose = "curiosity".parse().unwrap();
        assert!(matches!(permits.query(&refused).await, Err(Error::Refused(_))));
        refused.fields = ["KZ_FDDBRZJH".parse().unwrap()].into();
        assert!(matches!(permits.query(&refused).await, Err(Error::Refused(_))));
    }
    permits.suspend_agreement(crate::world::AGREEMENT.parse().unwrap(), Some("样例停用缘由")).await.unwrap();
    let refused = permits.query(&question(Lookup::Holder(vec![licences[0].holder.clone()]))).await;
    assert!(matches!(refused, Err(Error::Refused(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_the_hub_writes_names_anybody() {
    let mut world = World::make();
    world.change_settings(|settings| {
        settings["trace"].as_table_mut().unwrap().insert("level".to_owned(), "trace".into());
    });
    world.start();
    world.settle().await;
    let licences = licences(25);
    tell_a_story(&world, &licences).await;
    world.kill();
    world.start();
    world.stop();

    let needles = Needles::of(words(&licences));
    let in_folder = needles.find_under(&world.folder);
    assert!(in_folder.is_empty(), "{in_folder:#?}");
    let traces = fs::read(world.traces()).unwrap();
    assert!(traces.len() > 10_000, "the traces are there to be looked through");
    let in_traces = needles.find(&traces);
    assert!(in_traces.is_empty(), "{in_traces:#?}");

    // The search finds what is there, in each form.
    let planted = world.folder.join("store/planted");
    for word in [&licences[3].citizen_id, &licences[3].name] {
        for (form, bytes) in forms(word) {
            fs::write(&planted, [&[7; 5000], &bytes[..], &[0; 9000]].concat()).unwrap();
            let found = needles.find_under(&world.folder);
            assert!(found.iter().any(|found| found.contains(word)), "{word} as {form}: {found:?}");
        }
    }
    world.require_no_panic();
}
