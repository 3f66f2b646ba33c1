//! The rules that every storage keeps. Each rule is a function of a storage, and each backend runs them all.
//! A rule that is missing from the lists below is unused code, which the build refuses.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use super::*;

pub(super) mod blobs;
pub(super) mod commits;
pub(super) mod model;
pub(super) mod records;
pub(super) mod trees;

pub(super) const PROJECT: ProjectId = ProjectId(7);
pub(super) const OTHER: ProjectId = ProjectId(u64::MAX);

macro_rules! suite {
    ($module:ident, $open:expr, [$($rule:ident),* $(,)?]) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    let (store, _keep) = $open;
                    crate::storage::suite::$module::$rule(std::sync::Arc::new(store)).await;
                }
            )*
        }
    };
}

/// Runs the rules of records. The expression opens a pair: the storage, and a value that must live as long.
macro_rules! records_suite {
    ($open:expr) => {
        crate::storage::suite::suite!(
            records,
            $open,
            [
                absent_records_have_version_0_and_no_bytes,
                values_come_in_the_order_asked,
                ranges_are_half_open_and_ordered_by_bytes,
                ranges_stop_at_their_limit,
                empty_and_inverted_ranges_hold_nothing,
                a_full_page_is_cut_and_can_be_continued,
                a_page_that_is_just_full_is_not_cut,
                a_cut_between_ranges_names_the_one_not_begun,
                an_entry_larger_than_a_page_is_delivered,
                records_are_measured_in_parts,
            ]
        );
        crate::storage::suite::suite!(
            commits,
            $open,
            [
                raise_stores_the_greater_value_only,
                writes_apply_in_their_order,
                deleting_an_absent_record_succeeds,
                checks_compare_versions_and_absence,
                a_conflict_names_the_key_and_changes_nothing,
                a_commit_without_writes_tests_its_checks,
                versions_are_never_reused,
                projects_never_see_each_other,
                requests_beyond_a_limit_are_refused,
                the_largest_allowed_records_are_stored,
                a_commit_abandoned_by_its_caller_is_whole_or_absent,
                concurrent_commits_lose_nothing,
                readers_see_whole_commits_only,
            ]
        );
        crate::storage::suite::suite!(model, $open, [random_operations_agree_with_a_naive_model]);
    };
}

/// Runs the rules of blobs. Without a list of further rules, it also runs those that not every storage keeps.
macro_rules! blobs_suite {
    ($open:expr) => {
        crate::storage::suite::blobs_suite!($open, [the_longest_name_is_accepted]);
    };
    ($open:expr, [$($more:ident),*]) => {
        crate::storage::suite::suite!(
            blobs,
            $open,
            [
                $($more,)*
                contents_are_read_as_written,
                size_and_digest_are_those_of_the_contents,
                staged_bytes_have_no_name,
                a_replacement_is_whole_and_spares_open_readers,
                staging_returns_the_error_of_its_stream,
                staging_more_than_allowed_is_refused,
                hostile_names_are_refused,
                odd_names_are_kept_apart,
                ranges_of_a_blob_are_delivered,
                the_modification_time_is_that_of_the_commit,
                listing_shows_one_level_in_byte_order,
                listing_is_paged,
                a_listing_with_an_invalid_limit_is_refused,
                deletion_removes_the_file_and_empty_directories,
                a_file_and_a_directory_cannot_share_a_name,
                projects_never_see_each_other,
                concurrent_commits_and_deletions_lose_nothing,
            ]
        );
        crate::storage::suite::suite!(
            trees,
            $open,
            [
                files_are_joined_in_the_order_asked,
                joining_keeps_the_parts,
                joining_an_absent_part_changes_nothing,
                a_joined_file_replaces_another_whole,
                joining_more_than_allowed_is_refused,
                joining_obeys_the_rules_of_names,
                deleting_a_directory_removes_only_what_is_below,
                deleting_a_directory_spares_open_readers,
                deleting_an_absent_directory_changes_nothing,
                deleting_the_root_spares_other_projects,
            ]
        );
    };
}

pub(super) use {blobs_suite, records_suite, suite};
