//! The hub without its transport: what each kind of statement leads to, and what the log then holds.

mod answers;
mod copies;
mod issuing;
mod licences;
mod life;
mod openings;
mod order;
mod rebuild;
mod rollover;
mod simulation;
mod terms;
mod world;
