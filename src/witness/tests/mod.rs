//! A witness against honest logs, forked ones and rolled-back ones, against failing disks and power cuts, and over HTTP.

mod crash;
mod folder;
mod http;
mod refusals;

use std::{
    ops::Range,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::*;
use crate::{
    sign::{CosignatureVerifier, LogSigner, Secret, SigningKey},
    tlog::{
        self, AddCheckpoint, Checkpoint, CosignerKey, Hash, HashReader, KeyName, Note, NoteSignature, NoteSigner as _,
        VerifierKey, leaf_hash, origin_hash, prove_consistency, tree_root,
    },
};

/// The witness's clock at the beginning.
const NOON: u64 = 1_795_348_800;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::from_bytes(&[seed; 32])).unwrap()
}

/// A log's history, as the hub that has it tells it. Histories of one log share its key and may share a beginning.
#[derive(Clone)]
struct History {
    seed: u8,
    origin: KeyName,
    leaves: Vec<Hash>,
}

impl History {
    /// A log with this seed for its key, and no entries.
    fn of(seed: u8) -> Self {
        Self { seed, origin: format!("hub.example.gov/exchange-log/{seed}").parse().unwrap(), leaves: Vec::new() }
    }

    /// The same history, and as many entries more. What is told in them tells histories apart.
    fn and(&self, count: usize, told: &str) -> Self {
        let mut longer = self.clone();
        longer.leaves.extend((0..count).map(|n| leaf_hash(format!("{told} {n}").as_bytes())));
        longer
    }

    fn signer(&self) -> LogSigner {
        LogSigner::new(self.origin.clone(), key(self.seed))
    }

    fn vkey(&self) -> VerifierKey {
        self.signer().vkey()
    }

    fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    fn checkpoint(&self) -> Note {
        let root = tree_root(&self.leaves);
        Checkpoint { origin: self.origin.clone(), size: self.size(), root }.sign(&self.signer()).unwrap()
    }

    /// The request to cosign this history for a witness that cosigned the first `old` entries last.
    fn request(&self, old: u64) -> AddCheckpoint {
        let proof = prove_consistency(self, old.min(self.size()), self.size()).unwrap();
        AddCheckpoint { old_size: old, proof, checkpoint: self.checkpoint() }
    }
}

impl HashReader for History {
    type Error = tlog::Error;

    fn read(&self, level: u8, range: Range<u64>) -> Result<Vec<Hash>, tlog::Error> {
        let width = 256_usize.pow(u32::from(level));
        Ok(range.map(|index| tree_root(&self.leaves[index as usize * width..][..width])).collect())
    }
}

/// A witness in a folder of its own, with a clock that the test sets.
struct Stage {
    place: tempfile::TempDir,
    time: Arc<AtomicU64>,
}

impl Stage {
    /// A witness of these logs.
    fn of(logs: &[&History]) -> Self {
        let stage = Self { place: tempfile::tempdir().unwrap(), time: Arc::new(AtomicU64::new(NOON)) };
        let vkeys: Vec<_> = logs.iter().map(|log| log.vkey()).collect();
        init(&stage.folder(), "court.example.gov/witness".parse().unwrap(), key(99), &vkeys).unwrap();
        stage
    }

    fn folder(&self) -> PathBuf {
        self.place.path().join("witness")
    }

    fn log_folder(&self, log: &History) -> PathBuf {
        self.folder().join("logs").join(origin_hash(&log.origin))
    }

    fn clock(&self) -> Arc<Clock> {
        let time = Arc::clone(&self.time);
        Arc::new(move || time.load(Ordering::SeqCst))
    }

    fn open(&self) -> Witness {
        Witness::open(&self.folder(), self.clock()).unwrap()
    }

    /// What is kept against the only log.
    fn evidence(&self) -> Vec<SuspicionKind> {
        let status = status(&self.folder()).unwrap();
        status.logs.into_iter().flat_map(|log| log.evidence).map(|suspicion| suspicion.kind).collect()
    }
}

/// Asks for a cosignature.
fn ask(witness: &Witness, request: &AddCheckpoint) -> Result<NoteSignature, Refusal> {
    witness.add_checkpoint(request.to_string().as_bytes())
}

/// When the cosignature on this checkpoint was made; it must verify.
fn time_of(witness: &CosignerKey, checkpoint: &Note, cosignature: NoteSignature) -> u64 {
    let mut note = checkpoint.clone();
    note.add(cosignature).unwrap();
    CosignatureVerifier::new(witness.clone()).unwrap().time_of(&note).unwrap().unwrap()
}

#[test]
fn a_log_that_only_grows_is_cosigned_step_by_step_and_after_a_restart() {
    let mut history = History::of(1);
    let stage = Stage::of(&[&history]);
    let mut old = 0;
    for (step, count) in [0, 1, 1, 5, 0, 249, 1, 300, 1_000].into_iter().enumerate() {
        let witness = stage.open(); // each time anew
        history = history.and(count, &format!("step {step}"));
        stage.time.fetch_add(1, Ordering::SeqCst);
        let cosignature = ask(&witness, &history.request(old)).unwrap();
        assert_eq!(time_of(witness.key(), &history.checkpoint(), cosignature.clone()), NOON + 1 + step as u64);

        let served = witness.checkpoint(&origin_hash(&history.origin)).unwrap();
        let mut expected = history.checkpoint();
        expected.add(cosignature).unwrap();
        assert_eq!(served, expected.to_string());
        old = history.size();
    }
    assert_eq!(stage.evidence(), []);
}

#[test]
fn logs_do_not_touch_each_other() {
    let (one, two) = (History::of(1).and(3, "one"), History::of(2).and(7, "two"));
    let stage = Stage::of(&[&one, &two]);
    let witness = stage.open();
    ask(&witness, &one.request(0)).unwrap();
    assert_eq!(witness.checkpoint(&origin_hash(&two.origin)), None);
    ask(&witness, &two.request(0)).unwrap();
    ask(&witness, &one.and(1, "one more").request(3)).unwrap();
    let sizes: Vec<_> = status(&stage.folder()).unwrap().logs.iter().map(|log| log.size).collect();
    assert_eq!(sizes, [Some(4), Some(7)]);
}

#[test]
fn only_the_logs_own_signature_is_kept_and_served() {
    let history = History::of(1).and(3, "entry");
    let stage = Stage::of(&[&history]);
    let witness = stage.open();
    let mut request = history.request(0);
    let stranger = LogSigner::new("someone.example".parse().unwrap(), key(50));
    let signature = stranger.sign(request.checkpoint.text().as_bytes());
    let signature = NoteSignature::new(stranger.vkey().name().clone(), stranger.vkey().key_id(), signature).unwrap();
    request.checkpoint.add(signature).unwrap();
    ask(&witness, &request).unwrap();
    let served = witness.checkpoint(&origin_hash(&history.origin)).unwrap();
    assert!(!served.contains("someone.example"), "{served}");
    assert_eq!(Note::parse(served.as_bytes()).unwrap().signatures().len(), 2);
}

#[test]
fn a_clock_that_went_back_does_not_make_a_word_older_than_the_one_before() {
    let history = History::of(1).and(3, "entry");
    let stage = Stage::of(&[&history]);
    ask(&stage.open(), &history.request(0)).unwrap();
    stage.time.store(NOON - 3_600, Ordering::SeqCst);
    let (witness, longer) = (stage.open(), history.and(1, "later"));
    let cosignature = ask(&witness, &longer.request(3)).unwrap();
    assert_eq!(time_of(witness.key(), &longer.checkpoint(), cosignature), NOON);
}

#[test]
fn without_a_clock_nothing_is_cosigned() {
    let history = History::of(1).and(3, "entry");
    let stage = Stage::of(&[&history]);
    stage.time.store(0, Ordering::SeqCst);
    assert_eq!(ask(&stage.open(), &history.request(0)).unwrap_err().status(), 500);
}

#[test]
fn of_many_who_ask_at_once_each_is_judged_on_what_the_one_before_left() {
    let history = History::of(1).and(64, "entry");
    let stage = Stage::of(&[&history]);
    let witness = stage.open();
    let cosigned = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (history, witness, cosigned) = (&history, &witness, &cosigned);
            scope.spawn(move || {
                // Each climbs at its own pace and starts from wherever the witness says that it is.
                let mut old = 0;
                while old < 64 {
                    let mut shorter = history.clone();
                    shorter.leaves.truncate((old + 1 + thread % 3).min(64) as usize);
                    match ask(witness, &shorter.request(old)) {
                        Ok(_) => {
                            cosigned.lock().unwrap().push((old, shorter.size()));
                            old = shorter.size();
                        }
                        Err(Refusal::Conflict { held }) => old = held,
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
    });
    // Every step begins where another ended: no two from the same place, and none back.
    let mut steps = cosigned.into_inner().unwrap();
    steps.sort_unstable();
    steps.dedup();
    for (before, after) in steps.iter().zip(&steps[1..]) {
        assert_eq!(before.1, after.0, "{steps:?}");
    }
    assert_eq!((steps[0].0, steps[steps.len() - 1].1), (0, 64));
}
