//! What the tests share: a forge of fixed tokens, hosts around the misbehaving component, and a caller.

mod caller;
mod component;
mod forge;
pub mod gated_host;
pub mod gated_storage;
mod guest;
mod inside;
pub mod interleaving;
pub mod snapshot;
pub mod steered;
pub mod tracker;
mod trickle;
mod two_projects;

pub use caller::{Answer, Caller};
pub use forge::StaticForge;
pub use guest::{COMPONENT as TEST_GUEST, GuestHost};
pub use trickle::Trickle;
