//! The layering of the house: who may know whom, read off every path of the source.
//!
//! ARCHITECTURE.md says why. A room that is not in the table, or a path to a room or a crate that its row does not allow, fails.
//! Code under `#[cfg(test)]` and in `tests` folders may use whatever it tests with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use syn::visit::Visit;

/// One row: a room, the rooms it may use, and the crates it must not.
struct Room {
    name: &'static str,
    may_use: &'static [&'static str],
    never: &'static [&'static str],
}

const ASYNC: &[&str] = &["tokio", "tokio_stream", "tokio_rustls", "tower", "futures"];
const DRIVERS: &[&str] = &["sled", "rustix"];
/// The rooms that ask the system by themselves: about the disk, and which processor a process is kept on.
const DRIVER_USERS: &[&str] = &["store", "files", "bench"];

/// The table of ARCHITECTURE.md.
const HOUSE: &[Room] = &[
    Room {
        name: "domain",
        may_use: &[],
        never: &["tokio", "tonic", "prost", "sled", "ring", "rustls", "rustix", "tracing", "clap", "tokio_rustls"],
    },
    Room { name: "tlog", may_use: &[], never: &["tokio", "tonic", "prost", "sled", "rustls", "rustix", "clap"] },
    Room {
        name: "sign",
        may_use: &["domain", "tlog"],
        never: &["tokio", "tonic", "prost", "sled", "rustls", "rustix", "clap"],
    },
    Room {
        name: "seal",
        may_use: &["domain", "sign", "files"],
        never: &["tokio", "tonic", "prost", "sled", "ring", "rustls", "rustix", "clap"],
    },
    Room { name: "wire", may_use: &["domain", "sign"], never: &["tokio", "sled", "ring", "rustls", "rustix", "clap"] },
    Room { name: "store", may_use: &["domain", "tlog", "sign"], never: &["tokio", "tonic", "prost", "rustls", "clap"] },
    Room {
        name: "hub",
        may_use: &["domain", "tlog", "sign", "wire", "store", "schema", "seal"],
        never: &["tonic", "prost", "sled", "rustix", "rustls", "clap"],
    },
    Room {
        name: "checkpoints",
        may_use: &["tlog", "sign", "hub", "files"],
        never: &["tonic", "prost", "sled", "rustix", "ring", "clap"],
    },
    Room {
        name: "edge",
        may_use: &["domain", "config", "files"],
        never: &["tonic", "prost", "sled", "rustix", "ring", "clap"],
    },
    Room {
        name: "grpc",
        // Of `store` its errors, which become statuses.
        may_use: &["domain", "sign", "wire", "hub", "tlog", "store", "config", "edge", "seal"],
        never: &["sled", "rustix", "ring", "clap"],
    },
    Room {
        name: "http",
        may_use: &["tlog", "hub", "config", "edge"],
        never: &["tonic", "prost", "sled", "rustix", "ring", "clap"],
    },
    Room {
        name: "client",
        may_use: &["domain", "tlog", "sign", "wire", "files", "seal"],
        never: &["sled", "rustix", "clap"],
    },
    Room { name: "audit", may_use: &["domain", "tlog", "sign", "wire", "html"], never: &["sled", "rustix", "clap"] },
    Room {
        name: "witness",
        may_use: &["sign", "tlog", "files"],
        never: &["tonic", "prost", "sled", "ring", "rustls", "rustix", "clap"],
    },
    Room { name: "schema", may_use: &["domain"], never: &["tokio", "tonic", "prost", "sled", "ring", "clap"] },
    Room { name: "tabular", may_use: &["domain"], never: &["tokio", "tonic", "prost", "sled", "ring", "clap"] },
    Room { name: "examples", may_use: &["domain"], never: &["tokio", "tonic", "prost", "sled", "ring", "clap"] },
    Room { name: "catalog", may_use: &["domain", "wire"], never: &["tokio", "tonic", "prost", "sled", "ring", "clap"] },
    Room {
        name: "publishing",
        may_use: &["domain", "sign", "tabular", "schema", "seal"],
        never: &["tokio", "tonic", "prost", "sled", "clap"],
    },
    Room {
        name: "config",
        may_use: &["domain", "sign", "files"],
        never: &["tokio", "tonic", "prost", "sled", "ring", "clap"],
    },
    Room { name: "telemetry", may_use: &["config"], never: &["tokio", "tonic", "prost", "sled", "ring", "clap"] },
    Room { name: "pki", may_use: &["domain", "files"], never: &["tokio", "tonic", "prost", "sled", "clap"] },
    Room {
        name: "bench",
        // Of `client` the library that users have.
        may_use: &["domain", "sign", "wire", "client", "config", "edge", "pki", "files", "html"],
        never: &["sled", "clap"],
    },
    Room { name: "html", may_use: &[], never: &["tokio", "tonic", "prost", "sled", "ring", "rustls", "clap"] },
    Room { name: "files", may_use: &[], never: &["tokio", "tonic", "prost", "sled", "clap"] },
];

/// The composition root: may use everything.
const ROOTS: &[&str] = &["cli", "main", "lib"];

/// Engines are behind the store's contracts: only these rooms may name one.
const ENGINE_USERS: &[&str] = &["store", "cli"];

/// Generated protobuf types stop here.
const PROTO_USERS: &[&str] = &["wire", "grpc", "client", "audit", "bench", "cli"];

#[test]
fn every_path_stays_within_what_its_room_may_know() {
    let mut wrong = Vec::new();
    let mut files = 0;
    for file in sources() {
        let relative = file.strip_prefix(source_root()).unwrap().to_path_buf();
        let room = room_of(&relative);
        if ROOTS.contains(&room.as_str()) || in_tests(&relative) {
            continue;
        }
        files += 1;
        let Some(row) = HOUSE.iter().find(|row| row.name == room) else {
            wrong.push(format!("{}: the room `{room}` is not in the table", relative.display()));
            continue;
        };
        for path in paths_of(&file, depth_of(&relative)) {
            if let Some(problem) = judge(row, &path) {
                wrong.push(format!("{}: `{}` {problem}", relative.display(), path.join("::")));
            }
        }
    }
    assert!(files > 30, "only {files} files were read");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_forbidden_path_is_found_wherever_it_stands() {
    let row = HOUSE.iter().find(|row| row.name == "domain").unwrap();
    for source in [
        "use tokio::sync::Mutex;",
        "use crate::{domain::id, store::Batch};",
        "fn f() { let _ = ring::rand::SystemRandom::new(); }",
        "fn f() { println!(\"{}\", crate::hub::now()); }",
        "mod a { use super::super::wire::Entry; }",
        "impl prost::Message for X {}",
    ] {
        let paths = paths_in(source, 1);
        assert!(paths.iter().any(|path| judge(row, path).is_some()), "{source}: {paths:?}");
    }
    let fine = "use std::sync::Arc; use super::id::Handle; use crate::domain::time::Time; fn f() { a::b::ring(); }";
    assert!(paths_in(fine, 1).iter().all(|path| judge(row, path).is_none()));
}

#[test]
fn architecture_md_shows_this_table() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let list = |names: &[&str]| match names {
        [] => "—".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    };
    for room in HOUSE {
        let row = format!("\n| `{}` | {} | {} |\n", room.name, list(room.may_use), list(room.never));
        assert!(page.contains(&row), "ARCHITECTURE.md should have the row {row}");
    }
}

#[test]
fn rooms_form_no_circle() {
    let graph: BTreeMap<_, _> = HOUSE.iter().map(|row| (row.name, row.may_use)).collect();
    for start in graph.keys() {
        let mut seen = BTreeSet::new();
        let mut next: Vec<_> = graph[start].to_vec();
        while let Some(room) = next.pop() {
            assert_ne!(room, *start, "{start} may know itself by way of others");
            if seen.insert(room) {
                next.extend(graph[room]);
            }
        }
    }
}

/// What is wrong with a path in a room. The path begins with `crate` or with a crate's name.
fn judge(row: &Room, path: &[String]) -> Option<String> {
    let root = path.first()?.as_str();
    if root != "crate" {
        let async_in_pure = ASYNC.contains(&root) && row.never.contains(&"tokio");
        let driver = DRIVERS.contains(&root) && !DRIVER_USERS.contains(&row.name);
        return (row.never.contains(&root) || async_in_pure || driver)
            .then(|| "is a crate that the room must not use".into());
    }
    let room = path.get(1)?.as_str();
    if room != row.name && !row.may_use.contains(&room) && HOUSE.iter().any(|other| other.name == room) {
        return Some(format!("leads to `{room}`, which `{}` must not know", row.name));
    }
    let inner = path.get(2).map(String::as_str);
    if room == "store" && matches!(inner, Some("memory" | "embedded" | "postgres")) && !ENGINE_USERS.contains(&row.name)
    {
        return Some("names an engine".into());
    }
    if room == "wire" && inner == Some("proto") && !PROTO_USERS.contains(&row.name) {
        return Some("names generated protobuf types".into());
    }
    None
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<PathBuf> {
    walkdir::WalkDir::new(source_root())
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The first part of a file's path below `src`, without `.rs`.
fn room_of(relative: &Path) -> String {
    let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
    first.strip_suffix(".rs").unwrap_or(first).to_owned()
}

fn in_tests(relative: &Path) -> bool {
    let named = |name: &str| matches!(name, "tests" | "tests.rs" | "conformance.rs");
    relative.components().any(|part| part.as_os_str().to_str().is_some_and(named))
}

/// How many `super` lead from a file to the crate's root.
fn depth_of(relative: &Path) -> usize {
    let parts = relative.components().count();
    if relative.file_name().is_some_and(|name| name == "mod.rs") { parts - 1 } else { parts }
}

fn paths_of(file: &Path, depth: usize) -> Vec<Vec<String>> {
    paths_in(&std::fs::read_to_string(file).unwrap(), depth)
}

fn paths_in(source: &str, depth: usize) -> Vec<Vec<String>> {
    let file = syn::parse_file(source).unwrap();
    let mut paths = Paths { found: Vec::new(), depth };
    paths.visit_file(&file);
    paths.found
}

struct Paths {
    found: Vec<Vec<String>>,
    depth: usize,
}

impl Paths {
    /// Keeps a path; `super`s that reach the root become `crate`.
    fn keep(&mut self, path: Vec<String>) {
        let supers = path.iter().take_while(|part| *part == "super").count();
        if supers > 0 && supers >= self.depth {
            let rest = path.into_iter().skip(supers);
            self.found.push(std::iter::once("crate".to_owned()).chain(rest).collect());
        } else {
            self.found.push(path);
        }
    }

    fn walk_use(&mut self, prefix: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.walk_use(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.keep(with(&name.ident)),
            syn::UseTree::Rename(rename) => self.keep(with(&rename.ident)),
            syn::UseTree::Glob(_) => self.keep(prefix.to_vec()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.walk_use(prefix, item)),
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|ident| ident == "test")
    })
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            self.depth += 1;
            syn::visit::visit_item_mod(self, module);
            self.depth -= 1;
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.walk_use(&[], &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            self.keep(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        syn::visit::visit_path(self, path);
    }

    /// A macro's tokens are not paths yet: whatever reads `a :: b` in them counts.
    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        self.visit_path(&invocation.path);
        let text = invocation.tokens.to_string();
        let text = text.replace(" :: ", "::").replace(":: ", "::").replace(" ::", "::");
        let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        for word in text.split(|c| !is_path(c)).filter(|word| word.contains("::")) {
            self.keep(word.split("::").map(str::to_owned).collect());
        }
    }
}
