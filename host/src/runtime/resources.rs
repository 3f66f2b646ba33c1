//! The resources of `wit/` that the host defines. The generated bindings name them, and `imports/` implements
//! them.

use crate::storage::Staged;

/// A `staged` resource.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Received(pub(super) Box<dyn Staged>);
