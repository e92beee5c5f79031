//! `hutong profile check`.

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{Exit, Output, Row, Run, block_on, now, system::AsSystem},
    client::{Client, HubDescription, Profile},
    domain::{
        directory::{Capability, Directory},
        id::KeyId,
        time::Time,
    },
    wire,
};

/// How far this machine's clock may be from the hub's before it is said: half of what the hub itself takes.
const CLOCK_SECONDS: i64 = 150;

/// Try a profile step by step, and say what to do about the first thing that is wrong
///
/// Reads only. It ends with 0 when the system is ready to work.
#[derive(Args)]
pub(in crate::cli) struct Check {
    #[command(flatten)]
    as_system: AsSystem,
}

/// One step, and what came of it.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Step {
    step: &'static str,
    holds: bool,
    found: String,
}

impl Row for Step {
    const HEADINGS: &'static [&'static str] = &["STEP", "", "FOUND"];

    fn cells(&self) -> Vec<String> {
        vec![self.step.to_owned(), if self.holds { "ok" } else { "FAIL" }.to_owned(), self.found.clone()]
    }
}

/// The steps so far; the first that fails is the last.
#[derive(Default)]
struct Steps(Vec<Step>);

impl Steps {
    /// Notes what came of a step, and gives what it led to.
    fn take<T>(&mut self, step: &'static str, came: Result<(T, String), String>) -> Option<T> {
        let (holds, found, value) = match came {
            Ok((value, found)) => (true, found, Some(value)),
            Err(why) => (false, why, None),
        };
        self.0.push(Step { step, holds, found });
        value
    }
}

impl Run for Check {
    fn run(self, output: &Output) -> anyhow::Result<Exit> {
        let mut steps = Steps::default();
        let done = block_on(async { Ok(self.walk(&mut steps).await) })?;
        output.list(&steps.0)?;
        Ok(if done.is_some() { Exit::Success } else { Exit::Findings })
    }
}

impl Check {
    async fn walk(&self, steps: &mut Steps) -> Option<()> {
        let read = Profile::read(&self.as_system.profile);
        let profile = read.map(|profile| (profile.system().to_string(), profile));
        let profile = profile.map(|(system, profile)| (profile, system)).map_err(|error| error.to_string());
        let profile = steps.take("profile", profile)?;
        let client = Client::connect(&profile).await;
        let client = client.map(|client| (client, "connected".to_owned())).map_err(|error| error.to_string());
        let client = steps.take("connection", client)?;
        let asked = client.hub().await.map_err(|error| error.to_string());
        let hub = steps.take("hub", asked.and_then(|hub| of_this_hub(&profile, hub)))?;
        steps.take("clock", now().map_err(|error| error.to_string()).and_then(|now| of_this_time(&hub, now)))?;
        let directory = client.department(profile.system().department()).await.map_err(|error| error.to_string());
        let directory = steps.take(
            "department",
            directory.map(|directory| {
                let name = directory.departments.values().next().cloned().unwrap_or_default();
                (directory, name)
            }),
        )?;
        steps.take("signing key", of_this_key(&profile, &directory))?;
        steps.take("capabilities", of_these_capabilities(&profile, &directory))
    }
}

fn of_this_hub(profile: &Profile, hub: HubDescription) -> Result<(HubDescription, String), String> {
    for (key, ours, theirs) in [
        ("hub_domain", profile.hub_domain().as_str(), hub.hub.as_str()),
        ("log_vkey", &*profile.log_key().vkey().to_string(), hub.log_vkey.as_str()),
    ] {
        if ours != theirs {
            return Err(format!(
                "`{key}` in the profile is {ours}, the hub says {theirs}: ask the administrator, over a channel you trust, which is right"
            ));
        }
    }
    let found = format!("{} {}", hub.hub, hub.version);
    Ok((hub, found))
}

fn of_this_time(hub: &HubDescription, now: Time) -> Result<((), String), String> {
    let Some(theirs) = hub.time else { return Ok(((), "the hub did not tell its time".to_owned())) };
    let ahead = now.as_seconds() - theirs.as_seconds();
    match ahead.abs() {
        off if off > CLOCK_SECONDS => Err(format!(
            "this machine's clock is {off} s {} the hub's: set it, best by NTP; statements that are too far off are refused",
            if ahead > 0 { "ahead of" } else { "behind" }
        )),
        off => Ok(((), format!("within {} s of the hub's", off + 1))),
    }
}

fn of_this_key(profile: &Profile, directory: &Directory) -> Result<((), String), String> {
    let kid = KeyId(*profile.signing_key().verifying_key().thumbprint());
    let text = wire::kid_to_text(&kid);
    match directory.keys.get(&kid) {
        None => Err(format!(
            "{text} is not registered: hand its key request, of `hutong key new` or `hutong key request`, to an administrator"
        )),
        Some(key) if key.system != *profile.system() => {
            Err(format!("{text} is registered for {}: name this system's own key as `signing_key`", key.system))
        }
        Some(key) => match key.retired_index {
            Some(entry) => Err(format!("{text} was retired by entry {entry}: name the newer key as `signing_key`")),
            None => Ok(((), format!("{text}, registered by entry {}", key.registered_index))),
        },
    }
}

fn of_these_capabilities(profile: &Profile, directory: &Directory) -> Result<((), String), String> {
    let system = directory.systems.get(profile.system());
    let may: Vec<_> = system.iter().flat_map(|system| &system.capabilities).copied().map(Capability::as_str).collect();
    if may.is_empty() {
        return Err("none: an administrator grants them with `hutong department register … --capability`".to_owned());
    }
    let needs_secret = may.contains(&"publish") || may.contains(&"query");
    if needs_secret && profile.secret().is_err() {
        return Err(format!("{}; but the profile has no `secret`, which publishing and querying need", may.join(", ")));
    }
    Ok(((), may.join(", ")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_named_with_its_direction() {
        let at = |seconds: i64| Time::from_millis(seconds * 1_000).unwrap();
        let hub = HubDescription {
            hub: String::new(),
            trust_domain: String::new(),
            origin: String::new(),
            log_vkey: String::new(),
            genesis_leaf_hash: Vec::new(),
            version: String::new(),
            time: Some(at(10_000)),
        };
        assert!(of_this_time(&hub, at(10_000 + CLOCK_SECONDS)).is_ok());
        for (now, said) in [(at(10_000 + CLOCK_SECONDS + 1), "ahead of"), (at(9_000), "1000 s behind")] {
            assert!(of_this_time(&hub, now).unwrap_err().contains(said), "{said}");
        }
    }
}
