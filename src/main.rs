//! hutong
fn main() {}
