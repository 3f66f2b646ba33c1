//! Random changes, compared with a plain map. Afterwards sums, directories and objects are those of the files.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::storage::suite::blobs::{list, stream};

#[derive(Clone, Debug)]
enum Step {
    Put(String, u8),
    Delete(String),
    DeleteBelow(String),
    Join(Vec<String>, String),
    Collect,
}

fn name() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![Just("a"), Just("a-"), Just("b")], 1..4).prop_map(|name| name.join("/"))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (name(), 0..20_u8).prop_map(|(name, size)| Step::Put(name, size)),
        2 => name().prop_map(Step::Delete),
        1 => prop_oneof![name(), Just(String::new())].prop_map(Step::DeleteBelow),
        2 => (proptest::collection::vec(name(), 0..4), name()).prop_map(|(parts, name)| Step::Join(parts, name)),
        1 => Just(Step::Collect),
    ]
}

type Files = BTreeMap<String, Vec<u8>>;

fn is_below(name: &str, directory: &str) -> bool {
    directory.is_empty() || name.starts_with(&format!("{directory}/"))
}

/// True if the name is neither that of a directory, nor below a file.
fn fits(files: &Files, name: &str) -> bool {
    !files.keys().any(|other| is_below(other, name) || is_below(name, other))
}

async fn follow(store: &S3Blobs, files: &mut Files, step: Step) {
    match step {
        Step::Put(name, size) => {
            let contents: Vec<u8> = (0..size).collect();
            let bytes = stream(vec![Ok(contents.clone().into())]);
            let staged = store.stage(PROJECT, bytes, u64::MAX).await.unwrap();
            let done = store.commit(PROJECT, staged, &name).await;
            assert_eq!(done.is_ok(), fits(files, &name), "{name}: {done:?}");
            if done.is_ok() {
                files.insert(name, contents);
            }
        }
        Step::Delete(name) => {
            assert_eq!(
                store.delete(PROJECT, &name).await.unwrap(),
                files.remove(&name).is_some()
            );
        }
        Step::DeleteBelow(directory) => {
            let before = files.len();
            files.retain(|name, _| !is_below(name, &directory));
            let is_gone = store.delete_below(PROJECT, &directory).await.unwrap();
            assert_eq!(is_gone, files.len() < before, "{directory}");
        }
        Step::Join(parts, name) => {
            let all: Option<Vec<u8>> = parts
                .iter()
                .map(|part| files.get(part))
                .collect::<Option<Vec<_>>>()
                .map(|parts| parts.into_iter().flatten().copied().collect());
            match (store.join(PROJECT, &parts, &name, u64::MAX).await, all) {
                (Ok(true), Some(all)) if fits(files, &name) => _ = files.insert(name, all),
                (Ok(false), None) => {}
                (Err(StorageError::InvalidName(_)), Some(_)) if !fits(files, &name) => {}
                other => panic!("{other:?}"),
            }
        }
        Step::Collect => collect_young(store).await,
    }
}

/// Collects as a day later, but without making the objects of this test too old to get a name.
async fn collect_young(store: &S3Blobs) {
    let before_ms = object_id::now_ms() + 1;
    let collected = collection::pass_before(&store.bucket, &store.index, PROJECT, before_ms).await;
    collected.unwrap();
    // An object made from now on is not older.
    while object_id::now_ms() < before_ms {
        tokio::task::yield_now().await;
    }
}

async fn compare(store: &S3Blobs, files: &Files) {
    let bytes: usize = files.values().map(Vec::len).sum();
    assert_eq!(usage(store).await, (files.len() as u64, bytes as u64));
    for (name, contents) in files {
        assert_eq!(whole(store, name).await.as_ref(), Some(contents), "{name}");
    }
    let mut directories = BTreeSet::from([String::new()]);
    for (end, name) in files
        .keys()
        .flat_map(|name| name.match_indices('/').map(move |(end, _)| (end, name)))
    {
        directories.insert(name[..end].to_owned());
    }
    for directory in &directories {
        let mut expected = BTreeMap::new();
        for (name, contents) in files.iter().filter(|(name, _)| is_below(name, directory)) {
            let rest = name[directory.len()..].trim_start_matches('/');
            match rest.split_once('/') {
                Some((first, _)) => expected.insert(first.to_owned(), None),
                None => expected.insert(rest.to_owned(), Some(contents.len() as u64)),
            };
        }
        assert_eq!(
            list(store, directory).await,
            expected.into_iter().collect::<Vec<_>>(),
            "{directory}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_changes_agree_with_a_plain_map() {
    let config = ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    tokio::task::block_in_place(|| {
        let run = |steps: Vec<Step>| {
            tokio::runtime::Handle::current().block_on(async {
                let ((store, fake), mut files) = (fresh().await, Files::new());
                for step in steps {
                    follow(&store, &mut files, step).await;
                    compare(&store, &files).await;
                }
                store.delete_below(PROJECT, "").await.unwrap();
                compare(&store, &Files::new()).await;
                collect_all(&store).await;
                assert_eq!(fake.keys(), [String::new(); 0]);
            });
            Ok(())
        };
        TestRunner::new(config)
            .run(&proptest::collection::vec(step(), 1..25), run)
            .unwrap();
    });
}
