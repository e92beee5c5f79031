//! How the story is told: to people in lines, to machines in JSON, one object on a line.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    time::Instant,
};

use serde_json::{Map, Value, json};

/// Tells the story.
pub(super) struct Narration {
    json: bool,
    colour: bool,
    act: &'static str,
    acts: u32,
    steps: u32,
    began: Instant,
}

impl Narration {
    pub(super) fn new(json: bool) -> Self {
        let colour = !json && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colour, act: "", acts: 0, steps: 0, began: Instant::now() }
    }

    /// Begins an act.
    pub(super) fn act(&mut self, title: &'static str, subtitle: &str) -> anyhow::Result<()> {
        self.act = title;
        self.acts += 1;
        if !self.json {
            let title = self.paint("1;36", &format!("{}. {title}", self.acts));
            self.line(&format!("\n{title}: {subtitle}"))?;
        }
        Ok(())
    }

    /// Tells of a step that came out as it had to.
    pub(super) fn step(&mut self, told: &str) -> anyhow::Result<()> {
        self.step_with(told, Map::new())
    }

    /// The same, with figures for machines.
    pub(super) fn step_with(&mut self, told: &str, figures: Map<String, Value>) -> anyhow::Result<()> {
        self.steps += 1;
        if self.json {
            let mut object = Map::from_iter([
                ("step".to_owned(), json!(self.steps)),
                ("act".to_owned(), json!(self.act)),
                ("told".to_owned(), json!(told)),
            ]);
            object.extend(figures);
            return self.line(&Value::Object(object).to_string());
        }
        let mark = self.paint("32", "✓");
        let mut lines = told.lines();
        self.line(&format!("   {mark} {}", lines.next().unwrap_or_default()))?;
        lines.try_for_each(|line| self.line(&format!("     {line}")))
    }

    /// Shows a command that does the same by hand.
    pub(super) fn command(&mut self, command: &str) -> anyhow::Result<()> {
        if self.json {
            return Ok(());
        }
        let command = self.paint("2", &format!("$ hutong {command}"));
        self.line(&format!("     {command}"))
    }

    /// Ends the story.
    pub(super) fn end(&mut self, kept: Option<&Path>) -> anyhow::Result<()> {
        let seconds = self.began.elapsed().as_secs_f64();
        if self.json {
            let kept = kept.map(|path| path.display().to_string());
            return self
                .line(&json!({ "steps": self.steps, "ok": true, "seconds": seconds, "kept": kept }).to_string());
        }
        let title = self.paint("1;32", &format!("All {} steps came out as told", self.steps));
        self.line(&format!("\n{title}, in {seconds:.1} s."))?;
        match kept {
            Some(path) => {
                self.line(&format!("Everything is in {0}; {0}/README.md says what to try next.", path.display()))
            }
            None => self.line("Nothing was kept; `hutong demo --keep DIR` leaves it all to look at."),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn line(&self, line: &str) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        Ok(out.flush()?)
    }
}
