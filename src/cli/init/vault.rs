//! Where the vault key is, and the key.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::{
    config::{read_vault_key, vault_key_text},
    files::{self, Readable},
    sign::{Random, Secret, sealing::VaultKey},
};

/// Where a development hub keeps its vault key, in its folder.
const INSIDE: &str = "keys/vault.key";

/// Where the vault key is.
pub(super) struct Vault {
    /// As the settings name it.
    pub(super) in_settings: PathBuf,
    inside: bool,
}

impl Vault {
    /// Where the vault key is to be. Outside the hub's folder, unless the hub is for development: who gets hold of the
    /// folder, or of its backup, must not get what opens it.
    pub(super) fn choose(given: Option<&Path>, folder: &Path, development: bool) -> anyhow::Result<Self> {
        let Some(given) = given else {
            return Ok(Self { in_settings: INSIDE.into(), inside: true });
        };
        let path = resolve(given)?;
        match path.strip_prefix(resolve(folder)?) {
            Err(_) => Ok(Self { in_settings: path, inside: false }),
            Ok(within) if development => Ok(Self { in_settings: within.to_owned(), inside: true }),
            Ok(_) => bail!(
                "{} is inside the hub's folder: whoever took the folder could open it; allowed is a file outside, or \
                 --development",
                given.display()
            ),
        }
    }

    /// The key: the one that is there, or a new one.
    pub(super) fn open_or_make(&self, draft: &Path, random: &dyn Random) -> anyhow::Result<VaultKey> {
        let path = if self.inside { draft.join(&self.in_settings) } else { self.in_settings.clone() };
        if !path.exists() {
            let folder = path.parent().context("the vault key needs a folder")?;
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
            files::create(&path, vault_key_text(&Secret::generate(random)?).as_bytes(), Readable::ByOwner)?;
        }
        Ok(read_vault_key(&path)?)
    }
}

/// The path without links, as far as it exists.
fn resolve(path: &Path) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut rest = PathBuf::new();
    for existing in path.ancestors() {
        if let Ok(resolved) = existing.canonicalize() {
            return Ok(if rest.as_os_str().is_empty() { resolved } else { resolved.join(rest) });
        }
        rest = match existing.file_name() {
            Some(name) if rest.as_os_str().is_empty() => PathBuf::from(name),
            Some(name) => Path::new(name).join(rest),
            None => bail!("{} leads out of a folder that is not there", path.display()),
        };
    }
    Ok(path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_key_inside_the_folder_is_for_development_alone() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("hub");
        let link = root.path().join("link");
        std::os::unix::fs::symlink(root.path(), &link).unwrap();
        for inside in [folder.join("vault.key"), folder.join("a/../vault.key"), link.join("hub/vault.key")] {
            // A path with `..` is not resolved where it does not exist; it is refused either way.
            assert!(Vault::choose(Some(&inside), &folder, false).is_err(), "{inside:?}");
        }
        let within = Vault::choose(Some(&link.join("hub/v/vault.key")), &folder, true).unwrap();
        assert_eq!(within.in_settings, Path::new("v/vault.key"));
        let outside = Vault::choose(Some(&root.path().join("vault.key")), &folder, false).unwrap();
        assert!(outside.in_settings.is_absolute() && !outside.inside);
    }
}
