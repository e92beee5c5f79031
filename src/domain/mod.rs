//! The pure core: what the field's words mean and what is allowed. It waits for nothing, reads no clock and knows no
//! storage, transport or key.

pub mod agreement;
pub mod amendment;
pub mod answer;
pub mod calendar;
pub mod catalog;
pub mod condition;
pub mod decide;
pub mod derive;
pub mod directory;
pub mod id;
pub mod identifier;
pub mod issuing;
pub mod lifecycle;
pub mod network;
pub mod outcome;
pub mod quota;
pub mod record;
pub mod rules;
pub mod statement;
pub mod time;
pub mod value;
