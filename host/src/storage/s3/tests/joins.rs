//! Joined files share the objects of their parts.

use super::*;
use crate::storage::PerProject;
use crate::storage::suite::blobs::collect;

#[tokio::test]
async fn a_join_copies_nothing_and_its_parts_may_go() {
    let (store, fake) = fresh().await;
    let (mut parts, mut all) = (Vec::new(), Vec::new());
    for (index, mebibytes) in [6, 0, 1, 12, 3].into_iter().enumerate() {
        let contents = large(u8::try_from(index).unwrap())[..mebibytes * 900_000].to_vec();
        parts.push(format!("p/{index}"));
        put(&store, &parts[index], &contents).await;
        all.extend_from_slice(&contents);
    }
    parts.push("p/0".to_owned());
    all.extend_from_slice(&large(0)[..6 * 900_000]);
    let objects = fake.keys();
    assert!(store.join(PROJECT, &parts, "all", u64::MAX).await.unwrap());
    assert_eq!(fake.keys(), objects);
    assert!(store.delete_below(PROJECT, "p").await.unwrap());
    collect_all(&store).await;
    assert_eq!(fake.keys(), objects);
    assert!(whole(&store, "all").await.unwrap() == all);
    let range = ByteRange {
        offset: 5_000_000,
        length: 2_000_000,
    };
    let open = store.read(PROJECT, "all", range).await.unwrap().unwrap();
    assert!(collect(open.contents).await == all[5_000_000..7_000_000]);
    assert_eq!(usage(&store).await, (1, all.len() as u64));
    assert!(store.delete(PROJECT, "all").await.unwrap());
    collect_all(&store).await;
    assert!(fake.keys().is_empty());
}

#[tokio::test]
async fn a_part_outlives_the_file_that_was_joined_of_it() {
    let (store, fake) = fresh().await;
    put(&store, "p", "12").await;
    let parts = ["p".to_owned(), "p".to_owned()];
    assert!(store.join(PROJECT, &parts, "a", 4).await.unwrap());
    let both = ["a".to_owned(), "p".to_owned()];
    assert!(store.join(PROJECT, &both, "b", 6).await.unwrap());
    for (gone, left) in [("a", 1), ("p", 1), ("b", 0)] {
        assert!(store.delete(PROJECT, gone).await.unwrap());
        collect_all(&store).await;
        assert_eq!(fake.keys().len(), left, "{gone}");
        if gone == "p" {
            assert_eq!(whole(&store, "b").await.unwrap(), b"121212");
        }
    }
}

/// Ten thousand references are more than fit into a commit.
#[tokio::test]
async fn a_join_of_very_many_parts_is_whole() {
    let (store, _fake) = fresh().await;
    let made = (0..10_000_u64).map(|index| object_id::ObjectId::first_of(object_id::now_ms() + 1 + index));
    let extents: Vec<_> = made.map(|object| extent::Extent { object, size: 1 }).collect();
    let mut names = Vec::new();
    for (index, extent) in extents.iter().enumerate() {
        let new = NewFile {
            size: 1,
            digest: None,
            extents: vec![*extent],
        };
        names.push(format!("p/{index}"));
        store.index.name(PROJECT, &names[index], &new).await.unwrap();
    }
    assert!(store.join(PROJECT, &names, "all", u64::MAX).await.unwrap());
    let Some(Entry::File(file)) = store.index.find(PROJECT, "all").await.unwrap() else {
        panic!("a file");
    };
    assert!(store.index.extents(PROJECT, file.content, file.size).await.unwrap() == extents);
    assert!(store.delete_below(PROJECT, "p").await.unwrap());
    let unused = async || {
        let objects: Vec<_> = extents.iter().map(|extent| extent.object).collect();
        store.index.unused(PROJECT, &objects).await.unwrap().len()
    };
    collect_all(&store).await;
    assert_eq!(unused().await, 0);
    assert!(store.delete(PROJECT, "all").await.unwrap());
    collect_all(&store).await;
    assert_eq!(unused().await, 10_000);
}

#[tokio::test]
async fn a_project_has_no_more_files_than_it_may_and_each_can_be_replaced() {
    let (store, _fake) = fresh().await;
    assert!(store.keep_below(PerProject::all(FileUsage { files: 2, bytes: 99 })));
    put(&store, "a", "1").await;
    put(&store, "b", "2").await;
    put(&store, "b", "3").await;
    let refused = store.join(PROJECT, &["a".to_owned()], "c", 99).await;
    assert!(matches!(refused, Err(StorageError::Full(_))), "{refused:?}");
    assert!(store.delete(PROJECT, "a").await.unwrap());
    put(&store, "c", "4").await;
    assert_eq!(usage(&store).await, (2, 2));
}

#[tokio::test]
async fn a_join_within_the_bound_is_not_refused_and_a_larger_one_is() {
    let (store, _fake) = fresh().await;
    let max = FileUsage { files: 9, bytes: 10 };
    assert!(store.keep_below(PerProject::all(max)));
    put(&store, "p/1", "12345").await;
    put(&store, "p/2", "12345").await;
    let parts = ["p/1".to_owned(), "p/2".to_owned()];
    assert!(store.join(PROJECT, &parts, "a", 99).await.unwrap());
    assert!(store.delete_below(PROJECT, "p").await.unwrap());
    let twice = ["a".to_owned(), "a".to_owned()];
    let refused = store.join(PROJECT, &twice, "b", 99).await;
    assert!(matches!(refused, Err(StorageError::Full(_))), "{refused:?}");
    assert_eq!(usage(&store).await, (1, 10));
}
