//! Tiles and entry bundles as C2SP tlog-tiles names them: which exist at a size, and under which path.
//!
//! ```text
//! tile/<L>/<N>           a full tile: 256 hashes of level L         tile/0/x001/x234/067
//! tile/<L>/<N>.p/<W>     a partial one: the first W hashes so far    tile/1/004.p/216
//! tile/entries/<N>       the 256 entries under tile N of level 0     tile/entries/312
//! tile/entries/<N>.p/<W> the first W of them                         tile/entries/312.p/145
//! ```
//!
//! A narrower tile is a byte prefix of a wider one, so a store that keeps each level as one row of hashes serves every
//! width by reading [`TilePath::range`] and stores no partial tile.

use std::{fmt, ops::Range, str::FromStr};

use super::{Error, error::excerpt, merkle::MAX_TREE_SIZE};

/// Levels of the tree within one tile: each tile level stores the hashes of every eighth.
pub const TILE_HEIGHT: u32 = 8;

/// Hashes in a full tile, entries in a full bundle: 2^[`TILE_HEIGHT`].
pub const TILE_WIDTH: u16 = 1 << TILE_HEIGHT;

/// The highest tile level that a tree can reach: a hash of level 8 would stand for 2⁶⁴ entries.
pub const MAX_TILE_LEVEL: u8 = 7;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes of this tile level, 0 to [`MAX_TILE_LEVEL`].
    Hashes(u8),
    /// The log's entries themselves.
    Entries,
}

impl TileKind {
    /// The tile level of the hashes; entries lie beside the leaf hashes.
    const fn level(self) -> u8 {
        match self {
            Self::Hashes(level) => level,
            Self::Entries => 0,
        }
    }

    /// How many complete items of this kind a log of `size` entries has.
    fn count(self, size: u64) -> u64 {
        size.checked_shr(u32::from(self.level()) * TILE_HEIGHT).unwrap_or(0)
    }
}

/// The name of one tile or entry bundle.
///
/// `Display` writes its path, `FromStr` reads exactly what `Display` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    kind: TileKind,
    index: u64,
    width: u16,
}

impl TilePath {
    /// The tile of this kind and index in a log of `size` entries, as wide as it is then; none if it would be empty.
    #[must_use]
    pub fn at_size(kind: TileKind, index: u64, size: u64) -> Option<Self> {
        let first = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = kind.count(size).checked_sub(first)?.min(u64::from(TILE_WIDTH));
        u16::try_from(width).ok().filter(|width| *width > 0).map(|width| Self { kind, index, width })
    }

    /// All tiles and bundles that a log grown from `old` to `new` entries has and did not have so wide before.
    ///
    /// With `old` 0 this is the whole log at size `new`. Bundles come first, then hashes from the lowest level up.
    pub fn grown(old: u64, new: u64) -> impl Iterator<Item = Self> {
        let levels = (0..=MAX_TILE_LEVEL).map(TileKind::Hashes);
        std::iter::once(TileKind::Entries).chain(levels).flat_map(move |kind| {
            let (had, has) = (kind.count(old), kind.count(new));
            let changed = had / u64::from(TILE_WIDTH)..has.div_ceil(u64::from(TILE_WIDTH));
            let changed = if had < has { changed } else { 0..0 };
            changed.filter_map(move |index| Self::at_size(kind, index, new))
        })
    }

    /// What the tile holds.
    #[must_use]
    pub const fn kind(&self) -> TileKind {
        self.kind
    }

    /// The tile's number within its level, from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries the tile holds: 1 to [`TILE_WIDTH`].
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Whether the tile can still grow.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.width < TILE_WIDTH
    }

    /// The tile's hashes by their index in the level, or its entries by their index in the log.
    #[must_use]
    pub const fn range(&self) -> Range<u64> {
        let first = self.index * TILE_WIDTH as u64;
        first..first + self.width as u64
    }

    /// Whether the log can ever have this tile; only then are the sums in the other methods within bounds.
    fn is_reachable(&self) -> bool {
        let entries_each = 1u64 << (u32::from(self.kind.level()) * TILE_HEIGHT);
        let end = self.index.checked_mul(u64::from(TILE_WIDTH)).and_then(|first| first.checked_add(self.width.into()));
        end.and_then(|end| end.checked_mul(entries_each)).is_some_and(|entries| entries <= MAX_TREE_SIZE)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        write_index(f, self.index)?;
        if self.is_partial() { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = Error;

    fn from_str(path: &str) -> Result<Self, Error> {
        // Read leniently, then demand the one canonical spelling: no leading zero or sign slips through.
        read_path(path)
            .filter(|tile| tile.is_reachable() && tile.to_string() == path)
            .ok_or_else(|| Error::TilePath { path: excerpt(path) })
    }
}

/// Writes a tile's number in groups of three digits, all but the last marked by an `x`: `x001/x234/067`.
fn write_index(f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    let digits = index.to_string();
    let digits = format!("{:0>width$}", digits, width = digits.len().next_multiple_of(GROUP_LEN));
    let groups = digits.len() / GROUP_LEN;
    digits.chars().enumerate().try_for_each(|(at, digit)| {
        if at % GROUP_LEN == 0 {
            let is_last = at / GROUP_LEN + 1 == groups;
            f.write_str(if at == 0 { "" } else { "/" })?;
            f.write_str(if is_last { "" } else { "x" })?;
        }
        write!(f, "{digit}")
    })
}

/// Digits in one group of a tile's number, so that no directory has more than 1,000 children of a kind.
const GROUP_LEN: usize = 3;

/// Reads a path without minding its spelling.
fn read_path(path: &str) -> Option<TilePath> {
    let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let kind = match level {
        "entries" => TileKind::Entries,
        level => TileKind::Hashes(level.parse().ok().filter(|level| *level <= MAX_TILE_LEVEL)?),
    };
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, width.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width))?),
        None => (rest, TILE_WIDTH),
    };
    let digits: String = index.chars().filter(char::is_ascii_digit).collect();
    Some(TilePath { kind, index: digits.parse().ok()?, width })
}
