//! Tile paths, widths and entry bundles.

use proptest::prelude::*;
use tlog_tiles::Tile as OracleTile;

use super::super::*;

fn hashes(level: u8, index: u64, size: u64) -> TilePath {
    TilePath::at_size(TileKind::Hashes(level), index, size).unwrap()
}

#[test]
fn paths_are_those_of_the_standard() {
    let entries = |index, size| TilePath::at_size(TileKind::Entries, index, size).unwrap();
    let cases = [
        (hashes(0, 0, 256), "tile/0/000"),
        (hashes(0, 0, 1), "tile/0/000.p/1"),
        (hashes(0, 1_234_067, u64::MAX), "tile/0/x001/x234/067"),
        (hashes(0, 273, 70_000), "tile/0/273.p/112"),
        (hashes(1, 1, 70_000), "tile/1/001.p/17"),
        (hashes(2, 0, 70_000), "tile/2/000.p/1"),
        (hashes(7, 0, MAX_TREE_SIZE), "tile/7/000.p/127"),
        (entries(999, 256_000), "tile/entries/999"),
        (entries(1_000, 256_001), "tile/entries/x001/000.p/1"),
        (entries(1_000_000, 256_000_255), "tile/entries/x001/x000/000.p/255"),
    ];
    for (tile, path) in cases {
        assert_eq!(tile.to_string(), path);
        assert_eq!(path.parse(), Ok(tile));
    }
}

#[test]
fn paths_spelled_otherwise_are_refused() {
    let huge = format!("tile/0/{}", "x000/".repeat(10_000));
    let bad = [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/1",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/x000",
        "tile/0/001/000",
        "tile/0/x001x000",
        "tile/0/x001/00",
        "tile/0/X001/000",
        "tile/00/000",
        "tile/+0/000",
        "tile/-1/000",
        "tile/8/000",
        "tile/7/000",
        "tile/6/128",
        "tile/64/000",
        "tile/256/000",
        "tile/data/000",
        "tile/Entries/000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/01",
        "tile/0/000.p/+1",
        "tile/0/000.p/256",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/000.P/1",
        "tile/0/０００",
        "tile/0/-01",
        "tile/0/../000",
        "tile/0/000\n",
        "tile/0/000%00",
        "tile/0/x018/x446/x744/x073/x709/x551/615",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        &huge,
    ];
    for path in bad {
        assert!(matches!(path.parse::<TilePath>(), Err(Error::TilePath { .. })), "{path:?}");
    }
}

#[test]
fn no_tile_is_empty_and_none_lies_past_the_end() {
    assert_eq!(TilePath::at_size(TileKind::Entries, 0, 0), None);
    assert_eq!(TilePath::at_size(TileKind::Hashes(0), 1, 256), None);
    assert_eq!(TilePath::at_size(TileKind::Hashes(1), 0, 255), None);
    assert_eq!(TilePath::at_size(TileKind::Hashes(8), 0, u64::MAX), None);
    assert_eq!(TilePath::at_size(TileKind::Hashes(u8::MAX), 0, u64::MAX), None);
    assert_eq!(TilePath::at_size(TileKind::Entries, u64::MAX, u64::MAX), None);
    assert_eq!(hashes(1, 0, 256).range(), 0..1);
    assert_eq!(hashes(0, 3, 1_000).range(), 768..1_000);
}

#[test]
fn growth_names_the_tiles_that_changed_bundles_first() {
    let paths = |old, new| TilePath::grown(old, new).map(|tile| tile.to_string()).collect::<Vec<_>>();
    assert!(paths(0, 0).is_empty());
    assert!(paths(300, 300).is_empty());
    assert!(paths(300, 200).is_empty());
    assert_eq!(paths(0, 1), ["tile/entries/000.p/1", "tile/0/000.p/1"]);
    assert_eq!(
        paths(255, 257),
        ["tile/entries/000", "tile/entries/001.p/1", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]
    );
    assert_eq!(paths(256, 257), ["tile/entries/001.p/1", "tile/0/001.p/1"]);
}

#[test]
fn bundle_encoding_is_golden() {
    let entries: [&[u8]; 3] = [b"", b"a", &[0xff; 258]];
    let bundle = encode_bundle(&entries).unwrap();
    assert_eq!(hex::encode(&bundle), format!("0000{}61{}{}", "0001", "0102", "ff".repeat(258)));
    assert_eq!(decode_bundle(&bundle), Ok(entries.to_vec()));
}

#[test]
fn bundles_hold_1_to_256_entries_of_up_to_65535_bytes() {
    assert_eq!(encode_bundle::<&[u8]>(&[]), Err(Error::BundleCount));
    assert_eq!(decode_bundle(&[]), Err(Error::BundleCount));
    assert_eq!(encode_bundle(&[[7u8; 3]; MAX_ENTRIES + 1]), Err(Error::BundleCount));
    assert_eq!(decode_bundle(&[0; 2 * MAX_ENTRIES + 2]), Err(Error::BundleCount));
    assert_eq!(decode_bundle(&[0; 2 * MAX_ENTRIES]).unwrap().len(), MAX_ENTRIES);
    assert_eq!(Entries::new(&[0; 2 * MAX_ENTRIES + 2]).count(), MAX_ENTRIES + 1);

    let longest = vec![0; MAX_ENTRY_LEN];
    assert_eq!(decode_bundle(&encode_bundle(&[&longest]).unwrap()), Ok(vec![&longest[..]]));
    let too_long = vec![0; MAX_ENTRY_LEN + 1];
    assert_eq!(encode_bundle(&[too_long]), Err(Error::EntryTooLong { len: MAX_ENTRY_LEN + 1 }));
}

#[test]
fn bundle_cut_anywhere_but_between_entries_says_where() {
    let bundle = encode_bundle(&["first", "second"]).unwrap();
    for len in 1..bundle.len() {
        let expected = match len {
            7 => Ok(vec![&b"first"[..]]),
            0..7 => Err(Error::BundleTruncated { offset: 0 }),
            _ => Err(Error::BundleTruncated { offset: 7 }),
        };
        assert_eq!(decode_bundle(&bundle[..len]), expected);
    }
}

proptest! {
    #[test]
    fn paths_agree_with_the_oracle(level in 0u8..5, index in 0u64..1 << 22, width in 1u16..=256) {
        let path = OracleTile::new(8, level, index, width.into(), false).path().replacen("tile/8/", "tile/", 1);
        let tile: TilePath = path.parse().unwrap();
        prop_assert_eq!((tile.kind(), tile.index(), tile.width()), (TileKind::Hashes(level), index, width));
        prop_assert_eq!(tile.to_string(), path);
    }

    #[test]
    fn growth_agrees_with_the_oracle(old in 0u64..140_000, more in 0u64..140_000) {
        let ours: Vec<String> = TilePath::grown(old, old + more)
            .filter(|tile| tile.kind() != TileKind::Entries)
            .map(|tile| tile.to_string())
            .collect();
        let theirs: Vec<String> = OracleTile::new_tiles(8, old, old + more)
            .iter()
            .map(|tile| tile.path().replacen("tile/8/", "tile/", 1))
            .collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn entries_come_out_of_a_bundle_as_they_went_in(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..20),
    ) {
        let bundle = encode_bundle(&entries).unwrap();
        prop_assert_eq!(decode_bundle(&bundle).unwrap(), entries);
    }
}
