//! The pure core: what the field's words mean and what is allowed. It waits for nothing, reads no clock and knows no
//! storage, transport or key.

pub mod derive;
pub mod identifier;
