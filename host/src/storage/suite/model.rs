//! Applies random operations to a storage and to a plain map, which must agree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::records::entries;
use super::*;

type Key = Vec<u8>;

/// The version that a check expects, resolved when the check is made.
#[derive(Clone, Copy, Debug)]
enum Expected {
    Right,
    Absent,
    Former,
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<(Key, Expected)>, Vec<Write>),
    Get(Vec<Key>),
    Scan(Vec<Range>),
}

#[derive(Default)]
struct Model {
    records: BTreeMap<Key, (Version, Vec<u8>)>,
    given: BTreeMap<Key, BTreeSet<Version>>,
}

fn key() -> impl Strategy<Value = Key> {
    vec(prop_oneof![Just(0), Just(1), Just(0x7f), Just(0x80), Just(0xff)], 1..3)
}

fn write() -> impl Strategy<Value = Write> {
    let value = || vec(any::<u8>(), 0..3);
    prop_oneof![
        (key(), value()).prop_map(|(key, value)| Write::Put(key, value)),
        (key(), value()).prop_map(|(key, value)| Write::PutMax(key, value)),
        key().prop_map(Write::Delete),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let expected = prop_oneof![4 => Just(Expected::Right), 1 => Just(Expected::Absent), 1 => Just(Expected::Former)];
    let bound = || vec(any::<u8>(), 0..3);
    let range = (
        prop_oneof![key(), bound()],
        prop_oneof![key(), bound()],
        0..9_u32,
        any::<bool>(),
    )
        .prop_map(|(start, end, limit, reverse)| Range {
            start,
            end,
            limit,
            reverse,
        });
    prop_oneof![
        3 => (vec((key(), expected), 0..3), vec(write(), 0..5)).prop_map(|(checks, writes)| Step::Commit(checks, writes)),
        1 => vec(key(), 0..5).prop_map(Step::Get),
        1 => vec(range, 0..4).prop_map(Step::Scan),
    ]
}

pub(in crate::storage) async fn random_operations_agree_with_a_naive_model(store: Arc<impl Records>) {
    let projects = AtomicU64::new(1000);
    let config = ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    tokio::task::block_in_place(|| {
        let run = |steps: Vec<Step>| {
            let project = ProjectId(projects.fetch_add(1, Ordering::Relaxed));
            tokio::runtime::Handle::current().block_on(Model::default().follow(&*store, project, steps));
            Ok(())
        };
        TestRunner::new(config).run(&vec(step(), 1..25), run).unwrap();
    });
}

impl Model {
    async fn follow(mut self, store: &impl Records, project: ProjectId, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Commit(checks, writes) => self.commit(store, project, checks, writes).await,
                Step::Get(keys) => self.get(store, project, keys).await,
                Step::Scan(ranges) => self.scan(store, project, ranges).await,
            }
        }
    }

    fn version(&self, key: &Key) -> Version {
        self.records.get(key).map_or(0, |(version, _)| *version)
    }

    async fn commit(
        &mut self,
        store: &impl Records,
        project: ProjectId,
        checks: Vec<(Key, Expected)>,
        writes: Vec<Write>,
    ) {
        let resolve = |(key, expected)| match expected {
            Expected::Right => Check {
                version: self.version(&key),
                key,
            },
            Expected::Absent => Check { version: 0, key },
            Expected::Former => Check {
                version: self.given.get(&key).map_or(0, |given| *given.first().unwrap()),
                key,
            },
        };
        let checks: Vec<_> = checks.into_iter().map(resolve).collect();
        let broken = checks
            .iter()
            .find(|check| check.version != self.version(&check.key))
            .map(|check| check.key.clone());
        let done = store
            .commit(
                project,
                Commit {
                    checks,
                    writes: writes.clone(),
                },
            )
            .await;
        match (done, broken) {
            (Err(CommitError::Conflict(named)), Some(broken)) => assert_eq!(named, broken),
            (Ok(()), None) => self.apply(store, project, writes).await,
            other => panic!("{other:?}"),
        }
    }

    /// Applies the writes to the map. Only the storage knows the new versions: the model checks that they are
    /// new.
    async fn apply(&mut self, store: &impl Records, project: ProjectId, writes: Vec<Write>) {
        let before = self.records.clone();
        let changed: BTreeSet<_> = writes.iter().map(|write| write.key().to_vec()).collect();
        const NEW: Version = 0;
        for write in writes {
            match write {
                Write::PutMax(key, value) if self.records.get(&key).is_some_and(|(_, stored)| *stored >= value) => {}
                Write::Put(key, value) | Write::PutMax(key, value) => drop(self.records.insert(key, (NEW, value))),
                Write::Delete(key) => drop(self.records.remove(&key)),
            }
        }
        for key in changed {
            let version = store.get(project, std::slice::from_ref(&key)).await.unwrap().versions[0];
            match self.records.get_mut(&key) {
                None => assert_eq!(version, 0),
                Some(record) if record.0 != NEW => assert_eq!((version, &*record), (record.0, &before[&key])),
                Some(record) => {
                    assert!(
                        self.given.entry(key).or_default().insert(version),
                        "version {version} came back"
                    );
                    record.0 = version;
                }
            }
        }
    }

    async fn get(&self, store: &impl Records, project: ProjectId, keys: Vec<Key>) {
        let mut expected = Values::default();
        for key in &keys {
            expected
                .push(self.records.get(key).map(|(version, value)| (*version, &value[..])))
                .unwrap();
        }
        assert_eq!(store.get(project, &keys).await.unwrap(), expected);
    }

    async fn scan(&self, store: &impl Records, project: ProjectId, ranges: Vec<Range>) {
        let page = store.scan(project, &ranges).await.unwrap();
        let expected = ranges.iter().enumerate().flat_map(|(i, range)| {
            let inside = self
                .records
                .iter()
                .filter(|(key, _)| **key >= range.start && **key < range.end);
            let mut inside: Vec<_> = inside
                .map(|(key, (_, value))| (i, key.clone(), value.clone()))
                .collect();
            if range.reverse {
                inside.reverse();
            }
            inside.truncate(range.limit.try_into().unwrap());
            inside
        });
        assert_eq!((entries(&page), page.cut), (expected.collect(), None));
    }
}
