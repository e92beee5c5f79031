//! Hutong (互通): a data-sharing exchange hub for government departments, with evidence for every act.

pub mod audit;
pub mod bench;
pub mod catalog;
pub mod checkpoints;
pub mod cli;
pub mod client;
pub mod config;
pub mod domain;
pub mod edge;
pub mod examples;
pub mod files;
pub mod grpc;
mod html;
pub mod http;
pub mod hub;
pub mod pki;
pub mod publishing;
pub mod schema;
pub mod seal;
pub mod sign;
pub mod store;
pub mod tabular;
pub mod telemetry;
pub mod tlog;
pub mod wire;
pub mod witness;
