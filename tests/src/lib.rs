//! Shared tools of the tests: a forge of fixed tokens, hosts of the misbehaving component, a tracker, and a
//! caller.

mod caller;
mod ci;
mod component;
pub mod counted_records;
pub mod direct_store;
mod foreign_server;
mod forge;
pub mod gated_host;
pub mod gated_storage;
mod guest;
pub mod intercepted_blobs;
pub mod intercepted_records;
pub mod interleaving;
mod own_host;
mod record_store;
mod replay;
pub mod snapshot;
pub mod tracker;
mod tracker_internals;
mod trickle;
mod two_projects;

pub use caller::{Answer, Caller};
pub use ci::{Ci, GotStatus};
pub use forge::StaticForge;
pub use guest::{COMPONENT as TEST_GUEST, GuestHost};
pub use mlforge_bench::dice::Dice;
pub use trickle::Trickle;
