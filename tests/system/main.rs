//! The program as its users meet it: real `hutong` processes, mutual TLS on loopback, folders that are killed, cut off,
//! filled up, damaged and restored.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod bad_records;
mod bench;
mod catalog;
mod certificates;
mod crash;
mod disk_full;
mod gossip;
mod power;
mod privacy;
mod reads;
mod recovery;
mod rollover;
mod seals;
mod site;
mod trace;
mod witness;
mod witnessed;
mod world;
