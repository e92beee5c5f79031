//! A file system of the test's own, in a file: ext4 over a loop device.

use std::{
    fs::File,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

/// A mounted file system. It is unmounted when it is dropped.
pub(crate) struct Volume {
    image: PathBuf,
    pub(crate) mounted_at: PathBuf,
    /// Removed when nothing is mounted in it any more.
    _folder: tempfile::TempDir,
}

/// How often an unmount is tried while the system still holds the volume.
const UNMOUNTS: usize = 50;

impl Volume {
    /// Makes and mounts one of `bytes`; says why not where that is not allowed.
    pub(crate) fn make(bytes: u64) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (image, mounted_at) = (folder.path().join("volume.img"), folder.path().join("volume"));
        let volume = Self { image, mounted_at, _folder: folder };
        File::create_new(&volume.image).and_then(|file| file.set_len(bytes)).map_err(|error| error.to_string())?;
        std::fs::create_dir(&volume.mounted_at).map_err(|error| error.to_string())?;
        run("mkfs.ext4", |command| command.args(["-q", "-F"]).arg(&volume.image))?;
        volume.mount()?;
        Ok(volume)
    }

    /// Mounts it, whose journal is replayed first.
    pub(crate) fn mount(&self) -> Result<(), String> {
        run("mount", |command| command.args(["-o", "loop"]).arg(&self.image).arg(&self.mounted_at))
    }

    /// Unmounts it.
    pub(crate) fn unmount(&self) {
        let mut last = String::new();
        for _ in 0..UNMOUNTS {
            match run("umount", |command| command.arg(&self.mounted_at)) {
                Ok(()) => return,
                Err(error) => last = error,
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("{last}");
    }

    /// Cuts its power: from now on nothing is written, and what was not synced is lost.
    pub(crate) fn cut_power(&self) -> Result<(), String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/system/shutdown_fs.py");
        run("python3", |command| command.arg(script).arg(&self.mounted_at))
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // It may not be mounted; whoever still uses it keeps it until it ends.
        let _ = run("umount", |command| command.arg("-l").arg(&self.mounted_at));
    }
}

fn run(program: &str, arguments: impl FnOnce(&mut Command) -> &mut Command) -> Result<(), String> {
    let mut command = Command::new(program);
    let output = arguments(&mut command).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
