//! How many instructions the pure parts take, held against what is pinned, so that a part that becomes dearer is seen in review.
//!
//! ```text
//! cargo bench --profile dev --bench instructions              compares; ends with 1 where a part is beyond the tolerance
//! cargo bench --profile dev --bench instructions -- --write   pins what they take now
//! ```
//!
//! valgrind counts, which tells the same on a busy machine as on an idle one. A part's cost is what the program takes that does it so many times, less what it
//! takes that does nothing. The pins are of a build without optimizations, the one that the tests have anyway: they tell of a slide, not of
//! speed. What a compiler or a processor's features change is no slide, so the pins name both, and elsewhere nothing is compared.

mod parts;

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use self::parts::{NAMES, Parts};

/// The first argument of this program when valgrind runs it.
const COMMAND: &str = "repeat-a-part";
/// A part that does nothing.
const NOTHING: &str = "nothing";
/// How far a part may be from its pin. Keys and salts are drawn anew in every run, which moves a verification by some hundredths.
const TOLERANCE: f64 = 0.05;

/// What is pinned.
#[derive(Serialize, Deserialize)]
struct Pins {
    /// Of what they are: see [`build`].
    build: String,
    /// Instructions each time, by part.
    instructions: BTreeMap<String, u64>,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, name, times] = arguments.as_slice()
        && command == COMMAND
    {
        let parts = Parts::new()?;
        let done = if name == NOTHING { NAMES[0].0 } else { name.as_str() };
        return parts.repeat(done, times.parse()?);
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: instruction counts of the pure parts: valgrind is not there");
        return Ok(());
    }
    let write = arguments.iter().any(|argument| argument == "--write");
    let build = build()?;
    let pins: Option<Pins> = fs::read_to_string(path()).ok().map(|text| toml::from_str(&text)).transpose()?;
    if let Some(pins) = pins.as_ref().filter(|pins| !write && pins.build != build) {
        println!("skipped: instruction counts of the pure parts: pinned for {}, this is {build}", pins.build);
        return Ok(());
    }
    let found = measure()?;
    if write {
        fs::write(path(), toml::to_string(&Pins { build, instructions: found })?)?;
        return Ok(());
    }
    let pinned = pins.map(|pins| pins.instructions).unwrap_or_default();
    println!("instructions of      pinned       found");
    let mut beyond = Vec::new();
    for (name, found) in &found {
        let pinned = pinned.get(name).copied().unwrap_or_default();
        let change = *found as f64 / pinned as f64 - 1.0;
        println!("{name:18} {pinned:>8} {found:>11} {:+6.1} %", change * 100.0);
        // Also what has no pin, whose change is no number.
        if change.is_nan() || change.abs() > TOLERANCE {
            beyond.push(name.as_str());
        }
    }
    let gone: Vec<_> = pinned.keys().filter(|name| !found.contains_key(*name)).collect();
    ensure!(gone.is_empty(), "pinned, and no longer there: {gone:?}");
    ensure!(
        beyond.is_empty(),
        "more than {:.0} % from what is pinned: {}. Where that is meant, pin it with --write and say why",
        TOLERANCE * 100.0,
        beyond.join(", ")
    );
    Ok(())
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions/pins.toml")
}

/// The compiler, whether it optimizes, and the processor's features by which cryptography chooses its code.
fn build() -> anyhow::Result<String> {
    let rustc = Command::new("rustc").arg("--version").output().context("rustc is not there")?;
    let rustc = String::from_utf8(rustc.stdout)?;
    let version = rustc.split(' ').nth(1).unwrap_or("unknown");
    let kind = if cfg!(debug_assertions) { "dev" } else { "optimized" };
    Ok(format!("rustc {version}, {kind}, {} {}", std::env::consts::ARCH, features()))
}

#[cfg(target_arch = "x86_64")]
fn features() -> String {
    let features = [
        ("aes", std::arch::is_x86_feature_detected!("aes")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("avx512", std::arch::is_x86_feature_detected!("avx512ifma")),
        ("sha", std::arch::is_x86_feature_detected!("sha")),
    ];
    let there: Vec<_> = features.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    there.join(" ")
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> String {
    String::new()
}

/// What each part takes.
fn measure() -> anyhow::Result<BTreeMap<String, u64>> {
    let nothing = instructions(NOTHING, 0)?;
    let each = |(name, times): &(&str, u64)| {
        let all = instructions(name, *times)?;
        Ok(((*name).to_owned(), all.saturating_sub(nothing) / times))
    };
    NAMES.iter().map(each).collect()
}

/// How many instructions this program takes to do a part so many times.
fn instructions(name: &str, times: u64) -> anyhow::Result<u64> {
    let program = std::env::current_exe()?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    let output = valgrind.args([COMMAND, name]).arg(times.to_string()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed: {said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected.with_context(|| format!("valgrind told no count: {said}"))
}
