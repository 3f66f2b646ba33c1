//! A query: a filter, an order and a page of it, for runs and experiments alike.

use crate::domain::lifecycle::View;
use crate::search::cursor::Cursor;
use crate::search::filter::Filter;
use crate::search::order::Order;

/// What to find, and which page of it.
pub struct SearchQuery<A> {
    /// What things must be.
    pub filter: Filter<A>,
    /// In what order they come.
    pub order: Order<A>,
    /// Which stages are shown.
    pub view: View,
    /// The last thing of the page before, if there is one: its place in the listing when the order is the listing's, else its
    /// sort key.
    pub after: Option<Cursor>,
    /// How many things a page has, at least 1.
    pub count: usize,
}
