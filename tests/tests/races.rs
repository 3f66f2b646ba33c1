//! Pairs of concurrent operations are serializable. In any order of their reads and commits, answers and
//! stored data match one operation after the other.

mod fixture;
mod matrix;
mod operations;
mod regressions;

use std::collections::BTreeMap;

use fixture::Fixture;
use mlforge_tests::gated_host::GatedHost;
use mlforge_tests::gated_storage::Trace;
use mlforge_tests::interleaving::{Operation, explore, trace};
use mlforge_tests::snapshot::Snapshot;

/// An environment variable with names of operations, separated by `|`. Only pairs of these are explored.
const ONLY: &str = "MLFORGE_TEST_RACE";

/// Runs an async test.
fn block_on<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(test)
}

/// Explores pairs of operations, each from a copy of `initial`.
async fn race(host: &GatedHost, initial: &Snapshot, pairs: impl Iterator<Item = [&Operation; 2]>) {
    let only = std::env::var(ONLY).ok();
    let is_chosen = |name: &str| {
        only.as_deref()
            .is_none_or(|only| only.split('|').any(|chosen| chosen == name))
    };
    let mut traces: BTreeMap<&str, Trace> = BTreeMap::new();
    let (mut interleavings, mut violations) = (0, Vec::new());
    for [one, two] in pairs.filter(|pair| pair.iter().all(|operation| is_chosen(operation.name))) {
        for operation in [one, two] {
            if !traces.contains_key(operation.name) {
                traces.insert(operation.name, trace(host, initial, operation).await);
            }
        }
        let report = explore(host, initial, [one, two], [&traces[one.name], &traces[two.name]]).await;
        interleavings += report.interleavings;
        if let Some(violation) = report.violations.first() {
            let (count, names) = (report.violations.len(), [one.name, two.name]);
            violations.push(format!(
                "{count} of {} interleavings of {names:?}, such as\n{violation}",
                report.interleavings
            ));
        }
    }
    assert!(only.is_some() || interleavings > 100, "{interleavings} interleavings");
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// All pairs of some operations, also each with itself.
fn pairs(operations: &[Operation]) -> impl Iterator<Item = [&Operation; 2]> {
    let with_later = |(index, one)| operations[index..].iter().map(move |two| [one, two]);
    operations.iter().enumerate().flat_map(with_later)
}

/// Explores every second pair of all operations. Two tests share the work, so that they run concurrently.
async fn race_half(half: usize) {
    let host = GatedHost::fresh();
    let fixture = Fixture::make(&host).await;
    let all = operations::all(&fixture);
    race(&host, &fixture.initial, pairs(&all).skip(half).step_by(2)).await;
}

#[test]
fn the_first_half_of_the_pairs_is_serializable() {
    block_on(race_half(0));
}

#[test]
fn the_second_half_of_the_pairs_is_serializable() {
    block_on(race_half(1));
}

#[test]
fn the_first_operations_of_an_empty_project_are_serializable() {
    let initial = Snapshot::default();
    block_on(race(&GatedHost::fresh(), &initial, pairs(&operations::first_ones())));
}

#[test]
fn operations_on_a_run_are_serializable_with_its_deletion_and_purge() {
    block_on(async {
        let host = GatedHost::fresh();
        let fixture = Fixture::make(&host).await;
        let (operations, deletion) = (operations::of_run(&fixture), operations::delete_for_good(&fixture));
        let pairs = operations.iter().map(|operation| [operation, &deletion]);
        race(&host, &fixture.initial, pairs).await;
    });
}
