//! A query for runs or experiments: a filter, an order and a page.

use crate::domain::lifecycle::View;
use crate::search::cursor::Cursor;
use crate::search::filter::Filter;
use crate::search::order::Order;

/// A search and the page of it that is asked for.
pub struct SearchQuery<A> {
    /// The condition that each result meets.
    pub filter: Filter<A>,
    /// The order of the results.
    pub order: Order<A>,
    /// The lifecycle stages that are shown.
    pub view: View,
    /// The last result of the page before. `None`: the first page. It is a cursor of the listing when the
    /// order is the listing's, else a sort key.
    pub after: Option<Cursor>,
    /// Number of results of a page, at least 1.
    pub count: usize,
}
