//! Talking to a running server: [`target`] says where it is and as whom, [`wire`] speaks its protocol, [`reply`] reads answers, [`tls`] checks who it is.
//! Used by `verify --against`, and by whatever changes a running server.

pub mod apply;
pub mod reply;
pub mod target;
pub mod tls;
pub mod wire;
