//! What the hub writes about its work, to stderr.
//!
//! Only this program's own events are written at the level asked for: what libraries trace in detail may contain what
//! passes through them.

use std::panic::PanicHookInfo;

use tracing::{error, level_filters::LevelFilter};
use tracing_subscriber::{Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{Trace, TraceFormat, TraceLevel};

/// Begins to write events as the settings say, and panics as events. A second call changes nothing.
pub fn start(trace: &Trace) {
    let targets =
        Targets::new().with_target(env!("CARGO_CRATE_NAME"), level(trace.level)).with_default(LevelFilter::WARN);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match trace.format {
        TraceFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
        TraceFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    if tracing_subscriber::registry().with(lines.with_filter(targets)).try_init().is_ok() {
        std::panic::set_hook(Box::new(panicked));
    }
}

/// Says where a panic was. Not what it said: that may quote data.
fn panicked(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    error!(location, "panicked");
}

fn level(level: TraceLevel) -> LevelFilter {
    match level {
        TraceLevel::Error => LevelFilter::ERROR,
        TraceLevel::Warn => LevelFilter::WARN,
        TraceLevel::Info => LevelFilter::INFO,
        TraceLevel::Debug => LevelFilter::DEBUG,
        TraceLevel::Trace => LevelFilter::TRACE,
    }
}
