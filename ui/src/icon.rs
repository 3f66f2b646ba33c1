//! The icons, each drawn in place: 16 pixels, in the colour of the text around it.

use maud::{Markup, html};

/// An icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// The product.
    Mark,
    /// Finished well.
    Ok,
    /// Failed.
    Fail,
    /// Killed.
    Kill,
    /// Running.
    Run,
    /// Sorted downwards.
    Descending,
    /// Sorted upwards.
    Ascending,
    /// Open: its children are below.
    Open,
    /// Closed, or onwards.
    Shut,
    /// Columns.
    Columns,
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A commit.
    Commit,
    /// A merge request.
    MergeRequest,
    /// From one thing to another.
    To,
}

impl Icon {
    /// Draws the icon. Screen readers skip it, so a word stands beside it.
    pub fn draw(self) -> Markup {
        html! { svg.i viewBox="0 0 16 16" aria-hidden="true" { (self.shapes()) } }
    }

    fn shapes(self) -> Markup {
        let path = |d: &str| html! { path d=(d) {} };
        let ring = || html! { circle cx="8" cy="8" r="6.25" {} };
        match self {
            Icon::Mark => path(
                "M1 6.5h4V5h11c-.2 3.2-2.4 4.6-5 5v1.2c0 1.3.8 2 2.5 2.4V15H5.5v-1.4C7.2 13.2 8 12.5 8 11.2v-1C4.5 10 1.6 9 1 6.5z",
            ),
            Icon::Ok => html! { (ring()) (path("m5.2 8.2 2 2 3.7-4.2")) },
            Icon::Fail => html! { (ring()) (path("m5.9 5.9 4.2 4.2m0-4.2-4.2 4.2")) },
            Icon::Kill => html! { (ring()) path d="M6 6h4v4H6z" fill="currentColor" {} },
            Icon::Run => html! {
                g.spin { circle cx="8" cy="8" r="6.25" opacity=".3" {} (path("M8 1.75A6.25 6.25 0 0 1 14.25 8")) }
            },
            Icon::Descending => path("M8 3v10M4 9l4 4 4-4"),
            Icon::Ascending => path("M8 13V3M4 7l4-4 4 4"),
            Icon::Open => path("m4 6 4 4 4-4"),
            Icon::Shut => path("m6 4 4 4-4 4"),
            Icon::Columns => path("M2.5 3.5h11v9h-11zM6.2 3.5v9M9.8 3.5v9"),
            Icon::Directory => path("M1.75 4v8.5h12.5V5.5H8L6.5 3.5H1.75z"),
            Icon::File => path("M3.5 1.75h6l3 3v9.5h-9zM9.5 1.75v3h3"),
            Icon::Commit => html! { circle cx="8" cy="8" r="2.75" {} (path("M1.5 8h3.7m5.6 0h3.7")) },
            Icon::MergeRequest => html! {
                circle cx="4" cy="4" r="1.75" {} circle cx="4" cy="12" r="1.75" {} circle cx="12" cy="12" r="1.75" {}
                (path("M4 5.75v4.5M12 10.25V6.5Q12 4 9.5 4H8m1.5-2L7.5 4l2 2"))
            },
            Icon::To => path("M2.5 8h11m-4-4 4 4-4 4"),
        }
    }
}
