//! The log over HTTP, in the layout of C2SP tlog-tiles, for tools that know nothing of Hutong.
//!
//! ```text
//! /checkpoint                      the published checkpoint, a signed note
//! /tile/<L>/<N>[.p/<W>]            hashes
//! /tile/entries/<N>[.p/<W>]        entries, for those with the audit capability
//! /healthz                         whether the hub works
//! /metrics                         counts, for those who administer or audit
//! ```
//!
//! | file | what |
//! |---|---|
//! | `server` | connections, each with a bounded life |
//! | `site` | what is answered to whom |
//! | `metrics` | how the hub is doing |
//! | `content` | bodies, and how long they may be kept |

mod content;
mod metrics;
mod server;
mod site;

pub use server::{Server, serve};
