//! `hutong init` and `hutong serve`, as a person runs them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

const ADMINISTRATOR: [&str; 4] = ["--administrator-uscc", "11100000000013338W", "--administrator-name", "某市数据局"];

fn hutong(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hutong")).current_dir(folder).args(args).output().unwrap()
}

fn init(folder: &Path, more: &[&str]) -> Output {
    let args = [&["init", "hub", "--domain", "hub.example", "--listen", "127.0.0.1:0"][..], &ADMINISTRATOR, more];
    hutong(folder, &args.concat())
}

fn assert_fails(output: &Output, code: i32, message: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(message), "{said}");
}

fn serve(folder: &Path) -> Child {
    let mut hub = Command::new(env!("CARGO_BIN_EXE_hutong"))
        .current_dir(folder)
        .args(["serve", "hub"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(hub.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("listening on 127.0.0.1:"), "{line}");
    hub
}

#[test]
fn a_development_hub_is_made_served_once_and_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let made = init(folder.path(), &["--development"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let hub = folder.path().join("hub");
    let mode = |path: &str| fs::metadata(hub.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    for secret in ["keys/log.key.jwk", "keys/vault.key", "tls/server.key", "pki/ca.key", "profiles/administrator.key"] {
        assert_eq!(mode(secret), 0o600, "{secret}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside the folder");

    let mut running = serve(folder.path());
    assert_fails(&hutong(folder.path(), &["serve", "hub"]), 70, "in use by another process");
    // The signal that process supervisors send; the standard library can only kill.
    assert!(Command::new("kill").arg(running.id().to_string()).status().unwrap().success());
    assert!(running.wait().unwrap().success());
    assert_fails(&init(folder.path(), &["--development"]), 73, "is a hub's folder already");
}

#[test]
fn a_folder_in_use_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("hub")).unwrap();
    fs::write(folder.path().join("hub/letter"), "dear").unwrap();
    assert_fails(&init(folder.path(), &["--development"]), 73, "is not empty");
    assert_eq!(fs::read_dir(folder.path().join("hub")).unwrap().count(), 1);
}

#[test]
fn a_vault_key_inside_the_folder_needs_development() {
    let folder = tempfile::tempdir().unwrap();
    let system = "spiffe://hub.example/department/11440399X000000350/system/a";
    let new = ["key", "new", "--hub", "hub.example", "--system", system, "--out", "a.key.jwk"];
    assert!(hutong(folder.path(), &new).status.success());
    let key = ["--administrator-key", "a.pub.jwk"];
    let refused = init(folder.path(), &[&key[..], &["--vault-key", "hub/vault.key"]].concat());
    assert_fails(&refused, 78, "is inside the hub's folder");
    assert!(!folder.path().join("hub").exists());
    let made = init(folder.path(), &[&key[..], &["--vault-key", "vault.key"]].concat());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(!folder.path().join("hub/profiles").exists(), "no key was made here, and so no profile");
}

#[test]
fn settings_of_another_hub_or_with_an_unknown_key_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(init(folder.path(), &["--development"]).status.success());
    let path = folder.path().join("hub/hutong.toml");
    let settings = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("lsten = \"127.0.0.1:1\"\n{settings}")).unwrap();
    assert_fails(
        &hutong(folder.path(), &["serve", "hub"]),
        78,
        "hub/hutong.toml, line 1, column 1: unknown field `lsten`",
    );
    fs::write(&path, settings.replace("trust_domain = \"hub.example\"", "trust_domain = \"other.example\"")).unwrap();
    assert_fails(&hutong(folder.path(), &["serve", "hub"]), 78, "since genesis");
}
