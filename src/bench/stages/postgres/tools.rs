//! PostgreSQL's programs: where they are, and as whom the server may run.

use std::{
    env, fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

/// Where Debian and others put the programs of each version, which are not on the PATH.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The programs, and as whom they run.
pub(super) struct Tools {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
    pub(super) psql: PathBuf,
    pub(super) pgbench: PathBuf,
    user: Option<User>,
}

/// Somebody without privileges: the server refuses to run as root.
struct User {
    name: String,
    uid: u32,
    gid: u32,
}

impl Tools {
    /// Looks for them.
    pub(super) fn find() -> anyhow::Result<Self> {
        let folders = folders();
        let find = |name: &str| {
            let found = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
            found.with_context(|| format!("{name} is neither on the PATH nor under {VERSIONS}"))
        };
        Ok(Self {
            initdb: find("initdb")?,
            postgres: find("postgres")?,
            psql: find("psql")?,
            pgbench: find("pgbench")?,
            user: if rustix::process::geteuid().is_root() { Some(User::find()?) } else { None },
        })
    }

    /// A command, run as whoever may.
    pub(super) fn command(&self, program: &Path) -> Command {
        match &self.user {
            None => Command::new(program),
            Some(User { uid, gid, .. }) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups").arg(program);
                command
            }
        }
    }

    /// Gives a file or folder to whoever runs the server.
    pub(super) fn give(&self, path: &Path) -> anyhow::Result<()> {
        if let Some(User { uid, gid, .. }) = &self.user {
            chown(path, Some(*uid), Some(*gid))?;
        }
        Ok(())
    }

    /// Lets whoever runs the server through to a folder in the run's own one. Only the way through is opened, not what else is in it.
    pub(super) fn let_through(&self, root: &Path, folder: &Path) -> anyhow::Result<()> {
        let Some(User { name, .. }) = &self.user else { return Ok(()) };
        let mode = fs::metadata(root)?.mode();
        fs::set_permissions(root, fs::Permissions::from_mode(mode | 0o001))?;
        let seen = self.command(Path::new("test")).arg("-w").arg(folder).status()?;
        if !seen.success() {
            bail!("{name}, as whom the server would run, cannot come to {}", folder.display());
        }
        Ok(())
    }
}

/// The folders of the PATH, then those of each version, the newest first.
fn folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(VERSIONS)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    // A version's own programs come first: what is on the PATH may be a wrapper, or of another version.
    versions.into_iter().map(|(_, folder)| folder).chain(env::split_paths(&path)).collect()
}

impl User {
    /// PostgreSQL's own user, or nobody.
    fn find() -> anyhow::Result<Self> {
        if Command::new("setpriv").arg("--version").output().is_err() {
            bail!("PostgreSQL does not run as root, and setpriv, by which it would run as somebody else, is not there");
        }
        let users = fs::read_to_string("/etc/passwd")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| user(&users, name))
            .context("there is no user postgres and no nobody")
    }
}

/// A user of `/etc/passwd`.
fn user(users: &str, name: &str) -> Option<User> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut ids = line.split(':').skip(2).map_while(|id| id.parse().ok());
    Some(User { name: name.to_owned(), uid: ids.next()?, gid: ids.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:8::/:/bin/sh\npostgres:x:101:104:PostgreSQL:/var:/bin/bash\n";
        let found = user(users, "postgres").map(|user| (user.uid, user.gid));
        assert_eq!(found, Some((101, 104)));
        assert!(user(users, "nobody").is_none() && user("postgres:x", "postgres").is_none());
    }
}
