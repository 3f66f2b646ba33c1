//! The rules of commits.

use std::sync::Arc;

use super::records::{
    check, conflicts_on, delete, entries, get, keys, put, put_max, range, value, version, write, write_if,
};
use super::*;

pub(in crate::storage) async fn raise_stores_the_greater_value_only(store: Arc<impl Records>) {
    write(&*store, [put_max("a", "b")]).await;
    let first = version(&*store, "a").await;
    for (smaller, stays) in [("a", "b"), ("b", "b"), ("", "b"), ("azzz", "b")] {
        write(&*store, [put_max("a", smaller)]).await;
        assert_eq!(
            (version(&*store, "a").await, value(&*store, "a").await),
            (first, stays.into())
        );
    }
    for greater in ["b\0", "ba", "c"] {
        write(&*store, [put_max("a", greater)]).await;
        assert_eq!(value(&*store, "a").await, greater);
    }
    assert_ne!(version(&*store, "a").await, first);
}

pub(in crate::storage) async fn writes_apply_in_their_order(store: Arc<impl Records>) {
    let writes = [
        put("a", "1"),
        delete("a"),
        put("b", "9"),
        put_max("b", "5"),
        put("c", "1"),
        put("c", "0"),
        put_max("a", ""),
    ];
    write(&*store, writes).await;
    assert_eq!(keys(&*store, range("a", "z")).await, ["a", "b", "c"]);
    let values = store.get(PROJECT, &["a", "b", "c"].map(Into::into)).await.unwrap();
    assert_eq!(values.bytes, b"90");
}

pub(in crate::storage) async fn deleting_an_absent_record_succeeds(store: Arc<impl Records>) {
    write(&*store, [delete("a")]).await;
    assert_eq!(version(&*store, "a").await, 0);
}

pub(in crate::storage) async fn checks_compare_versions_and_absence(store: Arc<impl Records>) {
    write_if(&*store, &[check("a", 0)], &[put("a", "1")]).await.unwrap();
    assert!(conflicts_on(
        write_if(&*store, &[check("a", 0)], &[put("a", "2")]).await,
        "a"
    ));
    let seen = version(&*store, "a").await;
    write_if(&*store, &[check("a", seen), check("b", 0)], &[put("a", "3")])
        .await
        .unwrap();
    assert!(conflicts_on(
        write_if(&*store, &[check("a", seen)], &[put("a", "4")]).await,
        "a"
    ));
    write(&*store, [delete("a")]).await;
    assert!(conflicts_on(
        write_if(&*store, &[check("a", seen)], &[put("a", "5")]).await,
        "a"
    ));
    write_if(&*store, &[check("a", 0)], &[]).await.unwrap();
}

pub(in crate::storage) async fn a_conflict_names_the_key_and_changes_nothing(store: Arc<impl Records>) {
    write(&*store, [put("a", "1"), put("b", "1")]).await;
    let seen = version(&*store, "a").await;
    let writes = [put("a", "2"), delete("b"), put_max("c", "2")];
    let result = write_if(&*store, &[check("a", seen), check("b", 0), check("c", 9)], &writes).await;
    assert!(conflicts_on(result, "b"));
    assert_eq!(keys(&*store, range("a", "z")).await, ["a", "b"]);
    assert_eq!(get(&*store, "a").await, (seen, b"1".to_vec()));
}

pub(in crate::storage) async fn a_commit_without_writes_tests_its_checks(store: Arc<impl Records>) {
    write_if(&*store, &[], &[]).await.unwrap();
    write_if(&*store, &[check("a", 0)], &[]).await.unwrap();
    assert!(conflicts_on(write_if(&*store, &[check("a", 1)], &[]).await, "a"));
}

pub(in crate::storage) async fn versions_are_never_reused(store: Arc<impl Records>) {
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..5 {
        write(&*store, [put("a", "same")]).await;
        assert!(seen.insert(version(&*store, "a").await));
        write(&*store, [put("a", "same")]).await;
        assert!(seen.insert(version(&*store, "a").await));
        write(&*store, [delete("a")]).await;
    }
    write(&*store, [delete("a"), put("a", "same")]).await;
    assert!(seen.insert(version(&*store, "a").await));
}

pub(in crate::storage) async fn projects_never_see_each_other(store: Arc<impl Records>) {
    let projects = [PROJECT, OTHER, ProjectId(0), ProjectId(8), ProjectId(1 << 63)];
    for project in projects {
        let commit = Commit {
            checks: vec![check("a", 0)],
            writes: vec![put("a", project.0.to_string())],
        };
        store.commit(project, commit).await.unwrap();
    }
    store
        .commit(
            OTHER,
            Commit {
                checks: Vec::new(),
                writes: vec![delete("a")],
            },
        )
        .await
        .unwrap();
    for project in projects.into_iter().filter(|project| *project != OTHER) {
        assert_eq!(
            store.get(project, &["a".into()]).await.unwrap().bytes,
            project.0.to_string().into_bytes()
        );
        let page = store.scan(project, &[range("", [0xff; 8])]).await.unwrap();
        assert_eq!(entries(&page), [(0, b"a".to_vec(), project.0.to_string().into_bytes())]);
    }
}

pub(in crate::storage) async fn requests_beyond_a_limit_are_refused(store: Arc<impl Records>) {
    let commit = |checks, writes| store.commit(PROJECT, Commit { checks, writes });
    let long = "k".repeat(KEY_BYTES_MAX + 1);
    for (checks, writes) in [
        (Vec::new(), vec![put("", "")]),
        (Vec::new(), vec![put(&long, "")]),
        (Vec::new(), vec![delete(&long)]),
        (vec![check(&long, 0)], Vec::new()),
        (vec![check("", 0)], Vec::new()),
        (Vec::new(), vec![put_max("a", vec![0; VALUE_BYTES_MAX + 1])]),
        (
            Vec::new(),
            vec![put("a", vec![0; VALUE_BYTES_MAX]), put("b", vec![0; VALUE_BYTES_MAX])],
        ),
        (Vec::new(), vec![put("a", ""); COMMIT_ITEMS_MAX + 1]),
        (vec![check("a", 0); COMMIT_ITEMS_MAX + 1], Vec::new()),
    ] {
        assert!(matches!(
            commit(checks, writes).await,
            Err(CommitError::Failed(StorageError::TooLarge(_)))
        ));
    }
    let get = async |keys: Vec<Vec<u8>>| matches!(store.get(PROJECT, &keys).await, Err(StorageError::TooLarge(_)));
    assert!(get(vec![Vec::new()]).await);
    assert!(get(vec![long.into_bytes()]).await);
    assert!(get(vec![b"a".to_vec(); READ_ITEMS_MAX + 1]).await);
    let ranges = vec![range("a", "b"); READ_ITEMS_MAX + 1];
    assert!(matches!(
        store.scan(PROJECT, &ranges).await,
        Err(StorageError::TooLarge(_))
    ));
    assert!(keys(&*store, range("", "z")).await.is_empty());
    write(&*store, [put("a", vec![0; 22 << 20])]).await;
    assert!(get(vec![b"a".to_vec(); 3]).await);
    assert!(!get(vec![b"a".to_vec(); 2]).await);
}

pub(in crate::storage) async fn the_largest_allowed_records_are_stored(store: Arc<impl Records>) {
    let key = "k".repeat(KEY_BYTES_MAX);
    let value = vec![9; VALUE_BYTES_MAX];
    write(&*store, [put(&key, &value)]).await;
    assert!(get(&*store, &key).await.1 == value);
    let many: Vec<_> = (0..COMMIT_ITEMS_MAX).map(|i| put(format!("m{i:05}"), "")).collect();
    write(&*store, many).await;
    assert_eq!(keys(&*store, range("m", "n")).await.len(), COMMIT_ITEMS_MAX);
    let all = vec![key.into_bytes(); 2];
    assert_eq!(store.get(PROJECT, &all).await.unwrap().bytes.len(), READ_BYTES_MAX);
}

pub(in crate::storage) async fn a_commit_abandoned_by_its_caller_is_whole_or_absent(store: Arc<impl Records>) {
    for i in 0..20 {
        let (key, store_of_task) = (format!("{i:02}"), Arc::clone(&store));
        let writes = vec![put(format!("a{key}"), ""), put(format!("b{key}"), "")];
        let task = tokio::spawn(async move { store_of_task.commit(PROJECT, Commit { checks: vec![], writes }).await });
        tokio::task::yield_now().await;
        task.abort();
        let _ = task.await;
    }
    // When this commit is decided, all former ones are.
    write(&*store, [put("z", "")]).await;
    let (a, b) = (
        keys(&*store, range("a", "b")).await,
        keys(&*store, range("b", "c")).await,
    );
    assert_eq!(
        a.iter().map(|key| &key[1..]).collect::<Vec<_>>(),
        b.iter().map(|key| &key[1..]).collect::<Vec<_>>()
    );
}

pub(in crate::storage) async fn concurrent_commits_lose_nothing(store: Arc<impl Records>) {
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for i in 0..20 {
                    let mark = put(format!("mark/{task}/{i}"), "");
                    loop {
                        let (version, bytes) = get(&*store, "counter").await;
                        let count = String::from_utf8(bytes).unwrap().parse().unwrap_or(0) + 1;
                        let writes = [put("counter", count.to_string()), mark.clone()];
                        match write_if(&*store, &[check("counter", version)], &writes).await {
                            Ok(()) => break,
                            Err(CommitError::Conflict(_)) => {}
                            Err(error) => panic!("{error:?}"),
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(value(&*store, "counter").await, "320");
    assert_eq!(keys(&*store, range("mark/", "mark0")).await.len(), 320);
}

pub(in crate::storage) async fn readers_see_whole_commits_only(store: Arc<impl Records>) {
    let writer = Arc::clone(&store);
    let task = tokio::spawn(async move {
        for i in 0..200 {
            write(&*writer, [put("a", i.to_string()), put("z", i.to_string())]).await;
        }
    });
    while !task.is_finished() {
        let values = store.get(PROJECT, &["a", "z"].map(Into::into)).await.unwrap();
        assert_eq!(values.versions[0], values.versions[1]);
        let page = store.scan(PROJECT, &[range("a", "b"), range("z", "zz")]).await.unwrap();
        let values: Vec<_> = entries(&page).into_iter().map(|(_, _, value)| value).collect();
        assert!(values.is_empty() || values[0] == values[1]);
        tokio::task::yield_now().await;
    }
    task.await.unwrap();
    assert_eq!(value(&*store, "a").await, "199");
}
