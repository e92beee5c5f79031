//! Behaviour of the edge over real connections.
