//! Every parser against every cut, every flipped bit and arbitrary bytes: an error or another value, never a panic.

use std::fmt::Debug;

use proptest::prelude::*;

use super::{
    super::*,
    leaves,
    notes::CHECKPOINT,
    proofs::PROOF,
    witnesses::{REQUEST, WITNESS_VKEY},
};

/// Reads bytes as text first, as the parsers of `&str` need it.
fn text<T>(bytes: &[u8], parse: impl Fn(&str) -> Result<T, Error>) -> Result<T, Error> {
    str::from_utf8(bytes).map_err(|_| Error::HashText).and_then(parse)
}

/// Checks that the bytes are understood, and that no cut or flipped bit of them means the same.
fn no_change_goes_unnoticed<T: PartialEq + Debug>(good: &[u8], parse: impl Fn(&[u8]) -> Result<T, Error>) {
    let meaning = parse(good).unwrap();
    for len in 0..good.len() {
        assert_ne!(parse(&good[..len]).as_ref(), Ok(&meaning), "cut to {len} bytes");
        assert_ne!(parse(&good[good.len() - len..]).as_ref(), Ok(&meaning), "cut to the last {len} bytes");
    }
    for bit in 0..good.len() * 8 {
        let mut flipped = good.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(parse(&flipped).as_ref(), Ok(&meaning), "bit {bit} flipped");
    }
}

fn read_vkey(bytes: &[u8]) -> Result<VerifierKey, Error> {
    text(bytes, |text| text.parse())
}

fn read_checkpoint(bytes: &[u8]) -> Result<Checkpoint, Error> {
    text(bytes, |text| text.parse())
}

fn read_path(bytes: &[u8]) -> Result<TilePath, Error> {
    text(bytes, |text| text.parse())
}

fn read_bundle(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    Ok(decode_bundle(bytes)?.into_iter().map(<[u8]>::to_vec).collect())
}

#[test]
fn cut_or_flipped_note_checkpoint_and_key_are_never_taken_for_the_whole() {
    no_change_goes_unnoticed(CHECKPOINT.as_bytes(), Note::parse);
    no_change_goes_unnoticed(Note::parse(CHECKPOINT.as_bytes()).unwrap().text().as_bytes(), read_checkpoint);
    let vkey = include_str!("../../../tests/vectors/tlog/log.vkey").trim_end();
    no_change_goes_unnoticed(vkey.as_bytes(), read_vkey);
}

#[test]
fn cut_or_flipped_proof_is_never_taken_for_the_whole() {
    no_change_goes_unnoticed(PROOF.as_bytes(), TlogProof::parse);
}

#[test]
fn cut_or_flipped_request_cosigner_key_and_policy_are_never_taken_for_the_whole() {
    no_change_goes_unnoticed(REQUEST.as_bytes(), AddCheckpoint::parse);
    let vkey = WITNESS_VKEY.trim_end();
    no_change_goes_unnoticed(vkey.as_bytes(), |bytes| text(bytes, |text| text.parse::<CosignerKey>()));
    let policy = format!("witness a {vkey}\ngroup g any a\nquorum g\n");
    no_change_goes_unnoticed(policy.as_bytes(), TrustPolicy::parse);
}

#[test]
fn cut_or_flipped_path_bundle_and_frontier_are_never_taken_for_the_whole() {
    for path in ["tile/0/x001/x234/067", "tile/1/004.p/216", "tile/entries/x312/000.p/145"] {
        no_change_goes_unnoticed(path.as_bytes(), read_path);
    }
    no_change_goes_unnoticed(&encode_bundle(&["an entry", "", "another"]).unwrap(), read_bundle);
    let mut frontier = Frontier::new();
    leaves(0..11).into_iter().for_each(|leaf| frontier.append(leaf).unwrap());
    no_change_goes_unnoticed(&frontier.encode(), Frontier::decode);
    no_change_goes_unnoticed(&encode_hashes(&leaves(0..3)), decode_hashes);
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_or_written_again_as_they_were(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(entries) = decode_bundle(&bytes) {
            prop_assert_eq!(encode_bundle(&entries), Ok(bytes.clone()));
        }
        if let Ok(frontier) = Frontier::decode(&bytes) {
            prop_assert_eq!(frontier.encode(), bytes.clone());
        }
        prop_assert!(Note::parse(&bytes).is_err() && TlogProof::parse(&bytes).is_err());
        prop_assert!(read_vkey(&bytes).is_err() && read_checkpoint(&bytes).is_err() && read_path(&bytes).is_err());
    }

    #[test]
    fn text_of_the_right_kind_is_refused_or_written_again_as_it_was(
        path in "tile/([0-9]{1,2}|entries)/(x[0-9]{1,3}/){0,2}[0-9]{2,4}(\\.p/[0-9]{1,3})?",
        lines in "(log|l g)\n0?[0-9]{1,20}\n",
        head in "c2sp.org/tlog-proof@v1\n(extra [A-D]{3,4}=?\n)?index 0?[0-9]\n{1,2}",
    ) {
        if let Ok(tile) = path.parse::<TilePath>() {
            prop_assert_eq!(tile.to_string(), path);
        }
        let checkpoint = format!("{lines}{}\n", empty_root());
        if let Ok(parsed) = checkpoint.parse::<Checkpoint>() {
            prop_assert_eq!(parsed.to_string(), checkpoint);
        }
        let proof = format!("{head}{CHECKPOINT}");
        if let Ok(parsed) = TlogProof::parse(proof.as_bytes()) {
            prop_assert_eq!(parsed.to_string(), proof);
        }
    }
}
