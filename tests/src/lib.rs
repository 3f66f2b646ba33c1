//! What the tests share: a forge of fixed tokens, hosts around the misbehaving component, and a caller.

mod caller;
mod forge;
mod guest;
mod inside;
pub mod steered;
pub mod tracker;
mod two_projects;

pub use caller::{Answer, Caller};
pub use forge::StaticForge;
pub use guest::{COMPONENT as TEST_GUEST, GuestHost};
