//! The rules that every storage keeps: each is a function of a storage, and each backend runs them all.
//! A rule that a list below leaves out is unused code, which the build refuses.
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

/// Runs the rules of records on what the expression opens, a pair of the storage and what must live as long.
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
            ]
        );
        crate::storage::suite::suite!(
            commits,
            $open,
            [
                raise_stores_the_greater_value_only,
                writes_apply_in_their_order,
                deleting_nothing_is_no_failure,
                checks_compare_versions_and_absence,
                a_conflict_names_the_key_and_changes_nothing,
                a_commit_without_writes_tests_its_checks,
                versions_never_come_back,
                projects_never_see_each_other,
                what_passes_a_limit_is_refused,
                the_largest_of_all_is_stored,
                a_commit_abandoned_by_its_caller_is_whole_or_absent,
                concurrent_commits_lose_nothing,
                readers_see_whole_commits_only,
            ]
        );
        crate::storage::suite::suite!(model, $open, [random_operations_agree_with_a_naive_model]);
    };
}

/// Runs the rules of blobs, likewise: all of them, or those that every storage keeps and some more.
macro_rules! blobs_suite {
    ($open:expr) => {
        crate::storage::suite::blobs_suite!($open, [the_longest_name_is_kept]);
    };
    ($open:expr, [$($more:ident),*]) => {
        crate::storage::suite::suite!(
            blobs,
            $open,
            [
                $($more,)*
                contents_come_back_whole,
                size_and_digest_are_those_of_the_contents,
                staged_bytes_have_no_name,
                a_replacement_is_whole_and_spares_open_readers,
                an_error_in_the_stream_is_the_answer,
                more_than_allowed_is_refused,
                hostile_names_are_refused,
                odd_names_are_kept_apart,
                ranges_of_a_blob_are_delivered,
                time_is_that_of_the_commit,
                listing_shows_one_level_in_byte_order,
                listing_is_paged,
                a_list_without_a_sound_limit_is_refused,
                deletion_removes_the_file_and_empty_directories,
                a_file_and_a_directory_cannot_share_a_name,
                projects_never_see_each_other,
                commits_and_deletions_at_the_same_time_lose_nothing,
            ]
        );
        crate::storage::suite::suite!(
            trees,
            $open,
            [
                files_are_joined_in_the_order_asked,
                the_parts_of_a_file_stay,
                a_file_of_an_absent_part_is_not_made,
                a_joined_file_replaces_another_whole,
                joining_more_than_allowed_is_refused,
                joining_obeys_the_rules_of_names,
                a_directory_goes_with_all_below_and_nothing_else,
                a_directory_that_goes_spares_open_readers,
                where_no_directory_is_none_goes,
                all_of_a_project_goes_and_nothing_of_another,
            ]
        );
    };
}

pub(super) use {blobs_suite, records_suite, suite};
