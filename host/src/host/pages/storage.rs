//! The storage that a project uses, as pages show it.

use std::sync::Arc;

use maud::{Markup, html};
use mlforge_ui::number::bytes;
use mlforge_ui::time::ago;
use mlforge_ui::words::{fill, filled};

use super::view::{View, signed};
use crate::host::HostState;
use crate::host::usage::Usage;
use crate::storage::ProjectId;

/// The parts of a project's storage that are shown.
pub(super) struct Shown {
    usage: Option<Usage>,
    /// Maximum number of bytes of files. `None`: there is no bound.
    files_max: Option<u64>,
    now_ms: u64,
}

impl HostState {
    /// The storage of a project. A project that was not counted lately is counted in the background.
    pub(super) fn shown_storage(self: &Arc<Self>, project: ProjectId) -> Shown {
        let quota = self.services.quota.as_ref();
        Shown {
            usage: self.usage(project),
            files_max: quota
                .map(|quota| quota.bytes_max(project))
                .filter(|max| *max < u64::MAX),
            now_ms: self.services.now_ms(),
        }
    }
}

impl Shown {
    /// The bytes of records.
    pub(super) fn records(&self, view: &View<'_>) -> Markup {
        html! {
            @match self.usage {
                Some(usage) => (bytes(usage.records)),
                None => (view.words.manage.being_counted),
            }
        }
    }

    /// The bytes of files, and their bound.
    pub(super) fn files(&self, view: &View<'_>) -> Markup {
        let used = self.usage.map(|usage| bytes(usage.files));
        html! {
            @match (used, self.files_max) {
                (Some(used), Some(bytes_max)) => (fill(view.words.manage.of_bound, &[&used, &bytes(bytes_max)])),
                (Some(used), None) => (used),
                (None, _) => (view.words.manage.being_counted),
            }
        }
    }

    /// The time of the count. Nothing while there is none.
    pub(super) fn counted(&self, view: &View<'_>) -> Markup {
        html! {
            @if let Some(usage) = self.usage {
                (filled(view.words.manage.counted, &[ago(view.words, signed(usage.counted_ms), signed(self.now_ms))]))
            }
        }
    }
}
