//! The rules of reading records, and helpers for all rules of records.

use std::sync::Arc;

use super::*;

pub(in crate::storage) fn put(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Write {
    Write::Put(key.as_ref().to_vec(), value.as_ref().to_vec())
}

pub(super) fn put_max(key: &str, value: impl AsRef<[u8]>) -> Write {
    Write::PutMax(key.into(), value.as_ref().to_vec())
}

pub(super) fn delete(key: &str) -> Write {
    Write::Delete(key.into())
}

pub(super) fn check(key: &str, version: Version) -> Check {
    Check {
        key: key.into(),
        version,
    }
}

pub(in crate::storage) fn range(start: impl AsRef<[u8]>, end: impl AsRef<[u8]>) -> Range {
    Range {
        start: start.as_ref().to_vec(),
        end: end.as_ref().to_vec(),
        limit: u32::MAX,
        reverse: false,
    }
}

pub(in crate::storage) async fn write(store: &impl Records, writes: impl Into<Vec<Write>>) {
    store
        .commit(
            PROJECT,
            Commit {
                checks: Vec::new(),
                writes: writes.into(),
            },
        )
        .await
        .unwrap();
}

pub(super) async fn write_if(store: &impl Records, checks: &[Check], writes: &[Write]) -> Result<(), CommitError> {
    store
        .commit(
            PROJECT,
            Commit {
                checks: checks.to_vec(),
                writes: writes.to_vec(),
            },
        )
        .await
}

pub(in crate::storage) async fn get(store: &impl Records, key: &str) -> (Version, Vec<u8>) {
    let values = store.get(PROJECT, &[key.into()]).await.unwrap();
    assert_eq!(values.ends, [u32::try_from(values.bytes.len()).unwrap()]);
    (values.versions[0], values.bytes)
}

pub(super) async fn value(store: &impl Records, key: &str) -> String {
    String::from_utf8(get(store, key).await.1).unwrap()
}

pub(super) async fn version(store: &impl Records, key: &str) -> Version {
    get(store, key).await.0
}

/// The entries of a page, each with the index of its range.
pub(in crate::storage) fn entries(page: &Page) -> Vec<(usize, Vec<u8>, Vec<u8>)> {
    let ranges = page
        .counts
        .iter()
        .enumerate()
        .flat_map(|(range, count)| (0..*count).map(move |_| range));
    let mut start = 0;
    let mut part = |end: u32| page.bytes[std::mem::replace(&mut start, end as usize)..end as usize].to_vec();
    let entries: Vec<_> = ranges
        .zip(page.ends.chunks(2))
        .map(|(i, ends)| (i, part(ends[0]), part(ends[1])))
        .collect();
    assert_eq!(entries.len() * 2, page.ends.len());
    assert_eq!(start, page.bytes.len());
    entries
}

pub(super) async fn keys(store: &impl Records, range: Range) -> Vec<String> {
    let page = store.scan(PROJECT, &[range]).await.unwrap();
    entries(&page)
        .into_iter()
        .map(|(_, key, _)| String::from_utf8(key).unwrap())
        .collect()
}

pub(super) fn conflicts_on(result: Result<(), CommitError>, key: &str) -> bool {
    matches!(result, Err(CommitError::Conflict(named)) if named == key.as_bytes())
}

pub(in crate::storage) async fn absent_records_have_version_0_and_no_bytes(store: Arc<impl Records>) {
    assert_eq!(get(&*store, "a").await, (0, Vec::new()));
    write(&*store, [put("a", "")]).await;
    assert!(version(&*store, "a").await > 0);
}

pub(in crate::storage) async fn values_come_in_the_order_asked(store: Arc<impl Records>) {
    write(&*store, [put("a", "1"), put("b", "22"), put("c", "")]).await;
    let values = store
        .get(PROJECT, &["b", "x", "a", "b", "c"].map(Into::into))
        .await
        .unwrap();
    assert_eq!((values.bytes, values.ends), (b"22122".to_vec(), vec![2, 2, 3, 5, 5]));
    assert_eq!(
        values.versions.iter().map(|version| *version > 0).collect::<Vec<_>>(),
        [true, false, true, true, true]
    );
    assert_eq!(store.get(PROJECT, &[]).await.unwrap(), Values::default());
}

pub(in crate::storage) async fn ranges_are_half_open_and_ordered_by_bytes(store: Arc<impl Records>) {
    write(
        &*store,
        [
            put("b", "4"),
            put("ab", "3"),
            put(b"a\xff", "6"),
            put(b"a\0", "2"),
            put("a", "1"),
        ],
    )
    .await;
    let up = store.scan(PROJECT, &[range("a", "b")]).await.unwrap();
    let values = |page: &Page| {
        entries(page)
            .into_iter()
            .flat_map(|(_, _, value)| value)
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&up), b"1236");
    let down = store
        .scan(
            PROJECT,
            &[Range {
                reverse: true,
                ..range("a", "b\0")
            }],
        )
        .await
        .unwrap();
    assert_eq!(values(&down), b"46321");
    let both = store
        .scan(PROJECT, &[range("b", "c"), range("x", "y"), range("", b"a\0")])
        .await
        .unwrap();
    assert_eq!(
        (both.counts.clone(), values(&both), both.cut),
        (vec![1, 0, 1], b"41".to_vec(), None)
    );
}

pub(in crate::storage) async fn ranges_stop_at_their_limit(store: Arc<impl Records>) {
    write(&*store, ["a", "b", "c"].map(|key| put(key, ""))).await;
    assert_eq!(
        keys(
            &*store,
            Range {
                limit: 2,
                ..range("a", "z")
            }
        )
        .await,
        ["a", "b"]
    );
    assert_eq!(
        keys(
            &*store,
            Range {
                limit: 2,
                reverse: true,
                ..range("a", "z")
            }
        )
        .await,
        ["c", "b"]
    );
    assert!(
        keys(
            &*store,
            Range {
                limit: 0,
                ..range("a", "z")
            }
        )
        .await
        .is_empty()
    );
}

pub(in crate::storage) async fn empty_and_inverted_ranges_hold_nothing(store: Arc<impl Records>) {
    write(&*store, [put("a", "1"), put("b", "2")]).await;
    let page = store
        .scan(
            PROJECT,
            &[range("a", "a"), range("b", "a"), range("", ""), range("b", "c")],
        )
        .await
        .unwrap();
    assert_eq!(page.counts, [0, 0, 0, 1]);
    assert_eq!(store.scan(PROJECT, &[]).await.unwrap(), Page::default());
}

/// Writes ten records of 1 MiB.
async fn ten_mib(store: &impl Records) {
    let value = vec![b'v'; 1 << 20];
    write(store, (0..10).map(|i| put(format!("k{i}"), &value)).collect::<Vec<_>>()).await;
}

pub(in crate::storage) async fn a_full_page_is_cut_and_can_be_continued(store: Arc<impl Records>) {
    ten_mib(&*store).await;
    for reverse in [false, true] {
        let mut rest = Range {
            reverse,
            ..range("k", "l")
        };
        let mut seen = Vec::new();
        loop {
            let page = store.scan(PROJECT, std::slice::from_ref(&rest)).await.unwrap();
            let keys: Vec<_> = entries(&page).into_iter().map(|(_, key, _)| key).collect();
            let last = keys.last().unwrap().clone();
            seen.extend(keys);
            match (page.cut, reverse) {
                (None, _) => break,
                (Some(cut), false) => (assert_eq!(cut, 0), rest.start = [&last[..], b"\0"].concat()).1,
                (Some(cut), true) => (assert_eq!(cut, 0), rest.end = last).1,
            }
            assert!(page.bytes.len() < PAGE_BYTES + (2 << 20));
        }
        let mut expected: Vec<_> = (0..10).map(|i| format!("k{i}").into_bytes()).collect();
        if reverse {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
}

pub(in crate::storage) async fn a_page_that_is_just_full_is_not_cut(store: Arc<impl Records>) {
    write(&*store, [put("k", vec![0; PAGE_BYTES])]).await;
    let page = store.scan(PROJECT, &[range("k", "l"), range("x", "y")]).await.unwrap();
    assert_eq!((page.counts, page.cut), (vec![1, 0], None));
}

pub(in crate::storage) async fn a_cut_between_ranges_names_the_one_not_begun(store: Arc<impl Records>) {
    ten_mib(&*store).await;
    let ranges = [
        Range {
            limit: 4,
            ..range("k", "l")
        },
        range("x", "y"),
        range("k7", "k9"),
        range("k", "l"),
    ];
    let page = store.scan(PROJECT, &ranges).await.unwrap();
    assert_eq!((page.counts, page.cut), (vec![4, 0, 0, 0], Some(2)));
}

pub(in crate::storage) async fn an_entry_larger_than_a_page_is_delivered(store: Arc<impl Records>) {
    write(&*store, [put("a", vec![1; 9 << 20]), put("b", "2")]).await;
    let page = store.scan(PROJECT, &[range("a", "z")]).await.unwrap();
    assert_eq!(
        (page.counts, page.cut, page.bytes.len()),
        (vec![1], Some(0), (9 << 20) + 1)
    );
}

pub(in crate::storage) async fn records_are_measured_in_parts(store: Arc<impl Records>) {
    let long = vec![7; PAGE_BYTES];
    let writes = [
        put("a", b"12"),
        put("bb", &long),
        put([0xff; KEY_BYTES_MAX], b""),
        put("c", b"3"),
    ];
    let whole: usize = writes.iter().map(|write| write.key().len() + write.value().len()).sum();
    write(&*store, writes).await;
    for count in [1, 3, 100] {
        let (mut bytes, mut after) = (0, Vec::new());
        for _ in 0..10 {
            let measured = store.measure(PROJECT, &after, count).await.unwrap();
            bytes += measured.bytes;
            match measured.last {
                Some(last) => after = last,
                None => break,
            }
        }
        assert_eq!(bytes, to_u64(whole), "{count} at a time");
        assert_eq!(
            store.measure(PROJECT, &after, count).await.unwrap(),
            Measured::default()
        );
    }
    assert_eq!(store.measure(OTHER, &[], 10).await.unwrap(), Measured::default());
}
